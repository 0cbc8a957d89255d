/** DDL: the target, its view of the newest day, staging tables, and how a target grows. */

import { list, quoteName, quoteText } from '../../bigquery/sql.ts';
import type {
  CommitSpec,
  RunIdentity,
  StagedColumn,
  TableColumn,
  TableDesign,
  TableRef,
} from '../../core/contracts/warehouse.ts';
import { type LogicalType, sameType } from '../../core/types.ts';
import { cut, type FoundTable, labelsOf, partitionExpression, shortDescription } from './design.ts';
import { qualified, stagingOf } from './names.ts';
import { columnType, type FieldSchema, heldAs, stagingFields } from './types.ts';

const LONGEST_COLUMN_DESCRIPTION = 1024;
const STAGING_DAYS = 1;

/** The columns of the source and those that Tributary adds with this change, as the target has them. */
export function targetColumns({ columns, change }: Pick<CommitSpec, 'columns' | 'change'>): TableColumn[] {
  const own = (name: string, kind: 'STRING' | 'TIMESTAMP' | 'DATE'): TableColumn => ({
    name,
    type: { kind },
    nullable: true,
  });
  return [
    ...columns.map(({ column }) => column),
    own('_run_id', 'STRING'),
    own('_extracted_at', 'TIMESTAMP'),
    ...(change.kind === 'partition' ? [own(change.column, 'DATE')] : []),
    ...(change.kind === 'merge' && change.deletes === 'soft' ? [own('_deleted_at', 'TIMESTAMP')] : []),
  ];
}

/** A target that is not there. Columns may all be NULL: what the source promises today it may not tomorrow. Idempotent. */
export function createTable(
  project: string,
  table: TableRef,
  columns: readonly TableColumn[],
  design: TableDesign,
): string {
  return `CREATE TABLE IF NOT EXISTS ${qualified(project, table)} ${body(columns, design)}`;
}

/** A target made anew, empty. */
export function recreateTable(
  project: string,
  table: TableRef,
  columns: readonly TableColumn[],
  design: TableDesign,
): string {
  return `CREATE OR REPLACE TABLE ${qualified(project, table)} ${body(columns, design)}`;
}

function body(columns: readonly TableColumn[], design: TableDesign): string {
  const key = design.key.length === 0 ? [] : [`PRIMARY KEY (${list(design.key)}) NOT ENFORCED`];
  const { partitionBy, clusterBy } = design;
  return [
    `(${[...columns.map(definition), ...key].join(', ')})`,
    ...(partitionBy === undefined ? [] : [`PARTITION BY ${partitionExpression(partitionBy, columns)}`]),
    ...(clusterBy.length === 0 ? [] : [`CLUSTER BY ${list(clusterBy)}`]),
    options(tableOptions(design)),
  ].join(' ');
}

function tableOptions(design: TableDesign): string[] {
  const { description, partitionBy, partitionExpirationDays, requirePartitionFilter } = design;
  return [
    ...(description === undefined ? [] : [`description = ${quoteText(shortDescription(description))}`]),
    ...(partitionBy === undefined || partitionExpirationDays === undefined
      ? []
      : [`partition_expiration_days = ${partitionExpirationDays}`]),
    ...(requirePartitionFilter ? ['require_partition_filter = TRUE'] : []),
    labelsOption(labelsOf(design)),
  ];
}

/** @example labelsOption({ tenant: 'acme' }) // "labels = [('tenant', 'acme')]" */
export function labelsOption(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `(${quoteText(key)}, ${quoteText(value)})`);
  return `labels = [${pairs.join(', ')}]`;
}

export function options(all: readonly string[]): string {
  return `OPTIONS (${all.join(', ')})`;
}

function definition(column: TableColumn): string {
  const { name, type } = column;
  const words = description(column);
  return `${quoteName(name)} ${columnType(type)}${words === null ? '' : ` ${options([words])}`}`;
}

function description({ name, description: text }: TableColumn): string | null {
  if (text === undefined || text === name) return null;
  return `description = ${quoteText(cut(text, LONGEST_COLUMN_DESCRIPTION))}`;
}

/** A staging table that expires by BigQuery's clock, one day after this. */
export function createStaging(
  project: string,
  run: RunIdentity,
  columns: readonly StagedColumn[],
  labels: Readonly<Record<string, string>>,
  keysOnly = false,
): string {
  return createExpiring(project, stagingOf(run, keysOnly), stagingFields(columns), labels);
}

/** A table of a run that expires with its staging table. */
export function createExpiring(
  project: string,
  table: TableRef,
  columns: readonly FieldSchema[],
  labels: Readonly<Record<string, string>>,
): string {
  const fields = columns.map(
    ({ name, type, mode }) => `${quoteName(name)} ${mode === 'REPEATED' ? `ARRAY<${type}>` : type}`,
  );
  const until = `expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL ${STAGING_DAYS} DAY)`;
  return `CREATE TABLE ${qualified(project, table)} (${fields.join(', ')}) ${options([until, labelsOption(labels)])}`;
}

