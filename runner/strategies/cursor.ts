/** Arithmetic on cursors kept as text at source precision. Pure. */

const TIMESTAMP = /^(\d{4,})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * The cursor so many seconds earlier. A cursor that is not a point in time (a sequence) stays as it is.
 *
 * @example shiftBack('2026-03-01 00:00:00.000001+00', 600) // '2026-02-28 23:50:00.000001+00'
 */
export function shiftBack(cursor: string, seconds: number): string {
  const parts = TIMESTAMP.exec(cursor);
  if (parts === null || seconds === 0) return cursor;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = ''] = parts;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) - seconds * 1000;
  const text = new Date(ms).toISOString();
  if (parts[4] === undefined) return text.slice(0, 10);
  return `${text.slice(0, 10)} ${text.slice(11, 19)}${fraction === '' ? '' : `.${fraction}`}${zone}`;
}

/**
 * Whether the first point in time lies before the second, at microseconds; false where one of them is none.
 *
 * @example isEarlier('2026-03-01 00:00:00+00', '2026-03-01T00:00:00.000001Z') // true
 */
export function isEarlier(a: string, b: string): boolean {
  const [left, right] = [microsOf(a), microsOf(b)];
  return left !== null && right !== null && left < right;
}

function microsOf(cursor: string): bigint | null {
  const parts = TIMESTAMP.exec(cursor);
  if (parts === null) return null;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = parts;
  const offset = zone.length === 3 ? `${zone}:00` : zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2');
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${offset}`);
  return Number.isNaN(ms) ? null : BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, '0'));
}
