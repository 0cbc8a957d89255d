/** The one script of a commit: what must be there, then the transaction of table, state, run, quarantine and schema changes. */

import { type Query, quoteText } from '../../bigquery/sql.ts';
import type { CommitSpec } from '../../core/contracts/warehouse.ts';
import { TributaryError } from '../../core/errors.ts';
import { typeName } from '../../core/types.ts';
import { brake, RAISE_CONFLICT, RAISE_LEASE_LOST } from './brake.ts';
import { changeSteps } from './changes/change.ts';
import { type ChangeTables, COUNT } from './changes/change-tables.ts';
import { countOfKeys } from './changes/merge.ts';
import { commitParameters, type StagedFacts } from './commit-parameters.ts';
import { changeTables, stagedTable } from './commit-tables.ts';
import { designOf, type FoundTable, partitionDiffers } from './design.ts';
import { insertEvidence, insertFiles } from './evidence.ts';
import { evidenceOf, qualified, stateOf } from './names.ts';
import { quarantineMisfits, settleReplay } from './settle.ts';
import { createLatestView, createTable, evolution, recreateTable, targetColumns } from './tables.ts';

/** What is known when the commit begins. */
export interface CommitInput {
  readonly project: string;
  readonly spec: CommitSpec;
  /** The target as it is now, read for this commit; `null` where there is none. */
  readonly found: FoundTable | null;
  readonly staged: StagedFacts;
  /**
   * Run id of the state from which this run was planned, `null` where there was none: a commit that came in between is a
   * conflict. Absent: whatever the state is.
   */
  readonly seen?: string | null | undefined;
}

export type { StagedFacts };

export interface CommitScript extends Query {
  /**
   * To run before, where the table has to be made anew, empty: its governance is read before it and put back after, so that no
   * row is ever seen without. A run that dies in between leaves it empty. Usually `null`.
   */
  readonly recreate: Query | null;
  /** Statements for after the commit, each on its own and best effort: each may be repeated, and may be missing for a while. */
  readonly after: readonly string[];
}

/** The columns by which the target is looked up, whose ranges the check should tell; empty where it is not. */
export function keyOfChange({ change }: Pick<CommitSpec, 'change'>): readonly string[] {
  return change.kind === 'merge' || change.kind === 'append' ? (change.key ?? []) : [];
}

/**
 * Its last SELECT is one row: inserted, updated, deleted, unchanged. A script that fails inside its transaction leaves
 * nothing: BigQuery rolls back what no handler takes, and the message stays the first one. What it raises on purpose is
 * read by `raisedOf`. The same script may be run again after a failure.
 *
 * @throws SCHEMA_NARROWED where the table has a column of a type that the rows do not fit.
 */
export function commitScript(input: CommitInput): CommitScript {
  const { project, spec, staged, seen } = input;
  const { before, after, recreate, found } = preparation(input);
  const replay = staged.twins !== null;
  const tables = changeTables({ project, spec, found, checked: staged.checked, replay });
  const changed = recreate === null ? changeStatements(spec, tables, staged) : refill(spec, tables, input.found);
  const script = [
    'DECLARE tributary_from, tributary_at TIMESTAMP',
    `DECLARE ${[...Object.values(COUNT), 'tributary_unchanged'].join(', ')} INT64 DEFAULT 0`,
    ...before,
    'SET tributary_from = CURRENT_TIMESTAMP()',
    'BEGIN TRANSACTION',
    'SET tributary_at = CURRENT_TIMESTAMP()',
    ...fence(project, spec, seen !== undefined),
    ...changed,
    `SET tributary_unchanged = ${stagedCount(spec, tables, staged)} - ${COUNT.inserted} - ${COUNT.updated}`,
    ...record(input),
    'COMMIT TRANSACTION',
    `SELECT ${COUNT.inserted} AS inserted, ${COUNT.updated} AS updated, ${COUNT.deleted} AS deleted, tributary_unchanged AS unchanged`,
  ];
  return { sql: statements(script), parameters: commitParameters(spec, staged, seen), after, recreate };
}

interface Preparation extends Pick<CommitScript, 'recreate' | 'after'> {
  readonly before: readonly string[];
  /** The table as it is when the transaction begins. */
  readonly found: FoundTable | null;
}

/** What makes the table ready: what it lacks, or all of it where it has to be made anew. */
function preparation(input: CommitInput): Preparation {
  const { project, spec, found, staged } = input;
  const { target, change } = spec;
  const columns = targetColumns(spec);
  const design = designOf(spec);
  if (found === null) {
    const created = [createTable(project, target, columns, design), ...view(project, spec, '0001-01-01')];
    return { before: created, after: newestView(project, spec, staged), recreate: null, found };
  }
  const replaces = change.kind === 'replace';
  const { before, after, incompatible } = evolution(project, target, columns, found, replaces);
  const [first] = incompatible;
  if (replaces && (first !== undefined || partitionDiffers(design, found))) {
    const script = [
      ...fence(project, spec, input.seen !== undefined, true),
      recreateTable(project, target, columns, design),
    ];
    const parameters = commitParameters(spec, staged, input.seen);
    return { before: [], after: [], recreate: { sql: statements(script), parameters }, found: { ...found, columns } };
  }
  if (first !== undefined) {
    const { column, from, to } = first;
    throw new TributaryError('SCHEMA_NARROWED', { column, from: typeName(from), to: typeName(to) });
  }
  return { before, after: [...after, ...newestView(project, spec, staged)], recreate: null, found };
}

