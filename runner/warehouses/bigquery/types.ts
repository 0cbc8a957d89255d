/** Logical types in BigQuery: of the table, of the staging table, and back from the API. */
import { MISFIT_COLUMNS, type PartColumn } from '../../core/contracts/staging.ts';
import type { StagedColumn } from '../../core/contracts/warehouse.ts';
import { isScalar, type LogicalType, type ScalarKind } from '../../core/types.ts';
import type { VectorKind } from '../../core/vectors.ts';

/** A column in a schema of the API. */
export interface FieldSchema {
  readonly name: string;
  readonly type: string;
  readonly mode?: string;
  readonly description?: string;
  readonly precision?: string;
  readonly scale?: string;
}

/**
 * The column type in SQL. Digits that NUMERIC has not make it BIGNUMERIC, and those that this has not leave it without
 * limits of its own: what does not fit is quarantined.
 *
 * @example columnType({ kind: 'NUMERIC', precision: 38, scale: 2 }) // 'BIGNUMERIC(38, 2)'
 */
export function columnType(type: LogicalType): string {
  const held = heldAs(type);
  if (held.kind === 'ARRAY') return `ARRAY<${held.item}>`;
  if ('precision' in held && held.precision !== undefined) return `${held.kind}(${held.precision}, ${held.scale ?? 0})`;
  return held.kind;
}

/** The type that the column really has: its digits are among those BigQuery takes. */
export function heldAs(type: LogicalType): LogicalType {
  if ((type.kind !== 'NUMERIC' && type.kind !== 'BIGNUMERIC') || type.precision === undefined) return type;
  const scale = Math.max(0, type.scale ?? 0);
  const precision = Math.max(1, scale, type.precision);
  const whole = precision - scale;
  if (type.kind === 'NUMERIC' && scale <= 9 && whole <= 29) return { kind: 'NUMERIC', precision, scale };
  if (scale <= 38 && whole <= 38) return { kind: 'BIGNUMERIC', precision, scale };
  return { kind: 'BIGNUMERIC' };
}

/** The type of a column that the API describes. */
export function logicalOf({ type, mode, precision, scale }: FieldSchema): LogicalType {
  const kind = NAMES[type.toUpperCase()] ?? type.toUpperCase();
  if (mode === 'REPEATED') return { kind: 'ARRAY', item: scalarOf(kind) };
  if (kind !== 'NUMERIC' && kind !== 'BIGNUMERIC') return { kind: scalarOf(kind) };
  return precision === undefined ? { kind } : { kind, precision: Number(precision), scale: Number(scale ?? 0) };
}

/**
 * How a column goes into parts. As text goes what Parquet cannot hold exactly, or BigQuery cannot load from it: JSON,
 * arrays of it, and decimals of more digits than 38.
 */
export function partColumn(staged: StagedColumn): PartColumn {
  const { vector, column } = staged;
  const held = heldAs(column.type);
  const digits = held.kind === 'BIGNUMERIC' ? (held.precision ?? UNLIMITED) : 0;
  const wide = digits > PARQUET_DIGITS && WIDE_VECTORS.has(vector.kind);
  const json = held.kind === 'JSON' || (held.kind === 'ARRAY' && held.item === 'JSON');
  return { staged, as: wide || json ? 'text' : 'typed' };
}

/** Vectors whose values may have more digits than a decimal of Parquet. */
const WIDE_VECTORS: ReadonlySet<VectorKind> = new Set(['text', 'json', 'decimal']);
const PARQUET_DIGITS = 38;
const UNLIMITED = 76;

/** The type of a column in the staging table. */
export function stagingType(staged: StagedColumn): LogicalType {
  if (partColumn(staged).as === 'text') return { kind: 'STRING' };
  const held = heldAs(staged.column.type);
  return 'precision' in held ? { kind: held.kind } : held;
}

/** All columns of a staging table, as a load job and a new table take them. */
export function stagingFields(columns: readonly StagedColumn[]): readonly FieldSchema[] {
  const fields = columns.map((staged): FieldSchema => {
    const type = stagingType(staged);
    if (type.kind === 'ARRAY') return { name: staged.column.name, type: type.item, mode: 'REPEATED' };
    return { name: staged.column.name, type: type.kind, mode: 'NULLABLE' };
  });
  return [...fields, ...Object.values(MISFIT_COLUMNS).map((name) => ({ name, type: 'STRING', mode: 'NULLABLE' }))];
}

/** What the API calls a type otherwise than SQL does. */
const NAMES: Readonly<Record<string, string>> = { INTEGER: 'INT64', FLOAT: 'FLOAT64', BOOLEAN: 'BOOL' };

function scalarOf(kind: string): ScalarKind {
  return isScalar(kind) ? kind : 'STRING';
}
