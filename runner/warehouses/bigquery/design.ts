/** How a table lies in BigQuery, and how to bring one that lies otherwise to what is wanted. */
import { createHash } from 'node:crypto';
import { list, quoteName } from '../../bigquery/sql.ts';
import type { CommitSpec, TableColumn, TableDesign, TableRef } from '../../core/contracts/warehouse.ts';
import { qualified } from './names.ts';
import { type FieldSchema, logicalOf } from './types.ts';

/** The parts of a table of the API that are looked at. */
export interface TableResource {
  readonly etag?: string;
  readonly schema?: { readonly fields?: readonly FieldSchema[] };
  readonly timePartitioning?: {
    readonly type?: string;
    readonly field?: string;
    readonly expirationMs?: string | null;
    readonly requirePartitionFilter?: boolean;
  } | null;
  readonly rangePartitioning?: object | null;
  readonly clustering?: { readonly fields?: readonly string[] } | null;
  readonly requirePartitionFilter?: boolean;
  readonly description?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly tableConstraints?: { readonly primaryKey?: { readonly columns?: readonly string[] } } | null;
  readonly numRows?: string | null;
}

/** A table that is there. */
export interface FoundTable {
  readonly columns: readonly TableColumn[];
  /** `column` is `null` where it is partitioned by the time of ingestion or by numbers. */
  readonly partition: {
    readonly column: string | null;
    readonly by: string;
    readonly expirationMs: string | null;
  } | null;
  readonly clusterBy: readonly string[];
  readonly requirePartitionFilter: boolean;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly key: readonly string[];
  /** As the metadata have it; rows on their way through a stream are not in it. */
  readonly rows: number;
}

/** What the API says of a table. */
export function foundTable(resource: TableResource): FoundTable {
  const { schema, timePartitioning, rangePartitioning, clustering, description, labels, tableConstraints } = resource;
  const numbers = rangePartitioning == null ? null : { column: null, by: 'number', expirationMs: null };
  const time =
    timePartitioning?.type === undefined
      ? null
      : {
          column: timePartitioning.field ?? null,
          by: timePartitioning.type.toLowerCase(),
          expirationMs: timePartitioning.expirationMs ?? null,
        };
  return {
    columns: (schema?.fields ?? []).map((field) => ({
      name: field.name,
      type: logicalOf(field),
      nullable: field.mode !== 'REQUIRED',
      ...(field.description ? { description: field.description } : {}),
    })),
    partition: time ?? numbers,
    clusterBy: clustering?.fields ?? [],
    requirePartitionFilter: resource.requirePartitionFilter ?? timePartitioning?.requirePartitionFilter ?? false,
    description: description ?? '',
    labels: labels ?? {},
    key: tableConstraints?.primaryKey?.columns ?? [],
    rows: Number(resource.numRows ?? 0),
  };
}

/** The column by which every statement has to name partitions; `null` where none has to. */
export function filterColumn({ requirePartitionFilter, partition, columns }: FoundTable): TableColumn | null {
  if (!requirePartitionFilter || partition?.column == null) return null;
  return columns.find(({ name }) => name === partition.column) ?? null;
}

/** The design of a commit: snapshots of days are partitioned by their day. */
export function designOf({ design, change }: Pick<CommitSpec, 'design' | 'change'>): TableDesign {
  if (change.kind !== 'partition' || design.partitionBy !== undefined) return design;
  return { ...design, partitionBy: { column: change.column, by: 'day' } };
}

/** What would bring the table to its design. Nothing to do: no patch, no statement, no refusal. */
export interface DesignChange {
  /** Body of one `tables.patch`, sent with the etag; `null` where all is as it should be. */
  readonly patch: Readonly<Record<string, unknown>> | null;
  /** DDL for after the patch, each on its own: the key. */
  readonly statements: readonly string[];
  /** Why it cannot be brought there, and what a person can run (facts of TABLE_DESIGN_CHANGED); `null` where it can. */
  readonly refusal: { readonly reason: string; readonly advice: string } | null;
}

/** The digest of the description that was written here: another one is somebody else's, and is left alone. */
export const DESCRIPTION_LABEL = 'tributary_description';

/** The labels of a new table. */
export function labelsOf({ labels, description }: TableDesign): Readonly<Record<string, string>> {
  return description === undefined ? labels : { ...labels, [DESCRIPTION_LABEL]: digest(shortDescription(description)) };
}

/** As long as a description of a table may be. */
export function shortDescription(text: string): string {
  return cut(text, LONGEST_DESCRIPTION);
}

