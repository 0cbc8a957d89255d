/** Queries of the API, from what is read. Pure. */
import type { LateWishes, ObjectRef, ReadColumn, Window } from '../../core/contracts/source.ts';
import { type CursorValue, parseCursor } from './cursor.ts';
import { fieldOf, fieldPath, type Scope, scopeOf } from './names.ts';

/** A `StructuredQuery` in the names of the client. */
export type Query = Readonly<Record<string, unknown>>;

/** A query and where it starts. */
export interface Asked {
  readonly parent: string;
  readonly structuredQuery: Query;
}

/** A point in time as the API has it. */
export interface ReadTime {
  readonly seconds: number;
  readonly nanos: number;
}

/** Where in the order of a query to go on. */
export interface Position {
  /** Full name of the document. */
  readonly name: string;
  /** Value of the cursor, where the query is ordered by one. */
  readonly cursor: CursorValue | null;
}

/** A stretch of the names of documents: `from <= name < to`. */
export interface NameRange {
  readonly from: string | null;
  readonly to: string | null;
}

export interface Wanted {
  readonly object: ObjectRef;
  /** Fields to read; `null`: all. */
  readonly fields: readonly string[] | null;
  readonly window: Window | null;
  readonly range?: NameRange;
  readonly after?: Position | null;
  readonly limit?: number;
}

/** All names. */
export const WHOLE: NameRange = { from: null, to: null };
const BY_NAME = { field: { fieldPath: '__name__' }, direction: 'ASCENDING' };
const reference = (name: string) => ({ referenceValue: name });
/** The query of documents in their order: by the cursor where there is a window, else by name. */
export function documentsQuery(root: string, wanted: Wanted): Asked {
  const { parent, ...from } = scopeOf(wanted.object, root);
  const { window, fields, range = WHOLE, after = null, limit } = wanted;
  const cursor = window === null ? null : fieldPath(fieldOf(window.column) ?? '__name__');
  const filters = [...(window === null ? [] : windowFilters(window)), ...rangeFilters(range)];
  const values =
    after === null ? [] : [...(after.cursor !== null ? [apiValue(after.cursor)] : []), reference(after.name)];
  return {
    parent,
    structuredQuery: {
      from: [selector({ ...from, parent })],
      ...(fields === null ? {} : { select: { fields: projection(fields) } }),
      ...(filters.length === 0 ? {} : { where: all(filters) }),
      orderBy: [...(cursor === null ? [] : [{ field: { fieldPath: cursor }, direction: 'ASCENDING' }]), BY_NAME],
      ...(after === null ? {} : { startAt: { values, before: false } }),
      ...(limit === undefined ? {} : { limit: { value: limit } }),
    },
  };
}

/** The same documents, for counting. */
export function countQuery(root: string, object: ObjectRef, window: Window | null, range: NameRange = WHOLE): Asked {
  const scope = scopeOf(object, root);
  const filters = [...(window === null ? [] : windowFilters(window)), ...rangeFilters(range)];
  const where = filters.length === 0 ? {} : { where: all(filters) };
  return { parent: scope.parent, structuredQuery: { from: [selector(scope)], ...where } };
}

/** Documents whose field can be a cursor of that type, for counting. */
export function orderedQuery(root: string, object: ObjectRef, column: string, type: 'INT64' | 'TIMESTAMP'): Asked {
  const scope = scopeOf(object, root);
  const where = compare(fieldPath(fieldOf(column) ?? ''), 'GREATER_THAN_OR_EQUAL', FIRST[type]);
  return { parent: scope.parent, structuredQuery: { from: [selector(scope)], where } };
}

/** The fields that a read needs; `null` where any field may be a late one. */
export function neededFields(
  columns: readonly ReadColumn[],
  window: Window | null,
  late: LateWishes | undefined,
): readonly string[] | null {
  if (late !== undefined && late.only === undefined) return null;
  const names = [...columns.map(({ source }) => source), ...(late?.only ?? []), ...(window ? [window.column] : [])];
  return [...new Set(names.flatMap((name) => fieldOf(name) ?? []))];
}

function selector({ collectionId, group }: Scope): Query {
  return { collectionId, allDescendants: group };
}

function projection(fields: readonly string[]): Query[] {
  return (fields.length === 0 ? ['__name__'] : fields.map(fieldPath)).map((path) => ({ fieldPath: path }));
}

function windowFilters({ column, from, to }: Window): Query[] {
  const path = fieldPath(fieldOf(column) ?? '');
  const upper = parseCursor(to);
  const lower = from === null ? FIRST[typeof upper === 'bigint' ? 'INT64' : 'TIMESTAMP'] : apiValue(parseCursor(from));
  return [compare(path, 'GREATER_THAN_OR_EQUAL', lower), compare(path, 'LESS_THAN', apiValue(upper))];
}

function rangeFilters({ from, to }: NameRange): Query[] {
  return [
    ...(from === null ? [] : [compare('__name__', 'GREATER_THAN_OR_EQUAL', reference(from))]),
    ...(to === null ? [] : [compare('__name__', 'LESS_THAN', reference(to))]),
  ];
}

function compare(path: string, op: string, value: Query): Query {
  return { fieldFilter: { field: { fieldPath: path }, op, value } };
}

function all(filters: readonly Query[]): Query {
  return filters.length === 1 ? (filters[0] as Query) : { compositeFilter: { op: 'AND', filters } };
}

function apiValue(value: CursorValue): Query {
  if (typeof value === 'bigint') return { integerValue: value.toString() };
  return { timestampValue: { seconds: value.seconds, nanos: value.micros * 1000 } };
}

/** The least value of a type: a filter for "has one at all". */
const FIRST: Readonly<Record<'INT64' | 'TIMESTAMP', Query>> = {
  INT64: { doubleValue: Number.NEGATIVE_INFINITY },
  TIMESTAMP: apiValue({ seconds: -62_135_596_800, micros: 0 }),
};
