/** When values, keys and rows are the same. In GoogleSQL only `=` between the two sides joins by hash. */

import { quoteName } from '../../../bigquery/sql.ts';
import type { TableColumn } from '../../../core/contracts/warehouse.ts';
import type { LogicalKind, LogicalType } from '../../../core/types.ts';

/** Whether `=` and GROUP BY take the type as it is. NaN is not `=` to itself, and 0 and -0 have different texts. */
export function comparable(value: string, { kind }: LogicalType): string {
  if (kind === 'JSON' || kind === 'ARRAY') return `TO_JSON_STRING(${value})`;
  return kind === 'FLOAT64' ? `CAST(${value} + 0 AS STRING)` : value;
}

/**
 * Rows of two tables with the same key.
 *
 * @param holdsNull whether both sides may hold NULL in a key: it is then a value like any other
 */
export function sameKey(key: readonly TableColumn[], left: string, right: string, holdsNull: boolean): string {
  return key.map((column) => sameValue(column, left, right, holdsNull)).join(' AND ');
}

function sameValue({ name, type }: TableColumn, left: string, right: string, holdsNull: boolean): string {
  const [a, b] = [left, right].map((side) => comparable(`${side}.${quoteName(name)}`, type)) as [string, string];
  if (!holdsNull) return `${a} = ${b}`;
  const some = SOME_VALUE[type.kind];
  return `IFNULL(${a}, ${some}) = IFNULL(${b}, ${some}) AND (${a} IS NULL) = (${b} IS NULL)`;
}

/** Whether two values differ; NULL and NaN are the same as themselves. */
export function differs({ name, type: { kind } }: TableColumn, left: string, right: string): string {
  const [a, b] = [left, right].map((side) => {
    const value = `${side}.${quoteName(name)}`;
    return kind === 'JSON' || kind === 'ARRAY' ? `TO_JSON_STRING(${value})` : value;
  });
  return `${a} IS DISTINCT FROM ${b}`;
}

/** The columns of a row as one text, the same for the same values and for no others. */
export function rowText(columns: readonly TableColumn[], side: string): string {
  const fields = columns.map(({ name, type }, i) => {
    const value = `${side}.${quoteName(name)}`;
    return `${type.kind === 'FLOAT64' ? `${value} + 0` : value} AS c${i}`;
  });
  return `TO_JSON_STRING(STRUCT(${fields.join(', ')}))`;
}

/** What PARTITION BY takes for a key; NULL is a value like any other. */
export function keyParts(key: readonly TableColumn[], side: string): string {
  return key.map(({ name, type }) => comparable(`${side}.${quoteName(name)}`, type)).join(', ');
}

/** Stands for NULL beside a test of it. What is compared as text has a text. */
const SOME_VALUE: Readonly<Record<LogicalKind, string>> = {
  INT64: '0',
  NUMERIC: `NUMERIC '0'`,
  BIGNUMERIC: `BIGNUMERIC '0'`,
  BOOL: 'FALSE',
  STRING: `''`,
  BYTES: `b''`,
  DATE: `DATE '1970-01-01'`,
  TIME: `TIME '00:00:00'`,
  DATETIME: `DATETIME '1970-01-01 00:00:00'`,
  TIMESTAMP: `TIMESTAMP '1970-01-01 00:00:00+00'`,
  FLOAT64: `''`,
  JSON: `''`,
  ARRAY: `''`,
};
