/**
 * The interchange format between a source and a warehouse: batches of column vectors in
 * plain ArrayBuffers, laid out as columnar engines keep them, so that a row never becomes a
 * JavaScript object. Little-endian throughout.
 *
 * A batch has one `fixed` buffer: for each column `rows × WIDTH` bytes, then for each column
 * a validity bitmap (bit set = value present). The bytes of text longer than
 * {@link INLINE_BYTES} live in one growing `blob` per column.
 */
import type { LogicalKind, LogicalType } from './types.ts';

/**
 * How a column lies in memory.
 *
 * | kind | bytes | value |
 * |---|---|---|
 * | int64 | 8 | two's complement |
 * | float64 | 8 | IEEE 754 |
 * | bool | 1 | 0 or 1 |
 * | decimal | 16 | unscaled two's complement; the scale is the column's |
 * | date | 4 | days since 1970-01-01 |
 * | time | 8 | µs since midnight |
 * | datetime, timestamp | 8 | µs since 1970-01-01 00:00:00 (UTC) |
 * | text, bytes, json | 16 | a string entry: length, 4-byte prefix, offset into the vector's slice of the blob; or length and up to 12 bytes in place |
 */
export type VectorKind =
  | 'int64'
  | 'float64'
  | 'bool'
  | 'decimal'
  | 'date'
  | 'time'
  | 'datetime'
  | 'timestamp'
  | 'text'
  | 'bytes'
  | 'json';

export const WIDTH: Readonly<Record<VectorKind, number>> = {
  int64: 8,
  float64: 8,
  bool: 1,
  decimal: 16,
  date: 4,
  time: 8,
  datetime: 8,
  timestamp: 8,
  text: 16,
  bytes: 16,
  json: 16,
};

/** Rows a columnar engine takes at a time; the rows of a batch are a multiple of it. */
export const VECTOR_ROWS = 2048;

/** Strings up to this length lie inside their entry. */
export const INLINE_BYTES = 12;

export interface VectorColumn {
  readonly name: string;
  readonly kind: VectorKind;
  /** Digits after the point; for `decimal` only. */
  readonly scale?: number;
  /** Total digits; for `decimal` only. */
  readonly precision?: number;
}

const KINDS: Readonly<Record<LogicalKind, VectorKind>> = {
  INT64: 'int64',
  FLOAT64: 'float64',
  BOOL: 'bool',
  STRING: 'text',
  BYTES: 'bytes',
  DATE: 'date',
  TIME: 'time',
  DATETIME: 'datetime',
  TIMESTAMP: 'timestamp',
  NUMERIC: 'decimal',
  BIGNUMERIC: 'decimal',
  JSON: 'json',
  ARRAY: 'json',
};
const DECIMAL_DIGITS = 38;
/** As BigQuery's NUMERIC has it. */
const UNDECLARED_SCALE = 9;

/**
 * How a column of this type lies in a batch, where its source has no other way. A decimal takes 38 digits: those
 * after the point that are declared, as far as there is room.
 *
 * @example vectorOf('price', { kind: 'NUMERIC', precision: 12, scale: 2 }) // { name: 'price', kind: 'decimal', precision: 38, scale: 2 }
 */
export function vectorOf(name: string, type: LogicalType): VectorColumn {
  if (type.kind !== 'NUMERIC' && type.kind !== 'BIGNUMERIC') return { name, kind: KINDS[type.kind] };
  const { precision, scale = precision === undefined ? UNDECLARED_SCALE : 0 } = type;
  const room = precision === undefined || precision <= DECIMAL_DIGITS ? DECIMAL_DIGITS : DECIMAL_DIGITS / 2;
  return { name, kind: 'decimal', precision: DECIMAL_DIGITS, scale: Math.min(scale, room) };
}

export interface BatchLayout {
  readonly columns: readonly VectorColumn[];
  /** Capacity of a batch in rows. */
  readonly rows: number;
  /** Where each column's values start in `fixed`. */
  readonly values: readonly number[];
  /** Where each column's validity bitmap starts in `fixed`. */
  readonly validity: readonly number[];
  /** Size of `fixed`. */
  readonly bytes: number;
}

export function isVarying(kind: VectorKind): boolean {
  return kind === 'text' || kind === 'bytes' || kind === 'json';
}

/**
 * Lays out batches of these columns.
 *
 * @param maxBytes what the fixed part of one batch may take; decides the rows when columns are many.
 */
export function batchLayout(columns: readonly VectorColumn[], maxRows = 8192, maxBytes = 8 << 20): BatchLayout {
  const rowBytes = columns.reduce((sum, column) => sum + WIDTH[column.kind] + 1 / 8, 0);
  const fitting = Math.floor(maxBytes / rowBytes / VECTOR_ROWS) * VECTOR_ROWS;
  const rows = Math.max(VECTOR_ROWS, Math.min(maxRows, fitting));
  let offset = 0;
  const take = (bytes: number) => {
    const start = offset;
    offset += bytes;
    return start;
  };
  const values = columns.map((column) => take(rows * WIDTH[column.kind]));
  const validity = columns.map(() => take(rows / 8));
  return { columns, rows, values, validity, bytes: offset };
}

/** A row that does not fit its columns; it goes to quarantine, not to the table. */
export interface RejectedRow {
  /** Output name of the first column that does not fit. */
  readonly column: string;
  /** A code of the error catalogue, and what the value was. */
  readonly reason: string;
  /** The whole row as the source gave it, as a JSON object of texts; masked columns masked. */
  readonly row: string;
}

/** One batch on its way from a source to a warehouse. Its buffers are transferred, never copied. */
export interface Batch {
  readonly rows: number;
  readonly fixed: ArrayBuffer;
  /** Per column; `null` where the kind has a fixed width. */
  readonly blobs: readonly (ArrayBuffer | null)[];
  /** Per column: bytes used in its blob. */
  readonly blobEnds: readonly number[];
  /** Per column, then per group of {@link VECTOR_ROWS} rows: where the group's bytes start in the blob. */
  readonly vectorStarts: readonly (Int32Array | null)[];
  /** Per column: 1 where the batch holds a NULL. */
  readonly hasNull: Uint8Array;
  readonly rejected: readonly RejectedRow[];
}
