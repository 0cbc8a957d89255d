/** Values of cursors: as texts, and in their order. Pure. */
import type { Moment } from './wire.ts';

/** A point in time, or a whole number. */
export type CursorValue = Moment | bigint;

/**
 * Reads the text of a cursor.
 *
 * @example parseCursor('42') // 42n
 * @example parseCursor('1970-01-01T00:00:01.000002Z') // { seconds: 1, micros: 2 }
 * @throws RangeError
 */
export function parseCursor(text: string): CursorValue {
  return /^[+-]?\d+$/.test(text) ? BigInt(text) : parseMoment(text);
}

function parseMoment(text: string): Moment {
  const [, whole = '', fraction = '', zone = ''] =
    /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d(?::?\d\d)?)?$/.exec(text) ?? [];
  const shift = zone === '' ? 'Z' : zone.length === 3 ? `${zone}:00` : zone;
  const ms = whole === '' ? Date.parse(text) : Date.parse(`${whole.replace(' ', 'T')}${shift}`);
  if (Number.isNaN(ms)) throw new RangeError(`${text} is no point in time`);
  return { seconds: Math.floor(ms / 1000), micros: Number(fraction.padEnd(6, '0')) };
}

/** Whether the first is less; of one type. */
export function isBefore(a: CursorValue, b: CursorValue): boolean {
  if (typeof a === 'bigint' || typeof b === 'bigint') return typeof a === 'bigint' && typeof b === 'bigint' && a < b;
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.micros < b.micros);
}
