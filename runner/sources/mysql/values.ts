/** Values of the binary protocol off the fast path: exact decimals, days, and any value as text for quarantine. */
import { legible, numberText } from '../../core/legible.ts';
import type { WireKind } from './types.ts';

const LIMIT = 10n ** 38n;

/** Where `daysOf` has no answer. */
export const NO_DAY = 0x7fff_ffff;

/** Days since 1970-01-01; {@link NO_DAY} where the calendar has no such day or the year is not 1 to 9999. */
export function daysOf(year: number, month: number, day: number): number {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > monthDays(year, month)) return NO_DAY;
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + (yearOfEra >> 2) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function monthDays(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** A decimal's text as its unscaled integer at this scale; a text says why it cannot be one. */
export function unscaled(text: string, scale: number): bigint | string {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d*)\.?(\d*)$/.exec(text) ?? [];
  const kept = fraction.replace(/0+$/, '');
  if (kept.length > scale) return `more than ${scale} digits after the point`;
  const value = BigInt(`${whole}${kept.padEnd(scale, '0')}` || '0');
  if (value >= LIMIT) return `more than ${38 - scale} digits before the point`;
  return sign === '-' ? -value : value;
}

/** A length as the protocol packs it, and where it ends. */
export function lengthAt(view: DataView, at: number): { readonly length: number; readonly next: number } {
  const first = view.getUint8(at);
  if (first < 251) return { length: first, next: at + 1 };
  if (first === 252) return { length: view.getUint16(at + 1, true), next: at + 3 };
  if (first === 253) return { length: view.getUint16(at + 1, true) + view.getUint8(at + 3) * 65_536, next: at + 4 };
  return { length: view.getUint32(at + 1, true), next: at + 9 };
}

const two = (value: number) => String(value).padStart(2, '0');
const fraction = (us: number) => (us === 0 ? '' : `.${String(us).padStart(6, '0')}`);

function dateText(view: DataView, at: number, length: number, dateOnly: boolean): string {
  const year = length === 0 ? 0 : view.getUint16(at, true);
  const [month, day] = length === 0 ? [0, 0] : [view.getUint8(at + 2), view.getUint8(at + 3)];
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
  if (dateOnly) return date;
  const clock = length < 7 ? [0, 0, 0] : [4, 5, 6].map((offset) => view.getUint8(at + offset));
  return `${date} ${clock.map(two).join(':')}${fraction(length < 11 ? 0 : view.getUint32(at + 7, true))}`;
}

function timeText(view: DataView, at: number, length: number): string {
  if (length === 0) return '00:00:00';
  const hours = view.getUint32(at + 1, true) * 24 + view.getUint8(at + 5);
  const clock = `${two(hours)}:${two(view.getUint8(at + 6))}:${two(view.getUint8(at + 7))}`;
  return `${view.getUint8(at) === 1 ? '-' : ''}${clock}${fraction(length < 12 ? 0 : view.getUint32(at + 8, true))}`;
}

const WIDTHS: Readonly<Partial<Record<WireKind, number>>> = {
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float: 4,
  double: 8,
};

/** How a value is shown. */
export type Shown = 'text' | 'hex' | 'date' | 'datetime' | 'timestamp';

/** A value as MySQL would print it, points in time in UTC, and where the next one begins. */
export function wireText(
  wire: WireKind,
  bytes: Buffer,
  view: DataView,
  at: number,
  shown: Shown,
): { readonly text: string; readonly next: number } {
  const width = WIDTHS[wire];
  if (width !== undefined) return { text: numberAt(wire, view, at), next: at + width };
  const { length, next } = lengthAt(view, at);
  const end = next + length;
  switch (wire) {
    case 'date':
      return {
        text: `${dateText(view, next, length, shown === 'date')}${shown === 'timestamp' ? '+00' : ''}`,
        next: end,
      };
    case 'time':
      return { text: timeText(view, next, length), next: end };
    default:
      return {
        text: shown === 'hex' ? `\\x${bytes.toString('hex', next, end)}` : legible(bytes.subarray(next, end)),
        next: end,
      };
  }
}

function numberAt(wire: WireKind, view: DataView, at: number): string {
  switch (wire) {
    case 'int8':
      return String(view.getInt8(at));
    case 'uint8':
      return String(view.getUint8(at));
    case 'int16':
      return String(view.getInt16(at, true));
    case 'uint16':
      return String(view.getUint16(at, true));
    case 'int32':
      return String(view.getInt32(at, true));
    case 'uint32':
      return String(view.getUint32(at, true));
    case 'int64':
      return view.getBigInt64(at, true).toString();
    case 'uint64':
      return view.getBigUint64(at, true).toString();
    case 'float':
      return numberText(view.getFloat32(at, true));
    default:
      return numberText(view.getFloat64(at, true));
  }
}
