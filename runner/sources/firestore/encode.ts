/**
 * Requests of the API as they are on the wire, from what queries.ts makes. Numbers of fields: google/firestore/v1/query.proto
 * and firestore.proto. Nothing else is loaded for a read: the SDK takes half a second of CPU to start, in each thread.
 */
import type { Query } from './queries.ts';

type Part = Buffer;

export interface QueryRequest {
  readonly parent: string;
  readonly structuredQuery: Query;
  readonly readTime?: { readonly seconds: number; readonly nanos: number };
}

/** A `RunQueryRequest`. */
export function encodeQuery({ parent, structuredQuery, readTime }: QueryRequest): Buffer {
  return Buffer.concat([
    text(1, parent),
    message(2, query(structuredQuery)),
    ...(readTime === undefined ? [] : [message(7, timestamp(readTime))]),
  ]);
}

/** A `RunAggregationQueryRequest` that counts, as `n`. */
export function encodeCount({ parent, structuredQuery, readTime }: QueryRequest): Buffer {
  const counting = [message(1, []), text(7, 'n')];
  return Buffer.concat([
    text(1, parent),
    message(2, [message(1, query(structuredQuery)), message(3, counting)]),
    ...(readTime === undefined ? [] : [message(6, timestamp(readTime))]),
  ]);
}

interface Selector {
  readonly collectionId: string;
  readonly allDescendants: boolean;
}

interface FieldPath {
  readonly fieldPath: string;
}

interface Filter {
  readonly compositeFilter?: { readonly filters: readonly Filter[] };
  readonly fieldFilter?: { readonly field: FieldPath; readonly op: keyof typeof OPERATORS; readonly value: Value };
}

interface Value {
  readonly integerValue?: string;
  readonly doubleValue?: number;
  readonly timestampValue?: { readonly seconds: number; readonly nanos: number };
  readonly referenceValue?: string;
}

interface StructuredQuery {
  readonly from: readonly Selector[];
  readonly select?: { readonly fields: readonly FieldPath[] };
  readonly where?: Filter;
  readonly orderBy?: readonly { readonly field: FieldPath }[];
  readonly startAt?: { readonly values: readonly Value[] };
  readonly limit?: { readonly value: number };
}

const OPERATORS = { LESS_THAN: 1, GREATER_THAN_OR_EQUAL: 4 } as const;
const AND = 1;
const ASCENDING = 1;

function query(given: Query): Part[] {
  const { from, select, where, orderBy = [], startAt, limit } = given as unknown as StructuredQuery;
  return [
    ...(select === undefined
      ? []
      : [
          message(
            1,
            select.fields.map((field) => message(2, path(field))),
          ),
        ]),
    ...from.map(({ collectionId, allDescendants }) =>
      message(2, [text(2, collectionId), ...(allDescendants ? [number(3, 1n)] : [])]),
    ),
    ...(where === undefined ? [] : [message(3, filter(where))]),
    ...orderBy.map(({ field }) => message(4, [message(1, path(field)), number(2, BigInt(ASCENDING))])),
    ...(limit === undefined ? [] : [message(5, [number(1, BigInt(limit.value))])]),
    ...(startAt === undefined
      ? []
      : [
          message(
            7,
            startAt.values.map((one) => message(1, value(one))),
          ),
        ]),
  ];
}

function filter({ compositeFilter, fieldFilter }: Filter): Part[] {
  if (compositeFilter !== undefined) {
    const filters = compositeFilter.filters.map((one) => message(2, filter(one)));
    return [message(1, [number(1, BigInt(AND)), ...filters])];
  }
  if (fieldFilter === undefined) return [];
  const { field, op, value: compared } = fieldFilter;
  return [message(2, [message(1, path(field)), number(2, BigInt(OPERATORS[op])), message(3, value(compared))])];
}

function path({ fieldPath }: FieldPath): Part[] {
  return [text(2, fieldPath)];
}

function value({ integerValue, doubleValue, timestampValue, referenceValue }: Value): Part[] {
  if (integerValue !== undefined) return [number(2, BigInt(integerValue))];
  if (doubleValue !== undefined) return [double(3, doubleValue)];
  if (timestampValue !== undefined) return [message(10, timestamp(timestampValue))];
  return [text(5, referenceValue ?? '')];
}

function timestamp({ seconds, nanos }: { readonly seconds: number; readonly nanos: number }): Part[] {
  return [number(1, BigInt(seconds)), number(2, BigInt(nanos))];
}

function message(field: number, parts: readonly Part[]): Part {
  return delimited(field, Buffer.concat(parts));
}

function text(field: number, given: string): Part {
  return delimited(field, Buffer.from(given));
}

function delimited(field: number, content: Buffer): Part {
  return Buffer.concat([varint(BigInt((field << 3) | 2)), varint(BigInt(content.length)), content]);
}

function number(field: number, given: bigint): Part {
  return Buffer.concat([varint(BigInt(field << 3)), varint(BigInt.asUintN(64, given))]);
}

function double(field: number, given: number): Part {
  const part = Buffer.alloc(9);
  part[0] = (field << 3) | 1;
  part.writeDoubleLE(given, 1);
  return part;
}

function varint(given: bigint): Part {
  const octets: number[] = [];
  for (let left = given; ; left >>= 7n) {
    const octet = Number(left & 127n);
    if (left < 128n) return Buffer.from([...octets, octet]);
    octets.push(octet | 128);
  }
}
