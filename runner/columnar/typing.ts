/** The select list over vectors: every value as its column's type, and rows with a value that does not fit told apart. */
import { MISFIT_COLUMNS, type PartColumn, type PartFormat } from '../core/contracts/staging.ts';
import type { StagedColumn } from '../core/contracts/warehouse.ts';
import type { LogicalType, ScalarKind } from '../core/types.ts';
import { wanted } from '../core/wanted.ts';
import { exactCast } from './fit.ts';
import { quoteName, quoteText } from './sql.ts';
import { decimalScale, sqlType, vectorType } from './types.ts';

const VECTOR_DIGITS = 38;

/** A column of the select list. */
export interface TypedColumn {
  readonly staged: StagedColumn;
  /** SQL over the vectors' names. */
  readonly value: string;
  /** Whether that is NULL where a value does not fit. */
  readonly checked: boolean;
  /** The typed value as it is stored; default: as it is. */
  readonly stored?: (value: string) => string;
}

type Misfits = 'where checked' | 'always';

/**
 * Columns of an embedded table.
 *
 * @returns a SELECT; it ends with {@link MISFIT_COLUMNS} (column, reason, original) where a column is checked
 */
export function tableSelect(columns: readonly StagedColumn[], from: string): string {
  return typedSelect(columns.map(tableColumn), from, 'where checked');
}

/** What the error of {@link strictSelect} says. */
export const MISFIT = 'a misfit of Tributary';

/** Columns of an embedded table, of rows that all fit: the first value that does not is an error. Cheaper than telling rows apart. */
export function strictSelect(columns: readonly StagedColumn[], from: string): string {
  const selected = columns.map((staged) => {
    const { vector, column } = staged;
    const name = quoteName(vector.name);
    const lost = `CASE WHEN ${name} IS NOT NULL THEN error('${MISFIT}')::${sqlType(column.type)} END`;
    const { value, checked } = tableColumn(staged);
    return `${checked ? exactCast(name, vector, column.type, lost) : value} AS ${quoteName(column.name)}`;
  });
  return `SELECT ${selected.join(', ')} FROM ${from}`;
}

/**
 * Columns as they lie in a part of this format; {@link MISFIT_COLUMNS} (column, reason, original) come last, always.
 *
 * @example partSelect(columns, 'parquet', 'tributary_rows()')
 */
export function partSelect(columns: readonly PartColumn[], format: PartFormat, from: string): string {
  return typedSelect(
    columns.map((column) => partTyped(column, format)),
    from,
    'always',
  );
}

/** A relation of one row without values, with the columns of the vectors. */
export function noValues(columns: readonly PartColumn[]): string {
  const nulls = columns.map(({ staged: { vector } }) => `NULL::${vectorType(vector)} AS ${quoteName(vector.name)}`);
  return `(SELECT ${nulls.join(', ')})`;
}

/** Why a row is quarantined whose value of this column does not fit. */
export function misfitReason({ name, type }: StagedColumn['column']): string {
  return `VALUE_NOT_CASTABLE: ${name} is not ${wanted(type)}`;
}

/** The decimal of a part: as wide as its column says, where a vector is always as wide as can be. */
function partDecimal(type: LogicalType): { readonly precision: number; readonly scale: number } | null {
  if (type.kind !== 'NUMERIC' && type.kind !== 'BIGNUMERIC') return null;
  const scale = decimalScale(type);
  const precision = Math.min(VECTOR_DIGITS, type.precision ?? VECTOR_DIGITS);
  return { precision: Math.max(precision, scale, 1), scale };
}

/** A column of an embedded table. */
export function tableColumn(staged: StagedColumn): TypedColumn {
  const name = quoteName(staged.vector.name);
  if (!staged.cast) return { staged, value: name, checked: false };
  return { staged, value: exactCast(name, staged.vector, staged.column.type), checked: staged.nullify !== true };
}

/** A column of a part of this format. */
export function partTyped({ staged, as }: PartColumn, format: PartFormat): TypedColumn {
  if (as === 'text') return textColumn(staged);
  const { type } = staged.column;
  const column = narrowed(staged);
  if (type.kind === 'JSON') return { ...column, stored: asText };
  return format === 'parquet' ? column : { ...column, stored: (value) => jsonValue(value, type) };
}

