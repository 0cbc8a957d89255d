/** Columns of Arrow, as the Storage Read API sends them → column vectors: whole stretches are copied, and a row is no object. */
import { type Data, DataType, RecordBatchReader } from 'apache-arrow';
import type { ReadColumn } from '../../core/contracts/source.ts';
import { legible, numberText } from '../../core/legible.ts';
import type { VectorColumn } from '../../core/vectors.ts';
import { WIDTH } from '../../core/vectors.ts';

/** A column of one record batch. */
export interface ArrowColumn {
  readonly name: string;
  readonly vector: VectorColumn;
  readonly unrepresentable: ReadColumn['unrepresentable'];
  /** Fixed width: the values as they are copied; `null` where each has to be looked at. */
  readonly raw: Uint8Array | null;
  readonly bits: Uint8Array | null;
  readonly offsets: Int32Array | BigInt64Array | null;
  readonly bytes: Uint8Array | null;
  /** Bit set: there is a value; `null`: there are all. */
  readonly valid: Uint8Array | null;
  /** Unscaled values of decimals that lie otherwise than the vector's. */
  readonly decimal: DecimalColumn | null;
}

export interface DecimalColumn {
  readonly words: Uint32Array;
  readonly wordsEach: number;
  readonly scale: number;
}

export interface ArrowRows {
  readonly rows: number;
  readonly columns: readonly ArrowColumn[];
}

/** Column and where it is found in what BigQuery sends. */
export interface WantedColumn {
  readonly field: string;
  readonly name: string;
  readonly vector: VectorColumn;
  readonly unrepresentable: ReadColumn['unrepresentable'];
}

/** The record batches of one message; buffers are those of the message. */
export function* arrowRows(
  schema: Uint8Array,
  batch: Uint8Array,
  wanted: readonly WantedColumn[],
): Iterable<ArrowRows> {
  const reader = RecordBatchReader.from(Buffer.concat([schema, batch]));
  for (const { numRows, schema: found, data } of reader) {
    const index = new Map(found.fields.map(({ name }, i) => [name.toLowerCase(), i]));
    const columns = wanted.map((column) => {
      const child = data.children[index.get(column.field.toLowerCase()) ?? -1];
      if (child === undefined) throw new Error(`The answer has no column ${column.field}.`);
      return arrowColumn(column, child);
    });
    yield { rows: numRows, columns };
  }
}

function arrowColumn({ name, vector, unrepresentable }: WantedColumn, data: Data): ArrowColumn {
  if (data.offset !== 0) throw new Error('A record batch that does not begin at its first row.');
  const valid = data.nullCount === 0 || data.nullBitmap.length === 0 ? null : data.nullBitmap;
  const none = { raw: null, bits: null, offsets: null, bytes: null, decimal: null };
  const column = { ...none, name, vector, unrepresentable, valid };
  if (DataType.isBool(data.type)) return { ...column, bits: data.values as Uint8Array };
  if (DataType.isDecimal(data.type)) {
    const words = data.values as Uint32Array;
    const { scale, bitWidth } = data.type;
    if (bitWidth === 128 && scale === vector.scale) return { ...column, raw: octets(words) };
    return { ...column, decimal: { words, wordsEach: bitWidth / 32, scale } };
  }
  const offsets = data.valueOffsets as unknown as Int32Array | BigInt64Array | undefined;
  if (
    DataType.isUtf8(data.type) ||
    DataType.isBinary(data.type) ||
    DataType.isLargeUtf8(data.type) ||
    DataType.isLargeBinary(data.type)
  ) {
    return { ...column, offsets: offsets ?? null, bytes: data.values as Uint8Array };
  }
  const values = data.values as ArrayBufferView & { readonly BYTES_PER_ELEMENT: number };
  if (values.BYTES_PER_ELEMENT !== WIDTH[vector.kind]) throw new Error(`${name} came as ${data.type}.`);
  return { ...column, raw: octets(values) };
}

const octets = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);

export function isNull({ valid }: ArrowColumn, row: number): boolean {
  return valid !== null && ((valid[row >> 3] ?? 0) & (1 << (row & 7))) === 0;
}

const LIMIT = 10n ** 38n;

/** The unscaled value at the vector's scale; a text says why there is none. */
export function decimalOf({ decimal, vector }: ArrowColumn, row: number): bigint | string {
  if (decimal === null) return 'not a decimal';
  let value = unscaled(decimal, row);
  const shift = (vector.scale ?? 0) - decimal.scale;
  if (shift >= 0) value *= 10n ** BigInt(shift);
  else {
    const divisor = 10n ** BigInt(-shift);
    if (value % divisor !== 0n) return `more than ${vector.scale ?? 0} digits after the point`;
    value /= divisor;
  }
  return value >= LIMIT || value <= -LIMIT ? `more than ${38 - (vector.scale ?? 0)} digits before the point` : value;
}

function unscaled({ words, wordsEach }: DecimalColumn, row: number): bigint {
  let value = 0n;
  for (let i = wordsEach - 1; i >= 0; i--) value = (value << 32n) | BigInt(words[row * wordsEach + i] ?? 0);
  return BigInt.asIntN(32 * wordsEach, value);
}

/** A value as text, for quarantine. */
export function textOf(column: ArrowColumn, row: number): string | null {
  if (isNull(column, row)) return null;
  const { vector, raw, bits, offsets, bytes, decimal } = column;
  if (bits !== null) return ((bits[row >> 3] ?? 0) >> (row & 7)) & 1 ? 'true' : 'false';
  if (decimal !== null) return decimalText(unscaled(decimal, row), decimal.scale);
  if (offsets !== null && bytes !== null) {
    const value = bytes.subarray(Number(offsets[row]), Number(offsets[row + 1]));
    return vector.kind === 'bytes' ? `\\x${Buffer.from(value).toString('hex')}` : legible(Buffer.from(value));
  }
  return raw === null ? null : fixedText(vector, raw, row);
}

function fixedText({ kind, scale = 0 }: VectorColumn, raw: Uint8Array, row: number): string {
  const view = new DataView(raw.buffer, raw.byteOffset + row * WIDTH[kind], WIDTH[kind]);
  switch (kind) {
    case 'float64':
      return numberText(view.getFloat64(0, true));
    case 'decimal':
      return decimalText((view.getBigInt64(8, true) << 64n) | view.getBigUint64(0, true), scale);
    case 'date':
      return new Date(view.getInt32(0, true) * 86_400_000).toISOString().slice(0, 10);
    case 'time':
    case 'datetime':
    case 'timestamp': {
      const micros = view.getBigInt64(0, true);
      const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
      const second = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, 19).replace('T', ' ');
      const whole = `${second}.${String(fraction).padStart(6, '0')}`.replace(/\.?0+$/, '');
      const text = fraction === 0n ? second : whole;
      return kind === 'time' ? text.slice(11) : `${text}${kind === 'timestamp' ? '+00' : ''}`;
    }
    default:
      return view.getBigInt64(0, true).toString();
  }
}

function decimalText(value: bigint, scale: number): string {
  const sign = value < 0n ? '-' : '';
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
