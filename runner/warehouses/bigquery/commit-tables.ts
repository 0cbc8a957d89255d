/** The tables of a commit in SQL, from its spec and what is there. */
import type { CommitSpec } from '../../core/contracts/warehouse.ts';
import type { ChangeTables } from './changes/change-tables.ts';
import type { Checked } from './check-query.ts';
import { type FoundTable, filterColumn } from './design.ts';
import { qualified } from './names.ts';
import { targetColumns } from './tables.ts';
import { noRows, type StagedTable, typedRows } from './typed-rows.ts';

/** What a change is rendered from. */
export interface ChangeFacts {
  readonly project: string;
  readonly spec: CommitSpec;
  readonly found: FoundTable | null;
  /** `null` before anything is staged: no rows stand for those that will be. */
  readonly checked: Checked | null;
  readonly replay: boolean;
  /** Nothing has to be there to render or dry-run the statements. */
  readonly unstaged?: boolean;
}

/** The staged rows of the commit. */
export function stagedTable({ project, spec, replay }: Pick<ChangeFacts, 'project' | 'spec' | 'replay'>): StagedTable {
  const { run, columns, change } = spec;
  return { project, run, columns, replay, ...(change.kind === 'partition' ? { snapshotDate: change.date } : {}) };
}

export function changeTables(facts: ChangeFacts): ChangeTables {
  const { project, spec, found, checked, replay, unstaged = false } = facts;
  const { change, columns, schemaChanges } = spec;
  const staged = stagedTable(facts);
  const rowsOf = unstaged ? noRows : typedRows;
  const own = ['_run_id', '_extracted_at', ...(change.kind === 'partition' ? [change.column] : [])];
  const known = new Set([...columns.map(({ column }) => column.name), ...own]);
  const others = [...(found?.columns ?? []), ...targetColumns(spec)].filter(({ name }) => !known.has(name));
  return {
    target: qualified(project, spec.target),
    exists: found !== null,
    filter: found === null ? null : filterColumn(found),
    rows: rowsOf(staged),
    keys: change.kind === 'merge' ? rowsOf(sweptKeys(staged, change.key)) : '',
    columns: columns.map(({ column }) => column),
    own,
    added: schemaChanges.flatMap((made) => (made.kind === 'add' ? [made.column.name] : [])),
    others: others.filter(({ name }, i) => others.findIndex((other) => other.name === name) === i),
    staged: checked?.rows ?? null,
    ranges: checked?.ranges ?? [],
    distinctKeys: checked?.distinctKeys ?? null,
    replay,
  };
}

function sweptKeys(staged: StagedTable, key: readonly string[]): StagedTable {
  return { ...staged, columns: staged.columns.filter(({ column }) => key.includes(column.name)), keysOnly: true };
}
