/** Logical types in DuckDB. BIGNUMERIC has 76 digits, DuckDB 38: what does not fit is quarantined. */

import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  type DuckDBType,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import type { LogicalType, ScalarKind } from '../core/types.ts';
import type { VectorColumn, VectorKind } from '../core/vectors.ts';

const SCALAR: Readonly<Record<ScalarKind, string>> = {
  INT64: 'BIGINT',
  FLOAT64: 'DOUBLE',
  BOOL: 'BOOLEAN',
  STRING: 'VARCHAR',
  BYTES: 'BLOB',
  DATE: 'DATE',
  TIME: 'TIME',
  DATETIME: 'TIMESTAMP',
  TIMESTAMP: 'TIMESTAMP WITH TIME ZONE',
  JSON: 'JSON',
};

/** The column type in SQL. */
export function sqlType(type: LogicalType): string {
  if (type.kind === 'ARRAY') return `${SCALAR[type.item]}[]`;
  if (type.kind === 'NUMERIC' || type.kind === 'BIGNUMERIC') return `DECIMAL(38,${decimalScale(type)})`;
  return SCALAR[type.kind];
}

/** Digits after the point of the column. */
export function decimalScale(type: LogicalType): number {
  if (type.kind !== 'NUMERIC' && type.kind !== 'BIGNUMERIC') return 0;
  if (type.precision === undefined) return 9;
  const scale = type.scale ?? 0;
  return type.precision <= 38 ? scale : Math.min(scale, 19);
}

/** The type a vector arrives as; JSON text becomes JSON in the SELECT. */
export function vectorType(column: VectorColumn): DuckDBType {
  switch (column.kind) {
    case 'int64':
      return BIGINT;
    case 'float64':
      return DOUBLE;
    case 'bool':
      return BOOLEAN;
    case 'decimal':
      return DECIMAL(column.precision ?? 38, column.scale ?? 9);
    case 'date':
      return DATE;
    case 'time':
      return TIME;
    case 'datetime':
      return TIMESTAMP;
    case 'timestamp':
      return TIMESTAMPTZ;
    case 'bytes':
      return BLOB;
    case 'text':
      return VARCHAR;
    case 'json':
      return JSON_TYPE;
  }
}

/** The values that a vector holds, as a logical type. */
export function vectorLogical({ kind, scale }: VectorColumn): LogicalType {
  if (kind === 'decimal') return { kind: 'NUMERIC', precision: 38, scale: scale ?? 9 };
  return { kind: VECTOR[kind] };
}

const VECTOR: Readonly<Record<Exclude<VectorKind, 'decimal'>, ScalarKind>> = {
  int64: 'INT64',
  float64: 'FLOAT64',
  bool: 'BOOL',
  date: 'DATE',
  time: 'TIME',
  datetime: 'DATETIME',
  timestamp: 'TIMESTAMP',
  text: 'STRING',
  bytes: 'BYTES',
  json: 'JSON',
};

/** DuckDB's JSON is VARCHAR under an alias; said so, valid text needs no cast that parses it again. */
const JSON_TYPE = Object.assign(Object.create(VARCHAR) as DuckDBType, {
  toLogicalType() {
    const type = VARCHAR.toLogicalType();
    duckdb.logical_type_set_alias(type.logical_type, 'JSON');
    return type;
  },
});

/** What {@link sqlType} wrote, read back from the catalog. */
export function logicalOf(sql: string): LogicalType {
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(sql);
  if (decimal !== null) return { kind: 'NUMERIC', precision: Number(decimal[1]), scale: Number(decimal[2]) };
  if (sql.endsWith('[]')) return { kind: 'ARRAY', item: scalarOf(sql.slice(0, -2)) };
  return { kind: scalarOf(sql) };
}

function scalarOf(sql: string): ScalarKind {
  const found = Object.entries(SCALAR).find(([, name]) => name === sql)?.[0];
  return (found ?? 'STRING') as ScalarKind;
}
