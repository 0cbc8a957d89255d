/** Tables as the API describes them; asking is free of charge. */
import { isNotFound } from '../../bigquery/failure.ts';
import type { SourceObject } from '../../core/contracts/source.ts';
import { nearest } from '../../core/near.ts';
import type { TableName } from './name.ts';
import type { SourceSession } from './session.ts';
import type { Field } from './types.ts';

/** What tables.get tells, as far as it is wanted here. */
export interface TableResource {
  readonly tableReference: { readonly datasetId: string; readonly tableId: string };
  readonly type?: string;
  readonly description?: string | null;
  readonly schema?: { readonly fields?: readonly Field[] | null } | null;
  readonly numRows?: string | null;
  readonly numBytes?: string | null;
  readonly location?: string | null;
  readonly streamingBuffer?: { readonly estimatedRows?: string | null; readonly estimatedBytes?: string | null } | null;
  readonly timePartitioning?: {
    readonly type?: string;
    readonly field?: string | null;
    readonly requirePartitionFilter?: boolean | null;
  } | null;
  readonly rangePartitioning?: { readonly field?: string | null } | null;
  readonly clustering?: { readonly fields?: readonly string[] | null } | null;
  readonly requirePartitionFilter?: boolean | null;
  readonly tableConstraints?: { readonly primaryKey?: { readonly columns?: readonly string[] | null } | null } | null;
}

/** An entry of tables.list. */
export interface TableEntry {
  readonly tableReference: { readonly datasetId: string; readonly tableId: string };
  readonly type?: string;
}

const segment = (name: string) => encodeURIComponent(name);

/** @throws BigqueryFailure, 404 where there is none */
export function getTable(
  session: SourceSession,
  { dataset, table }: Pick<TableName, 'dataset' | 'table'>,
): Promise<TableResource> {
  return session.metadata({ path: `/datasets/${segment(dataset)}/tables/${segment(table)}` });
}

export async function listTables(session: SourceSession, dataset: string): Promise<TableEntry[]> {
  const path = `/datasets/${segment(dataset)}/tables`;
  const found: TableEntry[] = [];
  for await (const { tables } of session.pages<{ tables?: TableEntry[]; nextPageToken?: string }>(path, {
    maxResults: 1000,
  })) {
    found.push(...(tables ?? []));
  }
  return found;
}

export async function listDatasets(session: SourceSession): Promise<string[]> {
  type Page = { datasets?: { datasetReference: { datasetId: string } }[]; nextPageToken?: string };
  const found: string[] = [];
  for await (const { datasets } of session.pages<Page>('/datasets', { maxResults: 1000 })) {
    found.push(...(datasets ?? []).map(({ datasetReference }) => datasetReference.datasetId));
  }
  return found;
}

/** The tables that a wildcard names, in the order of their names; views are none of them. */
export async function matching(session: SourceSession, { dataset, table }: TableName): Promise<readonly string[]> {
  const all = await listTables(session, dataset);
  const ids = all.filter(({ type = 'TABLE' }) => type === 'TABLE').map(({ tableReference }) => tableReference.tableId);
  return ids.filter((id) => id.startsWith(table)).sort();
}

/** The pseudo column of tables that are partitioned by when a row came, and of no column. */
export const ARRIVAL = '_PARTITIONTIME';
/** The pseudo column of a wildcard: what stands in a table's name for the `*`. */
export const SUFFIX = '_TABLE_SUFFIX';

/** All columns that can be read, pseudo columns last. */
export function fieldsOf({ schema, timePartitioning }: TableResource, wildcard: boolean): readonly Field[] {
  const arrival = timePartitioning && !timePartitioning.field;
  return [
    ...(schema?.fields ?? []),
    ...(arrival ? [{ name: ARRIVAL, type: 'TIMESTAMP', description: 'When the row came, by its partition.' }] : []),
    ...(wildcard
      ? [{ name: SUFFIX, type: 'STRING', description: 'What stands in the name of its table for the *.' }]
      : []),
  ];
}

/** The column by which the table lies in partitions; `null`: it does not. */
export function partitionColumn({ timePartitioning, rangePartitioning }: TableResource): string | null {
  if (timePartitioning) return timePartitioning.field || ARRIVAL;
  return rangePartitioning?.field ?? null;
}

/** Whether a query has to name partitions. */
export function needsFilter({ requirePartitionFilter, timePartitioning }: TableResource): boolean {
  return requirePartitionFilter === true || timePartitioning?.requirePartitionFilter === true;
}

export function kindOf(
  resource: Pick<TableResource, 'type' | 'timePartitioning' | 'rangePartitioning'>,
): SourceObject['kind'] {
  switch (resource.type) {
    case 'VIEW':
      return 'view';
    case 'MATERIALIZED_VIEW':
      return 'materialized view';
    case 'EXTERNAL':
      return 'foreign table';
    default:
      return 'table';
  }
}

/** Rows and bytes by the metadata, with what streams in. */
export function sizeOf({ type = 'TABLE', numRows, numBytes, streamingBuffer }: TableResource): {
  readonly rows: number | null;
  readonly bytes: number | null;
} {
  if (type === 'VIEW' || type === 'EXTERNAL' || numRows === undefined || numRows === null)
    return { rows: null, bytes: null };
  const more = (text: string | null | undefined) => Number(text ?? 0);
  return {
    rows: Number(numRows) + more(streamingBuffer?.estimatedRows),
    bytes: more(numBytes) + more(streamingBuffer?.estimatedBytes),
  };
}

/** Names that look like the wanted one: `stackoverflow.posts_questions`. */
export async function nearMisses(session: SourceSession, wanted: TableName): Promise<string | undefined> {
  const datasets = await listDatasets(session);
  if (!datasets.includes(wanted.dataset))
    return (
      near(wanted.dataset, datasets)
        .map((name) => `${name}.${wanted.table}`)
        .join(', ') || undefined
    );
  const tables = await listTables(session, wanted.dataset).catch((error: unknown) => {
    if (isNotFound(error)) return [];
    throw error;
  });
  const names = tables.map(({ tableReference }) => tableReference.tableId);
  return (
    near(wanted.table, names)
      .map((name) => `${wanted.dataset}.${name}`)
      .join(', ') || undefined
  );
}

function near(wanted: string, names: readonly string[]): readonly string[] {
  const named = names.map((table) => ({ table }));
  return nearest({ table: wanted }, named).map(({ table }) => table);
}