function newestView(project: string, spec: CommitSpec, { checked }: StagedFacts): string[] {
  return spec.change.kind === 'partition' && checked.rows > 0 ? view(project, spec, spec.change.date) : [];
}

function view(project: string, { latestView, target }: CommitSpec, since: string): string[] {
  return latestView === undefined ? [] : [createLatestView(project, latestView, target, since)];
}

const statements = (all: readonly string[]) => `${all.join(';\n')};`;

function changeStatements(spec: CommitSpec, tables: ChangeTables, staged: StagedFacts): string[] {
  const steps = changeSteps(spec.change, tables);
  const changed = steps.flatMap(({ sql, noted }) => (noted === undefined ? [sql] : [sql, noted]));
  return [...changed, ...(tables.exists ? brake(spec, staged.checked.rows) : [])];
}

/** A table that was made anew is empty: what it held counts as deleted. */
function refill(spec: CommitSpec, tables: ChangeTables, before: FoundTable | null): string[] {
  const steps = changeSteps(spec.change, { ...tables, exists: false });
  const filled = steps.flatMap(({ sql, noted }) => (noted === undefined ? [sql] : [sql, noted]));
  return [...filled, `SET ${COUNT.deleted} = ${before?.rows ?? 0}`];
}

/**
 * Refuses a run that is committed already and one whose lease went on to a newer run. Two runs of a source exclude each
 * other here, because both change the one row of its state.
 *
 * @param outside asks the same where no transaction holds the answer
 */
function fence(project: string, { run }: CommitSpec, planned: boolean, outside = false): string[] {
  const state = qualified(project, stateOf(run.tenant, run.source));
  const runs = qualified(project, evidenceOf(run.tenant, '_runs'));
  const lease = `fencing_token <= @token AND NOT EXISTS (SELECT 1 FROM ${runs} AS done WHERE done.run_id = @run_id)`;
  const holds = planned ? `${lease} AND run_id IS NOT DISTINCT FROM @seen` : lease;
  const found = (condition: string) => `EXISTS (SELECT 1 FROM ${state} WHERE ${condition})`;
  const conflict = planned ? `IF ${found(lease)} THEN ${RAISE_CONFLICT} END IF; ` : '';
  const refused = `${conflict}${RAISE_LEASE_LOST}`;
  if (outside) return [`IF NOT ${found(holds)} THEN ${refused} END IF`];
  const set = [
    'cursor_value = @cursor',
    'run_id = @run_id',
    'fencing_token = @token',
    'committed_at = tributary_at',
    "columns = PARSE_JSON(@columns, wide_number_mode => 'round')",
    'strategy = @strategy',
  ];
  return [`UPDATE ${state} SET ${set.join(', ')} WHERE ${holds}`, `IF @@row_count = 0 THEN ${refused} END IF`];
}

/** How many rows the change was over: those that are left of each key in a merge, all of a replay. */
function stagedCount({ change }: CommitSpec, tables: ChangeTables, { checked, twins }: StagedFacts): string {
  if (twins !== null) return String(checked.rows + twins.length);
  if (change.kind !== 'merge') return String(checked.rows);
  if (checked.distinctKeys !== null) return String(checked.distinctKeys);
  const counted = countOfKeys(change, tables);
  return counted === null ? String(checked.rows) : `(${counted})`;
}

function record({ project, spec, staged }: CommitInput): string[] {
  const { tenant } = spec.run;
  const table = stagedTable({ project, spec, replay: staged.twins !== null });
  const kept = staged.checked.misfits > 0 ? [quarantineMisfits(table)] : [];
  return [
    insertEvidence(project, tenant, '_runs', RUN_VALUES),
    ...(spec.files === undefined || spec.files.length === 0 ? [] : [insertFiles(project, tenant)]),
    ...(staged.twins === null ? kept : settleReplay(table)),
    ...spec.schemaChanges.map((change) => insertEvidence(project, tenant, '_schema_changes', changeValues(change))),
  ];
}

/** Values of a row of `_runs`; parameters have the names of their columns. */
const RUN_VALUES: Readonly<Record<string, string>> = {
  run_id: '@run_id',
  source: '@source',
  ...Object.fromEntries(
    ['strategy', 'mode', 'mode_reason', 'window_column', 'window_from', 'window_to', 'bound_proof'].map((name) => [
      name,
      `@${name}`,
    ]),
  ),
  rows_extracted: '@rows_extracted',
  rows_staged: '@rows_staged',
  rows_inserted: COUNT.inserted,
  rows_updated: COUNT.updated,
  rows_deleted: COUNT.deleted,
  rows_unchanged: 'tributary_unchanged',
  rows_quarantined: '@rows_quarantined',
  values_nullified: '@values_nullified',
  bytes_extracted: '@bytes_extracted',
  fencing_token: '@token',
  vector_path: '@vector_path',
  seconds: "PARSE_JSON(@seconds, wide_number_mode => 'round')",
  started_at: '@started_at',
  committed_at: 'tributary_at',
  started_from: 'tributary_from',
};

function changeValues(change: CommitSpec['schemaChanges'][number]): Readonly<Record<string, string>> {
  const column = change.kind === 'add' ? change.column.name : change.column;
  const from = change.kind === 'widen' ? quoteText(typeName(change.from)) : 'NULL';
  const to =
    change.kind === 'widen' ? typeName(change.to) : change.kind === 'add' ? typeName(change.column.type) : null;
  return {
    source: '@source',
    run_id: '@run_id',
    kind: quoteText(change.kind),
    column_name: quoteText(column),
    from_type: from,
    to_type: to === null ? 'NULL' : quoteText(to),
    changed_at: 'tributary_at',
  };
}
