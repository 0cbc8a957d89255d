/**
 * Puts a table and the state of its source back to what they were before a run: {@link undoQuery}, {@link undoPlan},
 * {@link undoSnapshot}, then with the table and the snapshot as the API describes them {@link undoScript}.
 */

import { latestView } from '../../../tenants/naming.ts';
import { list, type Query, quoteName, quoteText } from '../../bigquery/sql.ts';
import type { RunIdentity, TableRef } from '../../core/contracts/warehouse.ts';
import { RAISE_LEASE_LOST } from './brake.ts';
import { everyRow } from './changes/change-tables.ts';
import { type FoundTable, filterColumn } from './design.ts';
import { insertEvidence } from './evidence.ts';
import { evidenceOf, qualified, stateOf, undoSnapshotOf } from './names.ts';
import { createLatestView } from './tables.ts';
import { columnType } from './types.ts';

const UNDO = 'undo';

/** BigQuery keeps what a table was for this long, and for less where a dataset says so. */
const TRAVEL_HOURS = 7 * 24;

/** What an undo does. */
export interface UndoPlan {
  /** The moment before the run, as the text of a TIMESTAMP. */
  readonly at: string;
  /** Runs that are undone with it, the oldest first: that is the run itself. */
  readonly runs: readonly string[];
}

/** The run and all runs of the source since, the oldest first; for {@link undoPlan}. */
export function undoQuery(project: string, run: Pick<RunIdentity, 'tenant' | 'source'>, runId: string): Query {
  const runs = qualified(project, evidenceOf(run.tenant, '_runs'));
  const columns = [
    'r.run_id',
    'r.mode',
    'r.undone_by',
    'CAST(r.started_from AS STRING) AS started_from',
    'TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), r.started_from, HOUR) AS hours',
    `(SELECT COUNT(*) FROM ${runs} AS b WHERE b.source = @source AND b.started_from < r.started_from) AS earlier`,
  ];
  const from = `SELECT x.started_from FROM ${runs} AS x WHERE x.source = @source AND x.run_id = @undone`;
  return {
    sql: `SELECT ${columns.join(', ')} FROM ${runs} AS r WHERE r.source = @source AND r.started_from >= (${from}) ORDER BY r.started_from, r.run_id = @undone DESC`,
    parameters: [
      { name: 'source', type: 'STRING', value: run.source },
      { name: 'undone', type: 'STRING', value: runId },
    ],
  };
}

/** The plan, or in words why there is none: the reason of UNDO_IMPOSSIBLE. No rows: there is no such run. */
export function undoPlan(rows: readonly Readonly<Record<string, unknown>>[]): UndoPlan | string {
  const [first] = rows;
  if (first === undefined) return 'no run of this source has this id';
  if (first.mode === UNDO) return 'it is an undo itself';
  if (first.undone_by !== null && first.undone_by !== undefined) return `run ${first.undone_by} has undone it`;
  if (Number(first.hours) >= TRAVEL_HOURS) return 'it is more than seven days old, and BigQuery keeps no earlier state';
  if (Number(first.earlier) === 0) return 'it was the first run of the source: there was nothing before it';
  const undone = rows.filter((row) => row.undone_by === null || row.undone_by === undefined);
  return { at: String(first.started_from), runs: undone.map(({ run_id: id }) => String(id)) };
}

/** The table at that moment, without a copy of its rows, in the staging dataset; it expires by itself. Fails as a duplicate where it is there already. */
export function undoSnapshot(project: string, run: RunIdentity, target: TableRef, at: string): string {
  const snapshot = qualified(project, undoSnapshotOf(run));
  const until = 'OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY))';
  return `CREATE SNAPSHOT TABLE ${snapshot} CLONE ${qualified(project, target)} FOR SYSTEM_TIME AS OF TIMESTAMP ${quoteText(at)} ${until}`;
}

/** What the transaction of an undo needs. */
export interface UndoInput {
  readonly project: string;
  readonly run: RunIdentity;
  readonly target: TableRef;
  readonly plan: UndoPlan;
  /** The target as it is. */
  readonly now: FoundTable;
  /** The snapshot of {@link undoSnapshot}. */
  readonly before: FoundTable;
}

/**
 * The transaction. Its last SELECT is one row: rows (those of the table now), cursor. The statements of `after` are best
 * effort, like those of a commit.
 */
