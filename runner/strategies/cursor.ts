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
