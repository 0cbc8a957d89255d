/** What a project holds that the account may see. */
import type { SourceObject } from '../../core/contracts/source.ts';
import {
  getTable,
  kindOf,
  listDatasets,
  listTables,
  needsFilter,
  partitionColumn,
  sizeOf,
  type TableEntry,
} from './metadata.ts';
import type { SourceSession } from './session.ts';

/** Tables whose size is asked for; public projects have thousands. */
const SIZED = 500;
const AT_ONCE = 16;
/** Date-sharded tables: `events_20260101`. */
const SHARD = /^(.*_)(\d{8})$/;

/** Every table and view. Tables that differ in a date at their end only are one, by their wildcard. */
export async function discover(session: SourceSession, only?: string): Promise<readonly SourceObject[]> {
  const datasets = only === undefined ? await listDatasets(session) : [only];
  const entries = (await inTurns(datasets, (dataset) => listTables(session, dataset))).flat();
  const sharded = Map.groupBy(entries, shardOf);
  const single = (sharded.get(null) ?? []).concat(
    [...sharded].flatMap(([key, found]) => (key !== null && found.length === 1 ? found : [])),
  );
  const objects = await inTurns(single, (entry) => objectOf(session, entry, single.length <= SIZED));
  const wildcards = [...sharded].filter(([key, found]) => key !== null && found.length > 1);
  const families = wildcards.map(
    ([key, found]): SourceObject => ({
      name: `${key}*`,
      kind: 'partitioned table',
      rows: null,
      bytes: null,
      partitions: found.length,
    }),
  );
  return [...objects, ...families].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function shardOf({ tableReference: { datasetId, tableId }, type = 'TABLE' }: TableEntry): string | null {
  const prefix = type === 'TABLE' ? SHARD.exec(tableId)?.[1] : undefined;
  return prefix === undefined ? null : `${datasetId}.${prefix}`;
}

async function objectOf(session: SourceSession, entry: TableEntry, sized: boolean): Promise<SourceObject> {
  const { datasetId: dataset, tableId: table } = entry.tableReference;
  const name = `${dataset}.${table}`;
  // What was there a moment ago may be gone, or listed and not shown.
  const resource = sized ? await getTable(session, { dataset, table }).catch(() => null) : null;
  if (resource === null) return { name, kind: kindOf(entry), rows: null, bytes: null };
  const comment = [resource.description, filterNote(resource)].filter(Boolean).join(' ');
  return { name, kind: kindOf(resource), ...sizeOf(resource), ...(comment === '' ? {} : { comment }) };
}

function filterNote(resource: Parameters<typeof needsFilter>[0]): string {
  return needsFilter(resource) ? `Only with a filter on ${partitionColumn(resource)}.` : '';
}

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(i, i + AT_ONCE).map(work))));
  }
  return results;
}
