/** Stops a commit that would take too many rows away. */

import type { Engine } from '../../columnar/engine.ts';
import type { CommitSpec } from '../../core/contracts/warehouse.ts';
import { TributaryError } from '../../core/errors.ts';
import { replacedRows } from './append.ts';
import type { ChangeTables } from './change-tables.ts';
import { sweptRows } from './merge.ts';

/** @throws BRAKE_DELETES where the share of rows that are gone from the source is over the limit. */
export async function brakeOnDeletes(engine: Engine, spec: CommitSpec, tables: ChangeTables): Promise<void> {
  if (!tables.exists || spec.allowMassDelete) return;
  const found = await losses(engine, spec, tables);
  if (found === null || found.gone <= found.before * spec.maxDeleteRatio) return;
  throw new TributaryError('BRAKE_DELETES', {
    rows: found.gone,
    before: found.before,
    table: `${spec.target.dataset}.${spec.target.table}${found.among}`,
    limit: spec.maxDeleteRatio,
    command: spec.command,
  });
}

async function losses(
  engine: Engine,
  { change }: CommitSpec,
  tables: ChangeTables,
): Promise<{ gone: number; before: number; among: string } | null> {
  const count = async (rows: string) => Number((await engine.query(`SELECT count(*) AS n FROM ${rows}`))[0]?.n ?? 0);
  if (change.kind === 'merge' && change.deletes !== 'ignore') {
    const gone = await count(sweptRows(change.key, tables, change.deletes === 'soft'));
    return { gone, before: await count(tables.target), among: '' };
  }
  if (change.kind !== 'append' || change.stretch === undefined) return null;
  const { column, from, to } = change.stretch;
  const before = await count(replacedRows(change.stretch, change.key, tables));
  return { gone: before - tables.staged, before, among: ` (${from === null ? '' : `${from} ≤ `}${column} < ${to})` };
}
