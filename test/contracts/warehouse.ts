/** What every warehouse keeps to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Warehouse } from '../../runner/core/contracts/warehouse.ts';
import { type Dialect, WarehouseBench } from './warehouse-bench.ts';
import { changeTests } from './warehouse-changes.ts';
import { commitTests } from './warehouse-commits.ts';
import { lateTests } from './warehouse-late.ts';
import { replayTests } from './warehouse-replays.ts';
import { stretchTests } from './warehouse-stretches.ts';

/**
 * @param open opens the warehouse at a place: the path of a file that does not exist yet, fresh for each test
 */
export function warehouseSuite(name: string, open: (place: string) => Promise<Warehouse>, dialect: Dialect): void {
  describe(`${name}: warehouse`, () => {
    let folder: string;
    let bench: WarehouseBench;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'tributary-warehouse-'));
      bench = new WarehouseBench(await open(join(folder, 'warehouse')), dialect);
    });

    afterEach(async () => {
      await bench.warehouse[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    test('it says what it cannot do', () => {
      const { gaps } = bench.warehouse.capabilities;
      for (const gap of gaps) console.info(`${name}: ${gap}`);
      expect(gaps.filter((gap) => !gap.endsWith('.'))).toEqual([]);
    });

    changeTests(() => bench);
    commitTests(() => bench);
    lateTests(() => bench);
    replayTests(() => bench);
    stretchTests(() => bench);
  });
}
