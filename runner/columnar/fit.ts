/**
 * Which values fit a type: the one place that decides whether a cast would lose or change something. DuckDB's own casts
 * round, drop a time of day or a zone, and read many spellings of a truth value. Rules for people: docs/types.md, Overrides.
 */
import type { LogicalType, ScalarKind } from '../core/types.ts';
import type { VectorColumn } from '../core/vectors.ts';
import { quoteText } from './sql.ts';
import { decimalScale, sqlType, vectorType } from './types.ts';

/**
 * The SQL of a vector's value as another type; NULL where it would not be the same value.
 *
 * @param misfit SQL in place of that NULL
 * @example exactCast('"price"', { name: 'price', kind: 'float64' }, { kind: 'INT64' })
 */
export function exactCast(value: string, vector: VectorColumn, type: LogicalType, misfit?: string): string {
  if (vector.kind === 'text') return exactText(value, type, misfit);
  const exact = exactOther(value, vector, type);
  return misfit === undefined ? exact : `coalesce(${exact}, ${misfit})`;
}

function exactOther(value: string, vector: VectorColumn, type: LogicalType): string {
  if (vector.kind !== 'json') return exactValue(value, vector, type);
  return type.kind === 'ARRAY' ? exactArray(value, type.item) : exactText(`(${value} ->> '$')`, type);
}

/**
 * The SQL of a text as a type; NULL where the text is none of its values, or a finer one than it holds.
 *
 * @param misfit SQL in place of that NULL
 */
export function exactText(text: string, type: LogicalType, misfit?: string): string {
  const careful = carefulText(text, type);
  const otherwise = misfit === undefined ? careful : `coalesce(${careful}, ${misfit})`;
  const cast = `TRY_CAST(${text} AS ${sqlType(type)})`;
  const plain = plainText(text, cast, type.kind);
  return plain === null ? otherwise : `CASE ${plain} ELSE ${otherwise} END`;
}

/** Branches for the texts that most values are: they need no pattern, which costs more than all else. */
function plainText(text: string, cast: string, kind: LogicalType['kind']): string | null {
  switch (kind) {
    case 'BOOL':
      return `WHEN ${text} = 'true' THEN true WHEN ${text} = 'false' THEN false`;
    case 'FLOAT64':
      return `WHEN isfinite(${cast}) AND NOT contains(${text}, '_') AND NOT starts_with(${text}, '+') THEN ${cast}`;
    // What DuckDB writes back as it was is the same value.
    case 'INT64':
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return `WHEN ${cast}::VARCHAR = ${text} THEN ${cast}`;
    case 'DATE':
    case 'DATETIME':
      return `WHEN ${cast}::VARCHAR = ${text} AND ${cast} ${YEARS} THEN ${cast}`;
    default:
      return null;
  }
}

function carefulText(text: string, type: LogicalType): string {
  const trimmed = `trim(${text}, ' \t\r\n')`;
  const cast = `TRY_CAST(${trimmed} AS ${sqlType(type)})`;
  const when = (pattern: string, guard = '') =>
    `CASE WHEN regexp_full_match(${trimmed}, ${quoteText(pattern)})${guard} THEN ${cast} END`;
  switch (type.kind) {
    case 'STRING':
      return text;
    case 'BYTES':
      return `encode(${text})`;
    case 'JSON':
      return `TRY_CAST(${text} AS JSON)`;
    case 'ARRAY':
      return exactArray(`TRY_CAST(${text} AS JSON)`, type.item);
    case 'BOOL':
      return when('(?i)true|false');
    case 'FLOAT64':
      return when(FLOAT, ` AND (isfinite(${cast}) OR NOT regexp_matches(${trimmed}, '[0-9]'))`);
    case 'INT64':
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return when(`[+-]?\\d*(\\.\\d{0,${decimalScale(type)}}0*)?`);
    case 'DATE':
      return when(`${DAY}([ T]00:00(:00(\\.0*)?)?)?`, ` AND ${cast} ${YEARS}`);
    case 'TIME':
      return when(CLOCK);
    case 'DATETIME':
      return when(`${DAY}([ T]${CLOCK})?`, ` AND ${cast} ${YEARS}`);
    case 'TIMESTAMP':
      return when(`${DAY}([ T]${CLOCK}(${ZONE})?)?`, ` AND ${cast} ${YEARS}`);
  }
}

const FLOAT = '(?i)[+-]?((\\d+\\.?\\d*|\\.\\d+)(e[+-]?\\d+)?|nan|inf|infinity)';
const DAY = '\\d{4}-\\d\\d?-\\d\\d?';
const CLOCK = '([01]?\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{0,6}0*)?)?';
const ZONE = 'Z| UTC|[+-](0\\d|1[0-5])(:?[0-5]\\d|:[0-5]\\d:[0-5]\\d)?';
const YEARS = `BETWEEN '0001-01-01' AND '9999-12-31 23:59:59.999999'`;

/** The way there and back gives the same value. FLOAT64 is a wish for less precision; NaN has no JSON. */
function exactValue(value: string, vector: VectorColumn, type: LogicalType): string {
  const cast = `TRY_CAST(${value} AS ${sqlType(type)})`;
  if (type.kind === 'FLOAT64') return cast;
  const same = `TRY_CAST(${cast} AS ${vectorType(vector)}) = ${value}`;
  const finite = type.kind === 'JSON' && vector.kind === 'float64' ? ` AND isfinite(${value})` : '';
  return `CASE WHEN ${same}${finite} THEN ${cast} END`;
}

function exactArray(json: string, item: ScalarKind): string {
  const elements = `TRY_CAST(${json} AS JSON[])`;
  const scalar = `CASE WHEN json_type(e) NOT IN ('ARRAY', 'OBJECT') THEN ${exactText(`(e ->> '$')`, { kind: item })} END`;
  const items = `list_transform(${elements}, lambda e: ${item === 'JSON' ? 'e' : scalar})`;
  return `CASE WHEN list_count(${items}) = len(${elements}) THEN ${items} END`;
}
