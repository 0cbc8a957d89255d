/** One type for values of several: what an inferred column is. */
import { type LogicalType, sameType } from './types.ts';

/**
 * The narrowest type for the values of both. A whole number among floats is one; past 53 bits it does not fit and its row
 * goes to quarantine.
 *
 * @example unionType({ kind: 'INT64' }, { kind: 'STRING' }) // { kind: 'JSON' }
 */
export function unionType(a: LogicalType, b: LogicalType): LogicalType {
  if (sameType(a, b)) return a;
  const numbers = (a.kind === 'INT64' || a.kind === 'FLOAT64') && (b.kind === 'INT64' || b.kind === 'FLOAT64');
  return { kind: numbers ? 'FLOAT64' : 'JSON' };
}
