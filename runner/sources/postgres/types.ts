/** From PostgreSQL's types to logical types, and how each travels: docs/connectors/postgres.md has the table. */
import type { ReadColumn } from '../../core/contracts/source.ts';
import { type LogicalKind, type LogicalType, numericType } from '../../core/types.ts';
import type { VectorColumn, VectorKind } from '../../core/vectors.ts';

/** A type as the catalog describes it. */
export interface PgType {
  /** `format_type`: `numeric(12,2)`, `my_domain`, `text[]`. */
  readonly name: string;
  /** `pg_type.typtype`: b(ase), c(omposite), d(omain), e(num), r(ange), m(ultirange). */
  readonly typtype: string;
  /** `pg_type.typname` after resolving domains: `numeric`, `int4`. */
  readonly base: string;
  /** `pg_type.typcategory`; `A` is an array. */
  readonly category: string;
  readonly typmod: number;
  readonly element?: PgType;
}

/** The types of a cursor whose bound can be found, as `format_type` names them. */
export const CURSOR_TYPE = /^(smallint|integer|bigint|date|timestamp(\(\d\))? with(out)? time zone)$/;

const BASE: Readonly<Record<string, LogicalType>> = {
  int2: { kind: 'INT64' },
  int4: { kind: 'INT64' },
  int8: { kind: 'INT64' },
  oid: { kind: 'INT64' },
  float4: { kind: 'FLOAT64' },
  float8: { kind: 'FLOAT64' },
  bool: { kind: 'BOOL' },
  bytea: { kind: 'BYTES' },
  date: { kind: 'DATE' },
  time: { kind: 'TIME' },
  timestamp: { kind: 'DATETIME' },
  timestamptz: { kind: 'TIMESTAMP' },
  json: { kind: 'JSON' },
  jsonb: { kind: 'JSON' },
  money: { kind: 'NUMERIC', precision: 19, scale: 2 },
};

/** The logical type of a column of this type; what has no counterpart is text that loses nothing. */
export function logicalOf(type: PgType): LogicalType {
  if (type.category === 'A' || type.typtype === 'c') return { kind: 'JSON' };
  if (type.base === 'numeric') return numericOf(type.typmod);
  return BASE[type.base] ?? { kind: 'STRING' };
}

/** A numeric's modifier packs precision and scale (numeric.c, make_numeric_typmod); the scale may be negative. */
function numericOf(typmod: number): LogicalType {
  if (typmod < 0) return numericType();
  const precision = ((typmod - 4) >> 16) & 0xffff;
  const scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
  return scale < 0 ? numericType(precision - scale, 0) : numericType(precision, scale);
}

/** How a value lies in a row of COPY BINARY. Integers and floats tell their width by their length. */
export type WireKind =
  | 'integer'
  | 'float'
  | 'bool'
  | 'numeric'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'text'
  | 'jsonb'
  | 'uuid'
  | 'bytea';

export interface WireColumn {
  readonly wire: WireKind;
  readonly vector: VectorColumn;
  /** The column in the SELECT list, without its mask. */
  readonly render: (quoted: string) => string;
}

const AS_IS: readonly (readonly [RegExp, WireKind])[] = [
  [/^(smallint|integer|bigint)$/, 'integer'],
  [/^(real|double precision)$/, 'float'],
  [/^boolean$/, 'bool'],
  [/^numeric(\(\d+,-?\d+\))?$/, 'numeric'],
  [/^date$/, 'date'],
  [/^time(\(\d\))? without time zone$/, 'time'],
  [/^timestamp(\(\d\))? with(out)? time zone$/, 'timestamp'],
  [/^(text|json|character varying(\(\d+\))?|character\(\d+\))$/, 'text'],
  [/^jsonb$/, 'jsonb'],
  [/^uuid$/, 'uuid'],
  [/^bytea$/, 'bytea'],
];

interface Canonical {
  readonly wire: WireKind;
  readonly cast: string;
  readonly vector: VectorKind;
}

const CANONICAL: Readonly<Record<LogicalKind, Canonical>> = {
  INT64: { wire: 'integer', cast: 'int8', vector: 'int64' },
  FLOAT64: { wire: 'float', cast: 'float8', vector: 'float64' },
  BOOL: { wire: 'bool', cast: 'bool', vector: 'bool' },
  STRING: { wire: 'text', cast: 'text', vector: 'text' },
  BYTES: { wire: 'bytea', cast: 'bytea', vector: 'bytes' },
  DATE: { wire: 'date', cast: 'date', vector: 'date' },
  TIME: { wire: 'time', cast: 'time', vector: 'time' },
  DATETIME: { wire: 'timestamp', cast: 'timestamp', vector: 'datetime' },
  TIMESTAMP: { wire: 'timestamp', cast: 'timestamptz', vector: 'timestamp' },
  JSON: { wire: 'text', cast: 'json', vector: 'json' },
  NUMERIC: { wire: 'numeric', cast: 'numeric', vector: 'decimal' },
  BIGNUMERIC: { wire: 'numeric', cast: 'numeric', vector: 'decimal' },
  ARRAY: { wire: 'text', cast: 'json', vector: 'json' },
};

const DECIMAL_DIGITS = 38;
const DEFAULT_SCALE = 9;

/** How this column is asked for and decoded. A type the decoder does not know is cast at the source. */
export function wireColumn(column: Pick<ReadColumn, 'name' | 'sourceType' | 'logical' | 'mask'>): WireColumn {
  const { name, logical } = column;
  if (column.mask !== undefined) {
    return { wire: 'text', vector: { name, kind: 'text' }, render: (quoted) => `${quoted}::text` };
  }
  const canonical = CANONICAL[logical.kind];
  const vector: VectorColumn =
    canonical.vector === 'decimal'
      ? { name, kind: 'decimal', precision: DECIMAL_DIGITS, scale: decimalScale(logical) }
      : { name, kind: canonical.vector };
  const known = AS_IS.find(([pattern]) => pattern.test(column.sourceType))?.[1];
  const native = known === canonical.wire || (canonical.wire === 'text' && (known === 'jsonb' || known === 'uuid'));
  if (known !== undefined && native) return { wire: known, vector, render: (quoted) => quoted };
  const render =
    canonical.vector === 'json'
      ? (quoted: string) => `to_json(${quoted})`
      : (quoted: string) => `${quoted}::${canonical.cast}`;
  return { wire: canonical.wire, vector, render };
}

/** Digits after the point in 38: the declared ones; 9 where none are declared, as NUMERIC has. */
function decimalScale(type: LogicalType): number {
  if (type.kind !== 'NUMERIC' && type.kind !== 'BIGNUMERIC') return 0;
  if (type.precision === undefined) return DEFAULT_SCALE;
  const scale = type.scale ?? 0;
  return type.precision <= DECIMAL_DIGITS ? scale : Math.min(scale, DECIMAL_DIGITS / 2);
}
