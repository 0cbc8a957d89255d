/** Values of a vector as the texts of a row in quarantine. */
import { legible, numberText } from '../core/legible.ts';
import type { VectorColumn } from '../core/vectors.ts';

const DAY_MS = 86_400_000;
const DAY_US = 86_400_000_000n;

/**
 * A value as the reader spells those of the rows that it rejects; points in time in UTC.
 *
 * @param at where the value starts
 * @param bytes of a value of varying length
 */
export function valueText({ kind, scale = 0 }: VectorColumn, view: DataView, at: number, bytes: Uint8Array): string {
  switch (kind) {
    case 'int64':
      return view.getBigInt64(at, true).toString();
    case 'float64':
      return numberText(view.getFloat64(at, true));
    case 'bool':
      return view.getUint8(at) === 1 ? 'true' : 'false';
    case 'decimal':
      return decimalText((view.getBigInt64(at + 8, true) << 64n) | view.getBigUint64(at, true), scale);
    case 'date':
      return dayText(view.getInt32(at, true));
    case 'time':
      return clockText(view.getBigInt64(at, true));
    case 'datetime':
      return momentText(view.getBigInt64(at, true));
    case 'timestamp':
      return `${momentText(view.getBigInt64(at, true))}+00`;
    case 'bytes':
      return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;
    case 'text':
    case 'json':
      return legible(bytes);
  }
}

function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${sign}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}

function dayText(days: number): string {
  return new Date(days * DAY_MS).toISOString().slice(0, 10);
}

function clockText(us: bigint): string {
  const clock = new Date(Number(us / 1000n)).toISOString().slice(11, 19);
  const fraction = us % 1_000_000n;
  return fraction === 0n ? clock : `${clock}.${fraction.toString().padStart(6, '0')}`;
}

function momentText(us: bigint): string {
  const within = ((us % DAY_US) + DAY_US) % DAY_US;
  return `${dayText(Number((us - within) / DAY_US))} ${clockText(within)}`;
}
