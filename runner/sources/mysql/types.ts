/** From MySQL's types to logical types, and how each travels: docs/connectors/mysql.md has the table. */
import type { ReadColumn, SourceColumn } from '../../core/contracts/source.ts';
import { type LogicalType, numericType } from '../../core/types.ts';
import { type VectorColumn, vectorOf } from '../../core/vectors.ts';
import type { CoreColumn } from './connect.ts';

/** A cursor whose bound can be found. */
export const CURSOR_TYPE = /^((tiny|small|medium|big)?int|date|datetime|timestamp)\b/;

const PLAIN: Readonly<Record<string, LogicalType>> = {
  tinyint: { kind: 'INT64' },
  smallint: { kind: 'INT64' },
  mediumint: { kind: 'INT64' },
  int: { kind: 'INT64' },
  bigint: { kind: 'INT64' },
  year: { kind: 'INT64' },
  float: { kind: 'FLOAT64' },
  double: { kind: 'FLOAT64' },
  date: { kind: 'DATE' },
  time: { kind: 'TIME' },
  datetime: { kind: 'DATETIME' },
  timestamp: { kind: 'TIMESTAMP' },
  json: { kind: 'JSON' },
  binary: { kind: 'BYTES' },
  varbinary: { kind: 'BYTES' },
  tinyblob: { kind: 'BYTES' },
  blob: { kind: 'BYTES' },
  mediumblob: { kind: 'BYTES' },
  longblob: { kind: 'BYTES' },
  vector: { kind: 'BYTES' },
};

const SPATIAL =
  /^(geometry|point|linestring|polygon|multipoint|multilinestring|multipolygon|geometrycollection|geomcollection)\b/;

/** What no type of BigQuery holds in DATE, DATETIME or TIMESTAMP columns becomes NULL unless the tenant file says otherwise. */
export function unrepresentableOf(logical: LogicalType): Pick<SourceColumn, 'unrepresentable'> {
  return logical.kind === 'DATE' || logical.kind === 'DATETIME' || logical.kind === 'TIMESTAMP'
    ? { unrepresentable: 'nullify' }
    : {};
}

/** The logical type of `bigint(20) unsigned`, `decimal(10,2)`, `enum('a','b')`; what has no counterpart is text. */
export function logicalOf(sourceType: string): LogicalType {
  const type = sourceType.toLowerCase();
  const name = /^[a-z0-9]+/.exec(type)?.[0] ?? '';
  if (name === 'bigint' && type.includes('unsigned')) return numericType(20, 0);
  if (name === 'decimal') {
    const [, precision = '10', scale = '0'] = /\((\d+)(?:,(\d+))?\)/.exec(type) ?? [];
    return numericType(Number(precision), Number(scale));
  }
  if (name === 'bit') return Number(/\d+/.exec(type)?.[0] ?? 1) < 64 ? { kind: 'INT64' } : numericType(20, 0);
  return PLAIN[name] ?? { kind: 'STRING' };
}

/** How a value lies in a row of the binary protocol: "Binary Protocol Value" of the protocol's documentation. */
export type WireKind =
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float'
  | 'double'
  | 'decimal'
  | 'date'
  | 'time'
  | 'text'
  | 'null';

const UNSIGNED = 32;
const WIRES: Readonly<Record<number, readonly [signed: WireKind, unsigned?: WireKind]>> = {
  0: ['decimal'],
  1: ['int8', 'uint8'],
  2: ['int16', 'uint16'],
  3: ['int32', 'uint32'],
  4: ['float'],
  5: ['double'],
  6: ['null'],
  7: ['date'],
  8: ['int64', 'uint64'],
  9: ['int32', 'uint32'],
  10: ['date'],
  11: ['time'],
  12: ['date'],
  13: ['uint16', 'uint16'],
  246: ['decimal'],
};

/** As the server announced it; a type that is not listed comes as bytes with their length. */
export function wireOf({ columnType, flags }: Pick<CoreColumn, 'columnType' | 'flags'>): WireKind {
  const [signed, unsigned = signed] = WIRES[columnType] ?? ['text'];
  return (flags & UNSIGNED) === 0 ? signed : unsigned;
}

export interface Canonical {
  readonly vector: VectorColumn;
  /** The column in the SELECT list, without its mask. */
  readonly render: (quoted: string) => string;
}

const AS_IS = /^(char|varchar|(tiny|medium|long)?text|enum|set|json|(var)?binary|(tiny|medium|long)?blob)\b/;

/** How this column is asked for and what it becomes. What the decoder does not know is made text by the server. */
export function wireColumn(column: Pick<ReadColumn, 'name' | 'sourceType' | 'logical' | 'mask'>): Canonical {
  const { name, logical, mask } = column;
  const type = column.sourceType.toLowerCase();
  const text = mask !== undefined || logical.kind === 'STRING';
  const vector: VectorColumn = mask === undefined ? vectorOf(name, logical) : { name, kind: 'text' };
  return { vector, render: (quoted) => rendered(quoted, type, text) };
}

function rendered(quoted: string, type: string, text: boolean): string {
  if (SPATIAL.test(type)) return `ST_AsText(${quoted})`;
  if (type.startsWith('bit')) return text ? `CAST(CAST(${quoted} AS UNSIGNED) AS CHAR)` : `CAST(${quoted} AS UNSIGNED)`;
  if (AS_IS.test(type)) return quoted;
  return text ? `CAST(${quoted} AS CHAR)` : quoted;
}
