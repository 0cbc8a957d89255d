import { columnNames } from '../column-names.ts';
import { type Finding, keyFinding, type Path, valueFinding } from '../issues.ts';
import { labels as ownLabels } from '../naming.ts';
import type { ColumnsSpec } from '../schema/columns.ts';
import { durationSeconds } from '../schema/duration.ts';
import type { SourceSpec } from '../schema/source.ts';
import { CLUSTER_TYPES, PARTITION_TYPES } from '../schema/types.ts';
import { suggest } from '../suggest.ts';
import { strangeName } from './columns.ts';
import type { Draft } from './draft.ts';

/** Columns of every table that no source gives. */
const ADDED: Readonly<Record<string, string>> = { _run_id: 'STRING', _extracted_at: 'TIMESTAMP' };

const DAY = '_snapshot_date';

/** How tables lie in the warehouse, as far as the file tells. */
export function* checkDesigns(draft: Draft): Iterable<Finding> {
  for (const [name, { destination, load, columns }] of draft.sources) {
    if (destination === undefined) continue;
    const path = ['sources', name, 'destination'];
    const daily = load?.strategy === 'catalog' && load.history === 'daily';
    yield* partitions(destination, daily, path);
    for (const key of Object.keys(destination.labels)) {
      if (Object.hasOwn(OWN_LABELS, key))
        yield keyFinding([...path, 'labels', key], `every table has a label ${key} already`, 'write another key');
    }
    for (const [i, column] of destination.clusterBy.entries()) {
      if (destination.clusterBy.indexOf(column) !== i)
        yield valueFinding([...path, 'clusterBy', i], `${column} stands here twice`, 'keep one of the two');
    }
    if (columns === undefined) continue;
    const { partitionBy } = destination;
    if (partitionBy !== undefined) yield* partitionColumn(columns, partitionBy, [...path, 'partitionBy']);
    for (const [i, column] of destination.clusterBy.entries()) {
      if (daily && column === DAY) continue;
      yield* usable(columns, column, CLUSTER_TYPES, 'cluster', [...path, 'clusterBy', i]);
    }
  }
}

const OWN_LABELS = ownLabels({ env: '' });

function* partitions(
  { partitionBy, requirePartitionFilter, partitionExpiration }: SourceSpec['destination'],
  daily: boolean,
  path: Path,
): Iterable<Finding> {
  if (partitionExpiration !== undefined && durationSeconds(partitionExpiration) === 0)
    yield valueFinding(
      [...path, 'partitionExpiration'],
      'partitions that expire at once hold nothing',
      'write for example 730d, or remove it',
    );
  if (partitionBy !== undefined || daily) return;
  const fix = 'write for example partitionBy: {column: created_at, by: day}, or remove it';
  if (requirePartitionFilter)
    yield keyFinding([...path, 'requirePartitionFilter'], 'the table has no partitions to filter by', fix);
  if (partitionExpiration !== undefined)
    yield keyFinding([...path, 'partitionExpiration'], 'the table has no partitions that could expire', fix);
}

function* partitionColumn(
  columns: ColumnsSpec,
  { column, by }: NonNullable<SourceSpec['destination']['partitionBy']>,
  path: Path,
): Iterable<Finding> {
  yield* usable(columns, column, PARTITION_TYPES, 'partition', [...path, 'column']);
  if (by === 'hour' && typeOf(columns, column) === 'DATE')
    yield valueFinding([...path, 'by'], `${column} is a DATE, which has no hours`, 'write by: day');
}

function* usable(
  columns: ColumnsSpec,
  column: string,
  types: readonly string[],
  verb: string,
  path: Path,
): Iterable<Finding> {
  const strange = strangeName(columns, column) ?? unknown(columns, column);
  if (strange !== null) yield valueFinding(path, ...strange);
  const type = typeOf(columns, column);
  if (strange === null && type !== null && !types.includes(type))
    yield valueFinding(path, `no table can be ${verb}ed by ${type}`, `name a column of ${types.join(', ')}`);
}

/** Known only where the file lists the columns that travel. */
function unknown({ include, rename }: ColumnsSpec, column: string): readonly [message: string, fix: string] | null {
  if (include === undefined || Object.hasOwn(ADDED, column)) return null;
  const names = columnNames(include.map((name) => (Object.hasOwn(rename, name) ? (rename[name] ?? name) : name)));
  if (names.includes(column)) return null;
  const near = suggest(column, names);
  return [
    `${column} is not in include`,
    near === undefined ? `name another column, or let ${column} travel` : `did you mean ${near}?`,
  ];
}

/** The type in the warehouse, as far as the file tells it. */
function typeOf({ rename, types, mask }: ColumnsSpec, column: string): string | null {
  if (Object.hasOwn(ADDED, column)) return ADDED[column] ?? null;
  const source = Object.entries(rename).find(([, target]) => target === column)?.[0] ?? column;
  if (Object.hasOwn(mask, source)) return 'STRING';
  const type = Object.hasOwn(types, source) ? types[source] : undefined;
  return type === undefined
    ? null
    : type
        .trim()
        .toUpperCase()
        .replace(/[(<].*/, '');
}
