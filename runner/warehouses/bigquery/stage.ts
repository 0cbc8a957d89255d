/** Rows on their way: parts in the bucket, the staging table, and what of it fits. */

import { isDuplicate } from '../../bigquery/failure.ts';
import type { InletEnd } from '../../core/channel.ts';
import type { PartsSpec, QuarantinedRow, Staging, Written } from '../../core/contracts/staging.ts';
import type { RestagePolicy, RunIdentity, StagedColumn, StageSpec, TableRef } from '../../core/contracts/warehouse.ts';
import { LATE } from '../../core/late.ts';
import { dropTable } from './calls.ts';
import { type Checked, checkedOf, checkQuery } from './check-query.ts';
import { formatOf, loadParts } from './load.ts';
import { stagingOf } from './names.ts';
import { pendingQuery } from './queries.ts';
import type { Session } from './session.ts';
import { createStaging } from './tables.ts';
import type { StagedTable } from './typed-rows.ts';
import { partColumn } from './types.ts';

/** What lies in the staging table. */
export interface StagedRows {
  readonly table: StagedTable;
  readonly checked: Checked;
  readonly rejected: number;
  readonly uncastable: number;
  /** Values that became NULL on the way and in the check. */
  readonly nullified: number;
  readonly vectorPath: 'fast' | 'safe';
  /** Places of quarantined rows that are not staged because an equal one is; `null` where this is no replay. */
  readonly twins: readonly string[] | null;
}

export async function stageRows(
  session: Session,
  staging: Staging,
  spec: StageSpec,
  inlet: InletEnd,
  signal: AbortSignal,
): Promise<StagedRows> {
  return (await stageWritten(session, spec, staging.write(partsSpec(spec), inlet, signal), signal)).staged;
}

/** Loads parts that are being written. */
export async function stageWritten<W extends Written>(
  session: Session,
  spec: StageSpec,
  writing: Promise<W>,
  signal: AbortSignal,
): Promise<{ readonly written: W; readonly staged: StagedRows }> {
  const [written] = await both(writing, makeTable(session, spec));
  await load(session, spec, written, false, signal);
  const { rejected, vectorPath } = written;
  const table = stagedTable(session.api.project, spec);
  const whole = { rows: written.manifest.rows - rejected, misfits: rejected, nullified: 0 };
  const checked = spec.keysOnly ? { ...NOTHING_CHECKED, ...whole } : await check(session, table, []);
  const nullified = checked.nullified + nullifiedOf(written);
  const uncastable = checked.misfits - rejected;
  return { written, staged: { table, checked, rejected, uncastable, nullified, vectorPath, twins: null } };
}

/** Late fields stay in the column that carries them and are typed in the check. */
export async function unfoldRows(
  session: Session,
  late: readonly StagedColumn[],
  staged: StagedRows,
): Promise<StagedRows> {
  if (late.length === 0) return staged;
  const table = { ...staged.table, columns: [...staged.table.columns, ...late] };
  const checked = await check(session, table, []);
  const nullified = staged.nullified - staged.checked.nullified + checked.nullified;
  return { ...staged, table, checked, nullified, uncastable: checked.misfits - staged.rejected };
}

export async function restageRows(
  session: Session,
  staging: Staging,
  spec: StageSpec,
  policy: RestagePolicy,
): Promise<StagedRows> {
  const [written] = await both(
    staging.rewrite(partsSpec(spec), policy, pendingRows(session, spec)),
    makeTable(session, spec),
  );
  await load(session, spec, written, true);
  const table = { ...stagedTable(session.api.project, spec), replay: true };
  const checked = await check(session, table, []);
  const nullified = checked.nullified + written.nullified;
  const { twins, vectorPath } = written;
  return { table, checked, rejected: 0, uncastable: checked.misfits, nullified, vectorPath, twins };
}

/** @param key columns whose ranges are wanted too */
export async function check(session: Session, table: StagedTable, key: readonly string[]): Promise<Checked> {
  const [row] = await session.query('check', table.run, { sql: checkQuery(table, key), parameters: [] });
  return checkedOf(row ?? {}, key);
}

export function stagedTable(project: string, { run, columns, snapshotDate, keysOnly }: StageSpec): StagedTable {
  return {
    ...{ project, run, columns: columns.filter(({ column }) => column.name !== LATE) },
    ...(snapshotDate === undefined ? {} : { snapshotDate }),
    ...(keysOnly === undefined ? {} : { keysOnly }),
  };
}

export const NOTHING_CHECKED = { frequentReason: null, ranges: [], distinctKeys: null } as const;

export function partsSpec({ run, columns, layout, rowBytes, keysOnly, maxRejected }: StageSpec): PartsSpec {
  return {
    run,
    name: keysOnly ? 'keys' : 'rows',
    columns: columns.map(partColumn),
    layout,
    format: formatOf(rowBytes),
    rowBytes,
    cursor: null,
    ...(maxRejected === undefined ? {} : { maxRejected }),
  };
}

export function makeTable(session: Session, { run, columns, keysOnly }: StageSpec): Promise<void> {
  const { api, labels } = session;
  const statement = createStaging(api.project, run, columns, labels, keysOnly);
  return makeAnew(session, run, stagingOf(run, keysOnly), statement);
}

/** A table that an earlier stage of this run left is made anew. */
export async function makeAnew(session: Session, run: RunIdentity, table: TableRef, statement: string): Promise<void> {
  const create = () => session.execute('create', run, statement);
  try {
    await create();
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    await dropTable(session, table);
    await create();
  }
}

async function load(
  session: Session,
  { run, columns, keysOnly }: StageSpec,
  { manifest }: Written,
  replay: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const table = stagingOf(run, keysOnly);
  await loadParts(session, { run, table, columns, manifest, replay, name: keysOnly ? 'keys' : 'rows' }, signal);
}

/** In the order they came; a few at a time would be a query each, and quarantine is small by its limits. */
async function* pendingRows({ api, query }: Session, { run }: StageSpec): AsyncIterable<readonly QuarantinedRow[]> {
  const rows = await query('read', run, pendingQuery(api.project, run.tenant, run.source));
  if (rows.length === 0) return;
  yield rows.map(({ place, run_id, column_name, reason, row }) => ({
    place: String(place),
    runId: String(run_id),
    column: String(column_name),
    reason: String(reason),
    row: String(row),
  }));
}

function nullifiedOf(written: Written & { readonly nullified?: number }): number {
  return written.nullified ?? 0;
}

/** Waits for both, so that nothing goes on behind a failure; throws the first's before the second's. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<readonly [A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
}
