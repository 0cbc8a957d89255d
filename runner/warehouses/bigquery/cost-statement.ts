/** What to dry-run to know a commit's cost, and why it cannot be less. */

import { constant } from '../../bigquery/sql.ts';
import type { CommitSpec, TableColumn } from '../../core/contracts/warehouse.ts';
import { changeSteps } from './changes/change.ts';
import type { ChangeTables } from './changes/change-tables.ts';
import type { Checked } from './check-query.ts';
import { changeTables } from './commit-tables.ts';
import type { FoundTable } from './design.ts';
import { heldAs } from './types.ts';

export interface CostStatements {
  /** Each is dry-run on its own, without parameters. The sum is what is read of the table at most; clustering makes it less. Empty: nothing. */
  readonly statements: readonly string[];
  /** Why the whole table is read; `null` where it is not. */
  readonly unpruned: string | null;
}

/**
 * A table that the commit makes grow first is looked at without its new columns.
 *
 * @param checked of the staged rows, once there are any; before, the bound is higher.
 */
export function costStatements(
  project: string,
  spec: CommitSpec,
  found: FoundTable | null,
  checked: Checked | null = null,
): CostStatements {
  if (found === null) return { statements: [], unpruned: null };
  const known = new Set(found.columns.map(({ name }) => name));
  const grown = spec.change.kind === 'replace' ? spec : { ...spec, ...thereAlready(spec, known) };
  const tables = changeTables({ project, spec: grown, found, checked, replay: false, unstaged: true });
  const steps = changeSteps(grown.change, tables);
  const statements = steps.flatMap(({ sql, dry }) => (dry === null ? [] : [dry ?? sql]));
  return { statements, unpruned: statements.length === 0 ? null : unpruned(grown, tables, found) };
}

/** What the table has of the commit before anything is altered. */
function thereAlready(
  spec: CommitSpec,
  known: ReadonlySet<string>,
): Pick<CommitSpec, 'columns' | 'schemaChanges' | 'change'> {
  const { change } = spec;
  const soft = change.kind === 'merge' && change.deletes === 'soft' && !known.has('_deleted_at');
  return {
    columns: spec.columns.filter(({ column }) => known.has(column.name)),
    schemaChanges: [],
    change: soft ? { ...change, deletes: 'hard' } : change,
  };
}

function unpruned({ change }: CommitSpec, tables: ChangeTables, found: FoundTable): string | null {
  switch (change.kind) {
    case 'replace':
      return null;
    case 'partition':
      return found.partition?.column === change.column ? null : `the table is not partitioned by ${change.column}`;
    case 'merge':
      if (change.deletes !== 'ignore') return 'a sweep of deletes compares the key of every row';
      return unprunedKey(change.key, tables, found);
    case 'append': {
      if (change.mayRepeat === true) return 'a replay compares whole rows with the table';
      if (change.nullCursor !== undefined && !liesBy(change.nullCursor, found))
        return `rows without ${change.nullCursor} are compared with the table, which is neither partitioned nor clustered by it`;
      if (change.stretch !== undefined && !liesBy(change.stretch.column, found))
        return `the table is neither partitioned nor clustered by ${change.stretch.column}`;
      return change.key === undefined ? null : unprunedKey(change.key, tables, found);
    }
  }
}

/** The partition column cannot prune where it is no part of the key: a row may have moved to another partition. */
function unprunedKey(key: readonly string[], { columns }: ChangeTables, found: FoundTable): string | null {
  const prunes = (name: string) => key.includes(name) && isOrdered(columns.find((column) => column.name === name));
  const partition = found.partition?.column ?? null;
  if (partition !== null && prunes(partition)) return null;
  const [first] = found.clusterBy;
  if (first !== undefined && prunes(first)) return null;
  if (partition !== null && !key.includes(partition)) return `${partition} is no part of the key`;
  if (first !== undefined && !key.includes(first)) return `the table is clustered by ${first}, not by the key`;
  return `the table is neither partitioned nor clustered by its key (${key.join(', ')})`;
}

function isOrdered(column: TableColumn | undefined): boolean {
  if (column === undefined) return false;
  const held = heldAs(column.type);
  return SAMPLE[held.kind] !== undefined && constant(SAMPLE[held.kind] as string, held) !== null;
}

/** Any value of the types that have constants. */
const SAMPLE: Readonly<Record<string, string>> = {
  INT64: '0',
  NUMERIC: '0',
  BIGNUMERIC: '0',
  STRING: '',
  DATE: '2000-01-01',
  DATETIME: '2000-01-01 00:00:00',
  TIMESTAMP: '2000-01-01 00:00:00+00',
};

function liesBy(column: string, { partition, clusterBy }: FoundTable): boolean {
  return partition?.column === column || clusterBy[0] === column;
}
