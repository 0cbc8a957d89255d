/** What a table, a wildcard, a view or a query gives. */
import { BigqueryFailure } from '../../bigquery/failure.ts';
import type { CursorCandidate, ObjectRef, ObjectShape, SourceColumn } from '../../core/contracts/source.ts';
import {
  fieldsOf,
  getTable,
  kindOf,
  matching,
  needsFilter,
  partitionColumn,
  sizeOf,
  type TableResource,
} from './metadata.ts';
import { displayName, parseTableName, type TableName } from './name.ts';
import { fromClause } from './query.ts';
import type { SourceSession } from './session.ts';
import { type Field, logicalOf, sqlType } from './types.ts';

/** What is known of an object before it is read. */
export interface Known {
  readonly shape: ObjectShape;
  readonly location: string;
  readonly partitionColumn: string | null;
  readonly needsFilter: boolean;
  /** A plain table: it has a past, and the Storage Read API reads it. */
  readonly plain: boolean;
}

export async function describe(session: SourceSession, object: ObjectRef, signal?: AbortSignal): Promise<Known> {
  if (object.query !== undefined) return describeQuery(session, object, signal);
  const name = parseTableName(object.table ?? '');
  const tables = name.wildcard ? await matching(session, name) : [];
  const newest = tables.at(-1) ?? (name.wildcard ? null : name.table);
  if (newest === null) throw missing(name);
  const resource = await getTable(session, { dataset: name.dataset, table: newest });
  const fields = fieldsOf(resource, name.wildcard);
  const column = partitionColumn(resource);
  const { type = 'TABLE', description } = resource;
  return {
    location: resource.location ?? session.options.location,
    partitionColumn: column,
    needsFilter: needsFilter(resource),
    plain: !name.wildcard && (type === 'TABLE' || type === 'SNAPSHOT' || type === 'CLONE'),
    shape: {
      name: displayName(name),
      kind: name.wildcard ? 'partitioned table' : kindOf(resource),
      ...(name.wildcard ? { rows: null, bytes: null, partitions: tables.length } : sizeOf(resource)),
      ...(description ? { comment: description } : {}),
      columns: fields.map(columnOf),
      key: resource.tableConstraints?.primaryKey?.columns ?? [],
      keyEnforced: false,
      cursorCandidates: candidates(fields, resource),
    },
  };
}

async function describeQuery(session: SourceSession, object: ObjectRef, signal?: AbortSignal): Promise<Known> {
  const sql = `SELECT * FROM ${fromClause({ project: session.options.project, object })}`;
  const fields = await session.schema(sql, signal === undefined ? {} : { signal });
  return {
    location: session.options.location,
    partitionColumn: null,
    needsFilter: false,
    plain: false,
    shape: {
      name: 'query',
      kind: 'query',
      rows: null,
      bytes: null,
      columns: fields.map(columnOf),
      key: [],
      cursorCandidates: candidates(fields, null),
    },
  };
}

function missing(name: TableName): BigqueryFailure {
  const message = `Not found: ${displayName(name)} matches no table`;
  return new BigqueryFailure({ kind: 'terminal', status: 404, reason: 'notFound', message, ambiguous: false });
}

function columnOf(field: Field): SourceColumn {
  return {
    name: field.name,
    sourceType: sqlType(field),
    logical: logicalOf(field),
    nullable: field.mode !== 'REQUIRED' && field.mode !== 'REPEATED',
    ...(field.description ? { comment: field.description } : {}),
  };
}

const CURSORS: Readonly<Record<string, number>> = { TIMESTAMP: 20, DATETIME: 17, INT64: 10, DATE: 8 };

/** Whether a window can be cut by a column of this type in SQL. */
export const isCursorType = (sqlName: string): boolean => CURSORS[sqlName] !== undefined;

/** Ranks columns that only grow; a score has a meaning only beside the others. */
function candidates(fields: readonly Field[], resource: TableResource | null): CursorCandidate[] {
  const partitions = resource === null ? null : partitionColumn(resource);
  const clusters = resource?.clustering?.fields ?? [];
  const ranked = fields.flatMap((field): CursorCandidate[] => {
    const type = sqlType(field);
    if (!isCursorType(type)) return [];
    const { name } = field;
    const marks: (readonly [when: boolean, points: number, words: string])[] = [
      [name === partitions, 40, 'the partition column: a window reads its partitions only'],
      [clusters[0] === name, 25, 'the first cluster column: a window reads less'],
      [name !== partitions && clusters[0] !== name, 0, 'a window is billed the whole column'],
      [field.mode === 'REQUIRED', 20, 'not null'],
      [true, CURSORS[type] ?? 0, type],
      [
        type !== 'INT64' && /(updated|modified|changed|last_?(change|edit|activity)|mtime)/i.test(name),
        30,
        'moves with updates',
      ],
      [type !== 'INT64' && /(created|creation|inserted)/i.test(name), 12, 'sees new rows only'],
      [type === 'INT64' && name.toLowerCase() !== 'id', -25, 'a number of any meaning'],
    ];
    const held = marks.filter(([when]) => when);
    return [
      {
        column: name,
        reason: held.map(([, , words]) => words).join(', '),
        score: held.reduce((sum, [, points]) => sum + points, 0),
      },
    ];
  });
  return ranked.sort((a, b) => b.score - a.score);
}
