/** Rows with a text that is not UTF-8: noticed in a vector, told for quarantine, and taken out of it. */
import { isUtf8 } from 'node:buffer';
import { NOT_UTF8 } from '../core/legible.ts';
import {
  type Batch,
  type BatchLayout,
  INLINE_BYTES,
  isVarying,
  type RejectedRow,
  VECTOR_ROWS,
  type VectorColumn,
  WIDTH,
} from '../core/vectors.ts';
import { valueText } from './value-text.ts';

const HIGH_BITS = 0x8080_8080;
const SPACE = 0x20;

/**
 * Whether each text of a vector is UTF-8 by itself: a block may be whole where one text ends in the middle of a
 * character and the next begins with the rest of it.
 *
 * @param entries the vector's string entries, offsets as they came
 * @param block the long texts; those of rows that were taken back lie between them
 */
export function textsValid(entries: Uint32Array, block: Uint8Array): boolean {
  if (block.length === 0) return isUtf8(octetsOf(entries));
  if (!isUtf8(block)) return false;
  let short = 0;
  let next = 0;
  for (let i = 0; i < entries.length; i += 4) {
    const length = entries[i] ?? 0;
    const head = entries[i + 1] ?? 0;
    const offset = entries[i + 2] ?? 0;
    if (length <= INLINE_BYTES) {
      short |= head | offset | (entries[i + 3] ?? 0);
      continue;
    }
    if (continues(head) || (offset !== next && continues(block[next] ?? 0))) return false;
    next = offset + length;
  }
  return (short & HIGH_BITS) === 0 || shortTextsValid(entries);
}

/** Takes the rows of a vector that hold such a text out of their batch's buffers. */
export function setAside(
  layout: BatchLayout,
  batch: Batch,
  vector: number,
): { readonly rows: number; readonly rejected: readonly RejectedRow[] } {
  const first = vector * VECTOR_ROWS;
  const rows = Math.min(VECTOR_ROWS, batch.rows - first);
  const columns = layout.columns.map((column, c) => new ColumnSlice(column, c, layout, batch, vector));
  const kept: number[] = [];
  const rejected: RejectedRow[] = [];
  for (let row = 0; row < rows; row++) {
    const bad = columns.find((column) => column.isText && column.has(row) && !isUtf8(column.bytes(row)));
    if (bad === undefined) kept.push(row);
    else {
      const texts = columns.map((column) => [column.name, column.has(row) ? column.text(row) : null]);
      const reason = `VALUE_OUT_OF_RANGE: ${bad.name}: ${NOT_UTF8}`;
      rejected.push({ column: bad.name, reason, row: JSON.stringify(Object.fromEntries(texts)) });
    }
  }
  for (const column of columns) column.keep(kept);
  return { rows: kept.length, rejected };
}

function octetsOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Whether this octet, the lowest of a word, is not the first of a character. */
function continues(octet: number): boolean {
  return (octet & 0xc0) === 0x80;
}

/** The short ones as one block: what lies in front of each, its length, is ASCII, so that no text reaches into the next. */
function shortTextsValid(entries: Uint32Array): boolean {
  const short = new Uint32Array(entries.length);
  let end = 0;
  for (let i = 0; i < entries.length; i += 4) {
    if ((entries[i] ?? 0) > INLINE_BYTES) continue;
    for (let word = i; word < i + 4; word++) short[end++] = entries[word] ?? 0;
  }
  return isUtf8(octetsOf(short));
}

/** One column of one vector, as it lies in its batch. */
class ColumnSlice {
  readonly name: string;
  readonly isText: boolean;
  readonly #column: VectorColumn;
  readonly #width: number;
  readonly #at: number;
  readonly #view: DataView;
  readonly #values: Uint8Array;
  readonly #validity: Uint8Array;
  /** The vector's part of the blob. */
  readonly #block: Uint8Array;

  constructor(column: VectorColumn, c: number, layout: BatchLayout, batch: Batch, vector: number) {
    const first = vector * VECTOR_ROWS;
    this.name = column.name;
    this.isText = column.kind === 'text' || column.kind === 'json';
    this.#column = column;
    this.#width = WIDTH[column.kind];
    this.#at = (layout.values[c] ?? 0) + first * this.#width;
    this.#view = new DataView(batch.fixed);
    this.#values = new Uint8Array(batch.fixed, this.#at, VECTOR_ROWS * this.#width);
    this.#validity = new Uint8Array(batch.fixed, (layout.validity[c] ?? 0) + first / 8, VECTOR_ROWS / 8);
    const { start, end } = blockOf(batch, c, vector);
    this.#block = new Uint8Array(batch.blobs[c] ?? new ArrayBuffer(0), start, end - start);
  }

  has(row: number): boolean {
    return ((this.#validity[row >> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  bytes(row: number): Uint8Array {
    if (!isVarying(this.#column.kind)) return new Uint8Array(0);
    const at = this.#at + row * this.#width;
    const length = this.#view.getUint32(at, true);
    if (length <= INLINE_BYTES) return this.#values.subarray(row * this.#width + 4, row * this.#width + 4 + length);
    const offset = this.#view.getUint32(at + 8, true);
    return this.#block.subarray(offset, offset + length);
  }

  text(row: number): string {
    return valueText(this.#column, this.#view, this.#at + row * this.#width, this.bytes(row));
  }

  /** Moves these rows, in their order, to the front; of the blob only what they hold stays. */
  keep(rows: readonly number[]): void {
    const width = this.#width;
    const clean = new Uint8Array(this.#block.length).fill(SPACE);
    for (const [to, from] of rows.entries()) {
      const present = this.has(from);
      if (present && isVarying(this.#column.kind)) this.#copyLong(from, clean);
      this.#values.copyWithin(to * width, from * width, (from + 1) * width);
      if (!present) this.#values.fill(0, to * width, (to + 1) * width);
      const bit = 1 << (to & 7);
      const byte = this.#validity[to >> 3] ?? 0;
      this.#validity[to >> 3] = present ? byte | bit : byte & ~bit;
    }
    this.#block.set(clean);
  }

  #copyLong(row: number, clean: Uint8Array): void {
    const bytes = this.bytes(row);
    if (bytes.length > INLINE_BYTES) clean.set(bytes, bytes.byteOffset - this.#block.byteOffset);
  }
}

/** Where the bytes of a vector's column lie in its blob. */
export function blockOf(batch: Batch, c: number, vector: number): { readonly start: number; readonly end: number } {
  const starts = batch.vectorStarts[c] ?? null;
  if (starts === null) return { start: 0, end: 0 };
  const last = (vector + 1) * VECTOR_ROWS >= batch.rows;
  return { start: starts[vector] ?? 0, end: last ? (batch.blobEnds[c] ?? 0) : (starts[vector + 1] ?? 0) };
}
