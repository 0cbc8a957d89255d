/** From BigQuery's types to logical types, and how each is asked for. docs/connectors/bigquery.md has the table. */
import { quoteName } from '../../bigquery/sql.ts';
import type { ReadColumn } from '../../core/contracts/source.ts';
import { isScalar, type LogicalType, numericType, sameType } from '../../core/types.ts';
import { type VectorColumn, vectorOf } from '../../core/vectors.ts';

/** A column in a schema of the API. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly mode?: string | null;
  readonly description?: string | null;
  readonly precision?: string | null;
  readonly scale?: string | null;
  readonly maxLength?: string | null;
  readonly fields?: readonly Field[] | null;
}

/** What the API calls a type otherwise than SQL does. */
const NAMES: Readonly<Record<string, string>> = {
  INTEGER: 'INT64',
  FLOAT: 'FLOAT64',
  BOOLEAN: 'BOOL',
  RECORD: 'STRUCT',
  DECIMAL: 'NUMERIC',
  BIGDECIMAL: 'BIGNUMERIC',
};

/** The type as SQL names it: `NUMERIC(12, 2)`, `ARRAY<STRUCT<sku STRING, price NUMERIC>>`. */
export function sqlType(field: Field): string {
  const kind = NAMES[field.type] ?? field.type;
  const one =
    kind === 'STRUCT'
      ? `STRUCT<${(field.fields ?? []).map((inner) => `${quoteName(inner.name)} ${sqlType(inner)}`).join(', ')}>`
      : field.precision
        ? `${kind}(${field.precision}, ${field.scale ?? 0})`
        : kind;
  return field.mode === 'REPEATED' ? `ARRAY<${one}>` : one;
}

/** The logical type; what has no counterpart is text that loses nothing. */
export function logicalOf(field: Field): LogicalType {
  const kind = NAMES[field.type] ?? field.type;
  if (field.mode === 'REPEATED') {
    return isScalar(kind) && kind !== 'JSON' ? { kind: 'ARRAY', item: kind } : { kind: 'JSON' };
  }
  if (kind === 'STRUCT') return { kind: 'JSON' };
  if (kind === 'NUMERIC' || kind === 'BIGNUMERIC') return decimal(kind, field);
  return { kind: isScalar(kind) ? kind : 'STRING' };
}

function decimal(kind: 'NUMERIC' | 'BIGNUMERIC', { precision, scale }: Field): LogicalType {
  return precision ? numericType(Number(precision), Number(scale ?? 0)) : { kind };
}

/** How the column lies in a batch. Arrays and structs travel as JSON. */
export function vectorFor({ name, logical, mask }: Pick<ReadColumn, 'name' | 'logical' | 'mask'>): VectorColumn {
  return mask === undefined ? vectorOf(name, logical) : { name, kind: 'text' };
}

type Asked = Pick<ReadColumn, 'source' | 'sourceType' | 'logical' | 'mask'>;

/** The logical type that a SQL type has by itself. */
function naturalOf(sourceType: string): LogicalType {
  const numeric = /^(NUMERIC|BIGNUMERIC)(?:\((\d+), (\d+)\))?$/.exec(sourceType);
  if (numeric?.[2] !== undefined) return numericType(Number(numeric[2]), Number(numeric[3]));
  if (numeric !== null) return { kind: numeric[1] as 'NUMERIC' };
  const item = /^ARRAY<(\w+)>$/.exec(sourceType)?.[1];
  if (item !== undefined) return logicalOf({ name: '', type: item, mode: 'REPEATED' });
  return logicalOf({ name: '', type: /^\w+/.exec(sourceType)?.[0] ?? sourceType });
}

/** Whether the column is asked for as it lies in its table, without a cast or a mask. */
export function isPlain({ sourceType, logical, mask }: Asked): boolean {
  return (
    mask === undefined &&
    sameType(naturalOf(sourceType), logical) &&
    !/^(STRUCT|ARRAY|RANGE|INTERVAL|GEOGRAPHY)/.test(sourceType)
  );
}

/** The column as its own text, the same that other sources give: what masks hash. */
export function asText({ source, sourceType }: Pick<Asked, 'source' | 'sourceType'>): string {
  const name = quoteName(source);
  if (sourceType === 'STRING') return name;
  if (/^(STRUCT|ARRAY|JSON|RANGE)/.test(sourceType)) return jsonText(name, sourceType);
  if (sourceType === 'GEOGRAPHY') return `ST_ASTEXT(${name})`;
  if (sourceType === 'BYTES') return `CONCAT('\\\\x', TO_HEX(${name}))`;
  const scale = /^(?:BIG)?NUMERIC\(\d+, (\d+)\)$/.exec(sourceType)?.[1];
  if (scale !== undefined) return `FORMAT('%.${scale}f', ${name})`;
  return `CAST(${name} AS STRING)`;
}

/** The column in the type that the read wants. @param nested what stands for JSON, arrays and structs in the answer */
export function expression(column: Asked, nested: 'native' | 'text'): string {
  const { source, sourceType, logical } = column;
  const name = quoteName(source);
  const isJson = logical.kind === 'JSON';
  if (isJson || logical.kind === 'ARRAY') {
    if (nested === 'text') return jsonText(name, sourceType);
    return !isJson || sourceType === 'JSON' ? name : `IF(${name} IS NULL, NULL, TO_JSON(${name}))`;
  }
  if (logical.kind === 'STRING') return asText(column);
  return name;
}

/** Of NULL the text would be `null`; an array is never NULL in a table. */
function jsonText(name: string, sourceType: string): string {
  return `IF(${name} IS NULL, ${sourceType.startsWith('ARRAY') ? "'[]'" : 'NULL'}, TO_JSON_STRING(${name}))`;
}