/** Not in the middle of a character. */
export function cut(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

const LONGEST_DESCRIPTION = 16_384;
const DAY_MS = 86_400_000;

/**
 * Labels and descriptions of others stay, and a design without a word on a thing leaves it as it is.
 *
 * @param wanted of {@link designOf}
 * @param replace the table is made anew where it has to be, so nothing is refused
 */
export function designChange(
  project: string,
  table: TableRef,
  wanted: TableDesign,
  found: FoundTable,
  replace: boolean,
): DesignChange {
  const differs = partitionDiffers(wanted, found);
  if (differs && replace) return { patch: null, statements: [], refusal: null };
  const refusal = differs ? refusalOf(project, table, wanted, found) : null;
  if (refusal !== null) return { patch: null, statements: [], refusal };
  const patch = { ...clusteringPatch(wanted, found), ...partitionPatch(wanted, found), ...wordsPatch(wanted, found) };
  return {
    patch: Object.keys(patch).length === 0 ? null : patch,
    statements: keyStatements(project, table, wanted, found),
    refusal: null,
  };
}

/** Whether the table would have to be made anew. */
export function partitionDiffers({ partitionBy }: TableDesign, { partition }: FoundTable): boolean {
  return partitionBy !== undefined && partitionWords(partitionBy) !== partitionWords(partition);
}

function refusalOf(project: string, table: TableRef, wanted: TableDesign, found: FoundTable): DesignChange['refusal'] {
  const { partitionBy, clusterBy } = wanted;
  if (partitionBy === undefined) return null;
  const name = qualified(project, table);
  const fresh = qualified(project, { ...table, table: `${table.table}_new` });
  const cluster = clusterBy.length === 0 ? '' : ` CLUSTER BY ${list(clusterBy)}`;
  const steps = [
    `CREATE TABLE ${fresh} PARTITION BY ${partitionExpression(partitionBy, found.columns)}${cluster} AS SELECT * FROM ${name}`,
    `DROP TABLE ${name}`,
    `ALTER TABLE ${fresh} RENAME TO ${quoteName(table.table)}`,
  ];
  return {
    reason: `it is ${partitionWords(found.partition)} and should be ${partitionWords(partitionBy)}`,
    advice: `Set it back in the tenant file, or move the rows while no run is under way: ${steps.join('; ')};`,
  };
}

function partitionWords(partition: { readonly column: string | null; readonly by: string } | null): string {
  if (partition === null) return 'not partitioned';
  return `partitioned by ${partition.column ?? 'the time of loading'}${partition.by === 'number' ? ' (numbers)' : `, by ${partition.by}`}`;
}

function clusteringPatch(wanted: TableDesign, found: FoundTable): Record<string, unknown> {
  const same = wanted.clusterBy.join('\0') === found.clusterBy.join('\0');
  return same || wanted.clusterBy.length === 0 ? {} : { clustering: { fields: wanted.clusterBy } };
}

function partitionPatch(wanted: TableDesign, found: FoundTable): Record<string, unknown> {
  const { partitionBy, partitionExpirationDays: days, requirePartitionFilter } = wanted;
  if (partitionBy === undefined) return {};
  const patch: Record<string, unknown> = {};
  if (requirePartitionFilter !== found.requirePartitionFilter) patch.requirePartitionFilter = requirePartitionFilter;
  const expirationMs = days === undefined ? null : String(Math.round(days * DAY_MS));
  if (expirationMs !== null && expirationMs !== found.partition?.expirationMs)
    patch.timePartitioning = { type: partitionBy.by.toUpperCase(), field: partitionBy.column, expirationMs };
  return patch;
}

function wordsPatch(wanted: TableDesign, found: FoundTable): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  const short = wanted.description === undefined ? null : shortDescription(wanted.description);
  const ours = found.description === '' || found.labels[DESCRIPTION_LABEL] === digest(found.description);
  const rewrite = short !== null && ours && short !== found.description;
  if (rewrite) patch.description = short;
  const labels = rewrite ? { ...wanted.labels, [DESCRIPTION_LABEL]: digest(short) } : wanted.labels;
  const changed = Object.entries(labels).filter(([key, value]) => found.labels[key] !== value);
  if (changed.length > 0) patch.labels = Object.fromEntries(changed);
  return patch;
}

function keyStatements(project: string, table: TableRef, wanted: TableDesign, found: FoundTable): string[] {
  if (wanted.key.join('\0') === found.key.join('\0')) return [];
  const alter = `ALTER TABLE ${qualified(project, table)}`;
  const dropped = found.key.length === 0 ? [] : [`${alter} DROP PRIMARY KEY IF EXISTS`];
  return wanted.key.length === 0
    ? dropped
    : [...dropped, `${alter} ADD PRIMARY KEY (${list(wanted.key)}) NOT ENFORCED`];
}

/** What stands after PARTITION BY. */
export function partitionExpression(
  { column, by }: NonNullable<TableDesign['partitionBy']>,
  columns: readonly TableColumn[],
): string {
  const kind = columns.find(({ name }) => name === column)?.type.kind;
  const name = quoteName(column);
  if (kind === 'DATE') return by === 'day' || by === 'hour' ? name : `DATE_TRUNC(${name}, ${by.toUpperCase()})`;
  return `${kind === 'DATETIME' ? 'DATETIME' : 'TIMESTAMP'}_TRUNC(${name}, ${by.toUpperCase()})`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