/**
 * The view of the newest day.
 *
 * @param since a day that is not newer than the newest one. Partitions before it are not read; the newest of the others
 * is looked for with each query, so the view is right with a day that is old, and only reads more.
 */
export function createLatestView(project: string, view: TableRef, table: TableRef, since: string): string {
  const from = `FROM ${qualified(project, table)} WHERE _snapshot_date >= DATE ${quoteText(since)}`;
  const newest = `SELECT MAX(_snapshot_date) ${from}`;
  return `CREATE OR REPLACE VIEW ${qualified(project, view)} AS SELECT * ${from} AND _snapshot_date = (${newest})`;
}

/** How a table that is there becomes the one that the rows need. */
export interface Evolution {
  /** Statements for before the transaction: they fit what the table holds, and do no harm when repeated or alone. */
  readonly before: readonly string[];
  /** For after a replace: columns that nobody has any more. */
  readonly after: readonly string[];
  /** Columns that no ALTER brings to their type. */
  readonly incompatible: readonly { readonly column: string; readonly from: LogicalType; readonly to: LogicalType }[];
  /** Columns that the table gets. */
  readonly added: readonly string[];
}

/** @param replace all rows are replaced: columns that are not wanted go, and a type that is wider than wanted is another type. */
export function evolution(
  project: string,
  table: TableRef,
  columns: readonly TableColumn[],
  found: FoundTable,
  replace: boolean,
): Evolution {
  const alter = `ALTER TABLE ${qualified(project, table)}`;
  const known = new Map(found.columns.map((column) => [column.name, column]));
  const added = columns.filter(({ name }) => !known.has(name));
  const changed = columns.flatMap((column) => {
    const old = known.get(column.name);
    return old === undefined || sameType(heldAs(old.type), heldAs(column.type)) ? [] : [{ column, old }];
  });
  const widened = changed.filter(({ column, old }) => widens(old.type, column.type));
  const narrower = changed.filter(({ column, old }) => !widens(old.type, column.type));
  const incompatible = narrower.filter(({ column, old }) => replace || !widens(column.type, old.type));
  const relaxed = columns.filter(({ name, nullable }) => nullable && known.get(name)?.nullable === false);
  const wanted = new Set(columns.map(({ name }) => name));
  const gone = replace ? found.columns.filter(({ name }) => !wanted.has(name)).map(({ name }) => name) : [];
  const fixed = new Set([found.partition?.column, ...found.clusterBy, ...found.key]);
  const held = gone.filter((name) => fixed.has(name)).map((name) => known.get(name) as TableColumn);
  return {
    before: [
      ...(added.length === 0
        ? []
        : [`${alter} ${added.map((column) => `ADD COLUMN IF NOT EXISTS ${definition(column)}`).join(', ')}`]),
      ...widened.map(
        ({ column: { name, type } }) => `${alter} ALTER COLUMN ${quoteName(name)} SET DATA TYPE ${columnType(type)}`,
      ),
      ...relaxed.map(({ name }) => `${alter} ALTER COLUMN ${quoteName(name)} DROP NOT NULL`),
    ],
    after:
      gone.length === 0
        ? []
        : [`${alter} ${gone.map((name) => `DROP COLUMN IF EXISTS ${quoteName(name)}`).join(', ')}`],
    incompatible: [
      ...incompatible.map(({ column, old }) => ({ column: column.name, from: old.type, to: column.type })),
      ...held.map(({ name, type }) => ({ column: name, from: type, to: type })),
    ],
    added: added.map(({ name }) => name),
  };
}

/** Whether BigQuery's SET DATA TYPE takes it, which it does where every value stays what it is. */
export function widens(from: LogicalType, to: LogicalType): boolean {
  const [old, wide] = [heldAs(from), heldAs(to)].map(room);
  if (old === undefined || wide === undefined || old === null || wide === null) return false;
  return wide.rank >= old.rank && wide.whole >= old.whole && wide.fraction >= old.fraction;
}

/** Digits on both sides of the point, and the order of the types: none goes back. */
function room(type: LogicalType): { rank: number; whole: number; fraction: number } | null {
  if (type.kind === 'INT64') return { rank: 0, whole: 19, fraction: 0 };
  if (type.kind !== 'NUMERIC' && type.kind !== 'BIGNUMERIC') return null;
  const rank = type.kind === 'NUMERIC' ? 1 : 2;
  if (type.precision === undefined)
    return rank === 1 ? { rank, whole: 29, fraction: 9 } : { rank, whole: 39, fraction: 38 };
  const fraction = type.scale ?? 0;
  return { rank, whole: type.precision - fraction, fraction };
}
