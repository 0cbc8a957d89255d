/** What every warehouse keeps to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe } from 'vitest';
import type { TableRef, Warehouse } from '../../runner/core/contracts/warehouse.ts';
import { WarehouseBench } from './warehouse-bench.ts';
import { changeTests } from './warehouse-changes.ts';
import { commitTests } from './warehouse-commits.ts';
import { replayTests } from './warehouse-replays.ts';
import { stretchTests } from './warehouse-stretches.ts';

/**
 * @param open opens the warehouse at a place: the path of a file that does not exist yet, fresh for each test
 * @param sql how its SQL names a table
 */
export function warehouseSuite(
  name: string,
  open: (place: string) => Promise<Warehouse>,
  sql: (table: TableRef) => string,
): void {
  describe(`${name}: warehouse`, () => {
    let folder: string;
    let bench: WarehouseBench;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'tributary-warehouse-'));
      bench = new WarehouseBench(await open(join(folder, 'warehouse')), sql);
    });

    afterEach(async () => {
      await bench.warehouse[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    changeTests(() => bench);
    commitTests(() => bench);
    replayTests(() => bench);
    stretchTests(() => bench);
  });
}
