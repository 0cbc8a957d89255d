/** Texts and values of a tenant file or a run as constants of a column's type. */

import { constant, quoteText } from '../../bigquery/sql.ts';
import type { LogicalType } from '../../core/types.ts';
import { heldAs } from './types.ts';

/**
 * A value as the type of the column it is compared with; one that is none of that type fails the statement.
 *
 * @example literal('2026-03-01', { kind: 'TIMESTAMP' }) // "CAST('2026-03-01' AS TIMESTAMP)"
 */
export function literal(value: string | number | boolean, type: LogicalType): string {
  const { kind } = heldAs(type);
  const text = String(value);
  if (kind === 'STRING' || kind === 'JSON' || kind === 'ARRAY') return quoteText(text);
  if (kind === 'INT64' || kind === 'NUMERIC' || kind === 'BIGNUMERIC') {
    return constant(text, { kind }) ?? `CAST(${quoteText(text)} AS BIGNUMERIC)`;
  }
  return `CAST(${quoteText(text)} AS ${kind})`;
}