export function undoScript(input: UndoInput): Query & { readonly after: readonly string[] } {
  const { project, run, target, plan, now } = input;
  const state = qualified(project, stateOf(run.tenant, run.source));
  const table = qualified(project, target);
  const where = everyRow({ filter: filterColumn(now) }, 't');
  const condition = where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`;
  const past = `SELECT AS STRUCT cursor_value, run_id, committed_at, TO_JSON_STRING(columns) AS columns, strategy FROM ${state} FOR SYSTEM_TIME AS OF TIMESTAMP ${quoteText(plan.at)}`;
  const script = [
    'DECLARE tributary_from, tributary_at TIMESTAMP',
    'DECLARE tributary_gone, tributary_back INT64 DEFAULT 0',
    'DECLARE tributary_state STRUCT<cursor_value STRING, run_id STRING, committed_at TIMESTAMP, columns STRING, strategy STRING>',
    `SET tributary_state = (${past})`,
    ...missingColumns(input),
    'SET tributary_from = CURRENT_TIMESTAMP()',
    'BEGIN TRANSACTION',
    'SET tributary_at = CURRENT_TIMESTAMP()',
    ...fence(project, run, state),
    `SET tributary_gone = (SELECT COUNT(*) FROM ${table} AS t${condition})`,
    `TRUNCATE TABLE ${table}`,
    restore(input),
    'SET tributary_back = @@row_count',
    ...settle(project, run),
    'COMMIT TRANSACTION',
    'SELECT tributary_back AS `rows`, tributary_state.cursor_value AS cursor_value',
  ];
  const dated = now.columns.some(({ name }) => name === '_snapshot_date');
  const view = { ...target, table: latestView(target.table) };
  return {
    sql: `${script.join(';\n')};`,
    parameters: [
      { name: 'run_id', type: 'STRING', value: run.runId },
      { name: 'source', type: 'STRING', value: run.source },
      { name: 'token', type: 'INT64', value: String(run.fencingToken) },
      { name: 'started_at', type: 'TIMESTAMP', value: run.startedAt },
      { name: 'runs', type: 'STRING', values: plan.runs },
    ],
    after: dated ? [createLatestView(project, view, target, '0001-01-01')] : [],
  };
}

/** Columns that the table has lost since come back. */
function missingColumns({ project, target, now, before }: UndoInput): string[] {
  const known = new Set(now.columns.map(({ name }) => name));
  const missing = before.columns.filter(({ name }) => !known.has(name));
  if (missing.length === 0) return [];
  const added = missing.map(({ name, type }) => `ADD COLUMN IF NOT EXISTS ${quoteName(name)} ${columnType(type)}`);
  return [`ALTER TABLE ${qualified(project, target)} ${added.join(', ')}`];
}

/** The state of the source as it was, but for the token: the lease goes on. */
function fence(project: string, { tenant }: RunIdentity, state: string): string[] {
  const past = ['cursor_value', 'run_id', 'committed_at', 'strategy'].map(
    (name) => `${name} = tributary_state.${name}`,
  );
  const columns = "columns = PARSE_JSON(tributary_state.columns, wide_number_mode => 'round')";
  const runs = qualified(project, evidenceOf(tenant, '_runs'));
  const open = `NOT EXISTS (SELECT 1 FROM ${runs} AS done WHERE done.run_id = @run_id)`;
  return [
    `UPDATE ${state} SET ${[...past, columns, 'fencing_token = @token'].join(', ')} WHERE fencing_token <= @token AND ${open}`,
    `IF @@row_count = 0 THEN ${RAISE_LEASE_LOST} END IF`,
  ];
}

function restore({ project, run, target, before }: UndoInput): string {
  const columns = list(before.columns.map(({ name }) => name));
  const snapshot = qualified(project, undoSnapshotOf(run));
  const where = everyRow({ filter: filterColumn(before) }, 'b');
  const condition = where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`;
  return `INSERT INTO ${qualified(project, target)} (${columns}) SELECT ${columns} FROM ${snapshot} AS b${condition}`;
}

/**
 * The evidence: the undone runs say by whom. Rows that they had replayed lie in quarantine again, and those that they
 * quarantined will be read again, so they are settled.
 */
function settle(project: string, { tenant }: RunIdentity): string[] {
  const runs = qualified(project, evidenceOf(tenant, '_runs'));
  const quarantine = qualified(project, evidenceOf(tenant, '_quarantine'));
  const mine = 'source = @source';
  return [
    `UPDATE ${runs} SET undone_by = @run_id WHERE ${mine} AND run_id IN UNNEST(@runs)`,
    `UPDATE ${quarantine} SET replayed_by = CAST(NULL AS STRING) WHERE ${mine} AND replayed_by IN UNNEST(@runs)`,
    `UPDATE ${quarantine} SET replayed_by = @run_id WHERE ${mine} AND replayed_by IS NULL AND run_id IN UNNEST(@runs)`,
    insertEvidence(project, tenant, '_runs', {
      run_id: '@run_id',
      source: '@source',
      strategy: 'tributary_state.strategy',
      mode: quoteText(UNDO),
      mode_reason: "CONCAT('undone: ', ARRAY_TO_STRING(@runs, ', '))",
      rows_extracted: '0',
      rows_staged: '0',
      rows_inserted: 'tributary_back',
      rows_updated: '0',
      rows_deleted: 'tributary_gone',
      rows_unchanged: '0',
      rows_quarantined: '0',
      values_nullified: '0',
      bytes_extracted: '0',
      fencing_token: '@token',
      started_at: '@started_at',
      committed_at: 'tributary_at',
      started_from: 'tributary_from',
    }),
  ];
}
