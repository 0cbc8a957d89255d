/** Values of COPY BINARY off the fast path: exact numerics, and any value as text for quarantine. */
import { legible, numberText } from '../../core/legible.ts';
import type { VectorKind } from '../../core/vectors.ts';
import type { WireKind } from './types.ts';

const NEGATIVE = 0x4000;
const SPECIAL: Readonly<Record<number, string>> = { 49152: 'NaN', 53248: 'Infinity', 61440: '-Infinity' };
const EPOCH_DAYS = 10_957n;
const DAY_US = 86_400_000_000n;
const LIMIT = 10n ** 38n;

/** A numeric as its unscaled integer at this scale; a text says why it cannot be one. */
export function unscaled(view: DataView, at: number, scale: number): bigint | string {
  const digits = view.getInt16(at);
  const weight = view.getInt16(at + 2);
  const sign = view.getUint16(at + 4);
  const special = SPECIAL[sign];
  if (special !== undefined) return special;
  let value = 0n;
  for (let i = 0; i < digits; i++) value = value * 10_000n + BigInt(view.getInt16(at + 8 + 2 * i));
  const exponent = 4 * (weight - digits + 1) + scale;
  if (exponent >= 0) value *= 10n ** BigInt(exponent);
  else {
    const divisor = 10n ** BigInt(-exponent);
    if (value % divisor !== 0n) return `more than ${scale} digits after the point`;
    value /= divisor;
  }
  if (value >= LIMIT) return `more than ${38 - scale} digits before the point`;
  return sign === NEGATIVE ? -value : value;
}

function numericText(view: DataView, at: number): string {
  const special = SPECIAL[view.getUint16(at + 4)];
  if (special !== undefined) return special;
  const digits = view.getInt16(at);
  const weight = view.getInt16(at + 2);
  const shown = view.getInt16(at + 6);
  const group = (i: number) => (i >= 0 && i < digits ? view.getInt16(at + 8 + 2 * i) : 0);
  let whole = '';
  for (let i = 0; i <= weight; i++) whole += String(group(i)).padStart(4, '0');
  let fraction = '';
  for (let i = weight + 1; fraction.length < shown; i++) fraction += String(group(i)).padStart(4, '0');
  const text = `${whole.replace(/^0+(?=\d)/, '') || '0'}${shown > 0 ? `.${fraction.slice(0, shown)}` : ''}`;
  return view.getUint16(at + 4) === NEGATIVE ? `-${text}` : text;
}

function dateText(days: bigint): string {
  const shifted = days + 719_468n;
  const era = (shifted >= 0n ? shifted : shifted - 146_096n) / 146_097n;
  const dayOfEra = Number(shifted - era * 146_097n);
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + Number(era) * 400 + (month <= 2 ? 1 : 0);
  const era0 = year <= 0;
  const digits = String(era0 ? 1 - year : year).padStart(4, '0');
  return `${digits}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}${era0 ? ' BC' : ''}`;
}

function clockText(us: bigint): string {
  const pad = (value: bigint, width = 2) => value.toString().padStart(width, '0');
  const seconds = us / 1_000_000n;
  const fraction = us % 1_000_000n;
  const clock = `${pad(seconds / 3600n)}:${pad((seconds / 60n) % 60n)}:${pad(seconds % 60n)}`;
  return fraction === 0n ? clock : `${clock}.${pad(fraction, 6)}`;
}

function timestampText(us: bigint, zone: string): string {
  if (us === 0x7fff_ffff_ffff_ffffn) return 'infinity';
  if (us === -0x8000_0000_0000_0000n) return '-infinity';
  let days = us / DAY_US;
  if (us % DAY_US < 0n) days -= 1n;
  const date = dateText(days + EPOCH_DAYS);
  const clock = clockText(us - days * DAY_US);
  return date.endsWith(' BC') ? `${date.slice(0, -3)} ${clock}${zone} BC` : `${date} ${clock}${zone}`;
}

/** A value as PostgreSQL would print it; points in time in UTC. */
export function wireText(
  kind: WireKind,
  bytes: Buffer,
  view: DataView,
  at: number,
  length: number,
  vector: VectorKind,
): string {
  switch (kind) {
    case 'integer':
      if (length === 8) return view.getBigInt64(at).toString();
      return String(length === 4 ? view.getInt32(at) : view.getInt16(at));
    case 'float':
      return numberText(length === 8 ? view.getFloat64(at) : view.getFloat32(at));
    case 'bool':
      return bytes[at] === 1 ? 'true' : 'false';
    case 'numeric':
      return numericText(view, at);
    case 'date': {
      const days = view.getInt32(at);
      if (days === 0x7fff_ffff) return 'infinity';
      return days === -0x8000_0000 ? '-infinity' : dateText(BigInt(days) + EPOCH_DAYS);
    }
    case 'time':
      return clockText(view.getBigInt64(at));
    case 'timestamp':
      return timestampText(view.getBigInt64(at), vector === 'timestamp' ? '+00' : '');
    case 'uuid':
      return bytes.toString('hex', at, at + 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    case 'bytea':
      return `\\x${bytes.toString('hex', at, at + length)}`;
    case 'jsonb':
      return legible(bytes.subarray(at + 1, at + length));
    case 'text':
      return legible(bytes.subarray(at, at + length));
  }
}