/** What arrives as text or JSON stays as it is written; of other values JSON is made where it is asked for. */
function textColumn(staged: StagedColumn): TypedColumn {
  const { vector, column } = staged;
  const written = vector.kind === 'text' || vector.kind === 'json';
  if (written || (column.type.kind !== 'JSON' && column.type.kind !== 'ARRAY'))
    return { staged, value: quoteName(vector.name), checked: false, stored: asText };
  return { ...tableColumn(staged), stored: (value) => `to_json(${value})::VARCHAR` };
}

function narrowed(staged: StagedColumn): TypedColumn {
  const column = tableColumn(staged);
  const decimal = partDecimal(staged.column.type);
  const wide = staged.cast ? VECTOR_DIGITS : (staged.vector.precision ?? VECTOR_DIGITS);
  if (decimal === null || decimal.precision >= wide) return column;
  const value = `TRY_CAST(${column.value} AS DECIMAL(${decimal.precision},${decimal.scale}))`;
  return { staged, value, checked: staged.nullify !== true };
}

function typedSelect(columns: readonly TypedColumn[], from: string, misfits: Misfits): string {
  const checked = columns.some((column) => column.checked);
  const stored = (column: TypedColumn, i: number) => (column.stored ?? same)(column.checked ? cast(i) : column.value);
  const selected = columns.map((column, i) => `${stored(column, i)} AS ${quoteName(column.staged.column.name)}`);
  const { column, reason, original } = MISFIT_COLUMNS;
  if (!checked) {
    const none = [column, reason, original].map((name) => `NULL::VARCHAR AS ${name}`);
    return `SELECT ${[...selected, ...(misfits === 'always' ? none : [])].join(', ')} FROM ${from}`;
  }
  const casts = columns.flatMap(({ checked, value }, i) => (checked ? [`${value} AS ${cast(i)}`] : []));
  const cases = columns.flatMap(({ checked, staged }, i) => {
    const lost = `${quoteName(staged.vector.name)} IS NOT NULL AND ${cast(i)} IS NULL`;
    return checked ? [`WHEN ${lost} THEN ${quoteText(staged.column.name)}`] : [];
  });
  const found = `SELECT *, CASE ${cases.join(' ')} END AS ${column} FROM (SELECT *, ${casts.join(', ')} FROM ${from})`;
  const misfit = [column, `${reasons(columns)} AS ${reason}`, `${row(columns)} AS ${original}`];
  return `SELECT ${[...selected, ...misfit].join(', ')} FROM (${found})`;
}

const same = (value: string) => value;
const asText = (value: string) => `${value}::VARCHAR`;
const cast = (index: number) => `_tributary_cast_${index}`;

function reasons(columns: readonly TypedColumn[]): string {
  const cases = columns.flatMap(({ checked, staged: { column } }) =>
    checked ? [`WHEN ${quoteText(column.name)} THEN ${quoteText(misfitReason(column))}`] : [],
  );
  return `CASE ${MISFIT_COLUMNS.column} ${cases.join(' ')} END`;
}

/** The row of a misfit as a JSON object of texts. */
function row(columns: readonly TypedColumn[]): string {
  const texts = columns.map(
    ({ staged: { vector } }) => `${quoteName(vector.name)} := ${quoteName(vector.name)}::VARCHAR`,
  );
  return `CASE WHEN ${MISFIT_COLUMNS.column} IS NOT NULL THEN to_json(struct_pack(${texts.join(', ')}))::VARCHAR END`;
}

/** As BigQuery's loader reads JSON without loss: whatever is not a truth value is a string. */
function jsonValue(value: string, type: LogicalType): string {
  // An array is never NULL in BigQuery, and its loader takes no null for one.
  if (type.kind === 'ARRAY') return `coalesce(list_transform(${value}, lambda e: ${jsonScalar('e', type.item)}), [])`;
  return type.kind === 'NUMERIC' || type.kind === 'BIGNUMERIC' ? `${value}::VARCHAR` : jsonScalar(value, type.kind);
}

function jsonScalar(value: string, kind: ScalarKind): string {
  if (kind === 'BOOL' || kind === 'STRING') return value;
  if (kind === 'BYTES') return `to_base64(${value})`;
  if (kind === 'TIMESTAMP') return `(${value} AT TIME ZONE 'UTC')::VARCHAR || ' UTC'`;
  if (kind !== 'FLOAT64') return `${value}::VARCHAR`;
  return `CASE WHEN isfinite(${value}) THEN ${value}::VARCHAR WHEN isnan(${value}) THEN 'NaN' WHEN ${value} > 0 THEN 'Infinity' WHEN ${value} < 0 THEN '-Infinity' END`;
}
