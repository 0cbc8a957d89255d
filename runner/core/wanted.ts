/** What the values of a type look like, in words. Every warehouse says it alike, because people read it in `_quarantine`. */
import { type LogicalKind, type LogicalType, typeName } from './types.ts';

/**
 * The type and what its values look like, for the reason of a row in quarantine.
 *
 * @example wanted({ kind: 'INT64' }) // 'INT64 (a whole number of 64 bits)'
 */
export function wanted(type: LogicalType): string {
  return `${typeName(type)} (${WANTED[type.kind]})`;
}

const WANTED: Readonly<Record<LogicalKind, string>> = {
  INT64: 'a whole number of 64 bits',
  FLOAT64: 'a number',
  NUMERIC: 'a number of no more digits than it has',
  BIGNUMERIC: 'a number of no more digits than it has',
  BOOL: 'true or false, 1 or 0',
  STRING: 'any text',
  BYTES: 'bytes',
  DATE: 'a day of the years 1 to 9999, without a time of day',
  TIME: 'a time of day before 24:00 in microseconds, without a zone',
  DATETIME: 'a date and time of the years 1 to 9999 in microseconds, without a zone',
  TIMESTAMP: 'a date and time of the years 1 to 9999 in microseconds',
  JSON: 'JSON',
  ARRAY: 'an array of one dimension, each element of its type and not NULL',
};
