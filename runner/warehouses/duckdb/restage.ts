/** Quarantined rows of the embedded warehouse, staged in place of rows of the source. */

import type { Engine } from '../../columnar/engine.ts';
import type { VectorPath } from '../../columnar/receive.ts';
import { ADDED, NULLIFIED, retyped, twinPlaces } from '../../columnar/retype.ts';
import { quoteText } from '../../columnar/sql.ts';
import { tableColumn } from '../../columnar/typing.ts';
import { MISFIT_COLUMNS } from '../../core/contracts/staging.ts';
import type { Restaged, RestagePolicy, RunIdentity, StageSpec } from '../../core/contracts/warehouse.ts';
import { evidence, qualified, stagingOf } from './names.ts';
import type { StagedRows } from './stage.ts';

/** A row that stays in quarantine. */
interface Stay {
  /** Its rowid in `_quarantine`: stable, because the table only grows and this process alone has it open. */
  readonly place: string;
  readonly column: string;
  readonly reason: string;
}

/** What a commit needs to know of a replay. */
export interface Replay {
  readonly stays: readonly Stay[];
  /** Staged rows that another run had quarantined too, and that are not staged twice. */
  readonly twins: number;
}

export type ReplayedRows = StagedRows & Restaged & { readonly replay: Replay };

const pending = (source: string) => `source = ${quoteText(source)} AND replayed_by IS NULL`;

export async function restageRows(
  engine: Engine,
  { run, target, columns }: StageSpec,
  policy: RestagePolicy,
  vectorPath: VectorPath,
): Promise<ReplayedRows> {
  const { place, column, reason } = MISFIT_COLUMNS;
  const table = qualified(stagingOf(run, target));
  const quarantine = `(SELECT rowid AS place, rowid AS nth, run_id, reason, "row" FROM ${evidence(run.tenant, '_quarantine')} WHERE ${pending(run.source)})`;
  const retyping = { columns: columns.map(tableColumn), policy };
  const stamps = [`${quoteText(run.runId)} AS _run_id`, `TIMESTAMPTZ ${quoteText(run.startedAt)} AS _extracted_at`];
  await engine.execute(`DROP TABLE IF EXISTS ${table}`);
  await engine.execute(`CREATE TABLE ${table} AS ${retyped(quarantine, retyping, stamps)} ORDER BY ${place}`);
  const found = await engine.query(
    `SELECT ${place} AS place, ${column} AS misfit, ${reason} AS reason FROM ${table} WHERE ${column} IS NOT NULL ORDER BY ${place}`,
  );
  const stays = found.map((row) => ({
    place: String(row.place),
    column: String(row.misfit),
    reason: String(row.reason),
  }));
  await engine.execute(`DELETE FROM ${table} WHERE ${column} IS NOT NULL`);
  const twins = (await engine.execute(`DELETE FROM ${table} WHERE ${place} IN (${twinPlaces(quarantine, table)})`))
    .changed;
  const [left] = await engine.query(
    `SELECT count(*) AS rows, coalesce(sum(${NULLIFIED}), 0)::BIGINT AS nullified FROM ${table}`,
  );
  for (const added of ADDED) await engine.execute(`ALTER TABLE ${table} DROP COLUMN ${added}`);
  return {
    rows: Number(left?.rows) + twins,
    rejected: 0,
    uncastable: stays.length,
    frequentReason: stays[0]?.reason ?? null,
    vectorPath,
    rejects: [],
    nullified: Number(left?.nullified),
    replay: { stays, twins },
  };
}

/** Rows that still do not fit get their new reason; the others are replayed by this run. Inside the commit's transaction. */
export async function settleQuarantine(engine: Engine, run: RunIdentity, { stays }: Replay): Promise<void> {
  const quarantine = evidence(run.tenant, '_quarantine');
  await engine.execute(`UPDATE ${quarantine} SET replayed_by = $1 WHERE ${pending(run.source)}`, [run.runId]);
  for (const { place, column, reason } of stays)
    await engine.execute(
      `UPDATE ${quarantine} SET replayed_by = NULL, column_name = $1, reason = $2 WHERE rowid = $3::BIGINT`,
      [column, reason, place],
    );
}
