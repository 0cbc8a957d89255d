/** Fills batches with stretches of Arrow's columns. */
import type { BatchOutlet } from '../../core/channel.ts';
import { TributaryError } from '../../core/errors.ts';
import { type BatchLayout, INLINE_BYTES, type RejectedRow, VECTOR_ROWS, WIDTH } from '../../core/vectors.ts';
import { type ArrowColumn, type ArrowRows, decimalOf, isNull, textOf } from './arrow.ts';

const BATCH_BYTES = 4 << 20;
const SLACK = 16;

interface Blob {
  bytes: Uint8Array;
  end: number;
  /** Where the current group of {@link VECTOR_ROWS} begins. */
  base: number;
  readonly starts: Int32Array;
}

export class BatchWriter {
  readonly #outlet: BatchOutlet;
  readonly #layout: BatchLayout;
  readonly #maxRejected: number;
  #fixed: ArrayBuffer | null = null;
  #octets = new Uint8Array();
  #view = new DataView(new ArrayBuffer(0));
  #blobs: (Blob | null)[] = [];
  #hasNull = new Uint8Array();
  #row = 0;
  #blobBytes = 0;
  #rejects: RejectedRow[] = [];
  #sent = 0;
  #bytes = 0;
  rejected = 0;
  nullified = 0;

  constructor(outlet: BatchOutlet, layout: BatchLayout, maxRejected: number) {
    this.#outlet = outlet;
    this.#layout = layout;
    this.#maxRejected = maxRejected;
  }

  /** @param bytes that the rows took on the wire */
  write({ rows, columns }: ArrowRows, bytes: number): void {
    this.#bytes += bytes;
    const exact = columns.filter(
      ({ decimal, unrepresentable }) => decimal !== null && unrepresentable === 'quarantine',
    );
    for (let at = 0; at < rows; ) {
      if (this.#fixed === null) this.#attach();
      const room = Math.min(rows - at, VECTOR_ROWS - (this.#row & (VECTOR_ROWS - 1)));
      let count = this.#fitting(columns, at, room);
      const misfit = firstMisfit(exact, at, count);
      if (misfit !== null) {
        count = misfit.row - at;
        this.#reject(columns, misfit);
      }
      if (count > 0) this.#copy(columns, at, count);
      at += count + (misfit === null ? 0 : 1);
      const full = this.#row === this.#layout.rows || this.#blobBytes >= BATCH_BYTES;
      if (full || this.#rejects.length > this.#maxRejected) this.flush();
    }
  }

  /** The most rows whose texts do not make the batch too large; one at least. */
  #fitting(columns: readonly ArrowColumn[], at: number, room: number): number {
    let count = room;
    for (const { offsets } of columns) {
      if (offsets === null) continue;
      while (count > 1 && Number(offsets[at + count]) - Number(offsets[at]) > BATCH_BYTES) count = count >> 1;
    }
    return count;
  }

  #attach(): void {
    const { fixed, blobs } = this.#outlet.take();
    const { columns, rows, validity } = this.#layout;
    this.#fixed = fixed;
    this.#octets = new Uint8Array(fixed);
    this.#view = new DataView(fixed);
    for (const at of validity) this.#octets.fill(255, at, at + rows / 8);
    this.#hasNull = new Uint8Array(columns.length);
    this.#row = 0;
    this.#blobBytes = 0;
    this.#blobs = blobs.map((blob) =>
      blob === null
        ? null
        : { bytes: new Uint8Array(blob), end: 0, base: 0, starts: new Int32Array(rows / VECTOR_ROWS + 1) },
    );
  }

  #copy(columns: readonly ArrowColumn[], at: number, count: number): void {
    const newGroup = (this.#row & (VECTOR_ROWS - 1)) === 0;
    for (const [c, column] of columns.entries()) {
      const blob = this.#blobs[c];
      if (blob && newGroup) {
        blob.base = blob.end;
        blob.starts[this.#row / VECTOR_ROWS] = blob.end;
      }
      if (column.valid !== null) this.#nulls(c, column, at, count);
      if (blob) this.#texts(c, blob, column, at, count);
      else if (column.bits !== null) this.#bools(c, column.bits, at, count);
      else if (column.decimal !== null) this.#decimals(c, column, at, count);
      else this.#plain(c, column, at, count);
    }
    this.#row += count;
  }

  #place(c: number): number {
    const kind = this.#layout.columns[c]?.kind ?? 'int64';
    return (this.#layout.values[c] ?? 0) + this.#row * WIDTH[kind];
  }

  #plain(c: number, { raw, vector }: ArrowColumn, at: number, count: number): void {
    const width = WIDTH[vector.kind];
    this.#octets.set((raw as Uint8Array).subarray(at * width, (at + count) * width), this.#place(c));
  }

  #bools(c: number, bits: Uint8Array, at: number, count: number): void {
    const place = this.#place(c);
    for (let i = 0; i < count; i++) this.#octets[place + i] = ((bits[(at + i) >> 3] ?? 0) >> ((at + i) & 7)) & 1;
  }

  #decimals(c: number, column: ArrowColumn, at: number, count: number): void {
    const place = this.#place(c);
    for (let i = 0; i < count; i++) {
      if (isNull(column, at + i)) continue;
      const value = decimalOf(column, at + i);
      if (typeof value === 'string') {
        this.nullified += 1;
        this.#setNull(c, this.#row + i);
        continue;
      }
      this.#view.setBigUint64(place + 16 * i, BigInt.asUintN(64, value), true);
      this.#view.setBigInt64(place + 16 * i + 8, value >> 64n, true);
    }
  }

  #nulls(c: number, column: ArrowColumn, at: number, count: number): void {
    for (let i = 0; i < count; i++) if (isNull(column, at + i)) this.#setNull(c, this.#row + i);
  }

  #setNull(c: number, row: number): void {
    const place = (this.#layout.validity[c] ?? 0) + (row >> 3);
    this.#octets[place] = (this.#octets[place] ?? 0) & ~(1 << (row & 7));
    this.#hasNull[c] = 1;
  }

  #texts(c: number, blob: Blob, column: ArrowColumn, at: number, count: number): void {
    const { offsets, bytes } = column as { offsets: Int32Array | BigInt64Array; bytes: Uint8Array };
    const from = Number(offsets[at]);
    const size = Number(offsets[at + count]) - from;
    if (blob.end + size + SLACK > blob.bytes.length) grow(blob, size);
    // The bytes go in one piece; those of short texts are there too, and no entry points at them.
    const shift = blob.end - from;
    blob.bytes.set(bytes.subarray(from, from + size), blob.end);
    const view = this.#view;
    let place = this.#place(c);
    for (let i = at; i < at + count; i++, place += 16) {
      const start = Number(offsets[i]);
      const length = Number(offsets[i + 1]) - start;
      view.setInt32(place, length, true);
      view.setInt32(place + 4, 0, true);
      view.setInt32(place + 8, 0, true);
      view.setInt32(place + 12, 0, true);
      if (length <= INLINE_BYTES) {
        for (let j = 0; j < length; j++) this.#octets[place + 4 + j] = bytes[start + j] ?? 0;
        continue;
      }
      for (let j = 0; j < 4; j++) this.#octets[place + 4 + j] = bytes[start + j] ?? 0;
      view.setInt32(place + 8, start + shift - blob.base, true);
    }
    blob.end += size;
    this.#blobBytes += size;
  }

  #reject(columns: readonly ArrowColumn[], { row, column, why }: Misfit): void {
    const texts = Object.fromEntries(columns.map((each) => [each.name, textOf(each, row)]));
    const reason = `VALUE_OUT_OF_RANGE: ${column.name}: ${why}`;
    this.#rejects.push({ column: column.name, reason, row: JSON.stringify(texts) });
  }

  flush(): void {
    if (this.#fixed === null || (this.#row === 0 && this.#rejects.length === 0)) return;
    this.#sent += this.#row;
    this.rejected += this.#rejects.length;
    const reason = this.#rejects.at(-1)?.reason ?? 'unknown';
    this.#outlet.send({
      rows: this.#row,
      fixed: this.#fixed,
      blobs: this.#blobs.map((blob) => (blob === null ? null : (blob.bytes.buffer as ArrayBuffer))),
      blobEnds: this.#blobs.map((blob) => blob?.end ?? 0),
      vectorStarts: this.#blobs.map((blob) => (blob === null ? null : blob.starts.slice())),
      hasNull: this.#hasNull,
      rejected: this.#rejects,
    });
    this.#fixed = null;
    this.#rejects = [];
    this.#outlet.report(this.#sent, this.#bytes, this.rejected);
    if (this.rejected > this.#maxRejected)
      throw new TributaryError('QUARANTINE_OVERFLOW', {
        ...{ rows: this.rejected, total: this.#sent + this.rejected, limit: this.#maxRejected, reason },
      });
  }
}

interface Misfit {
  readonly row: number;
  readonly column: ArrowColumn;
  readonly why: string;
}

function firstMisfit(columns: readonly ArrowColumn[], at: number, count: number): Misfit | null {
  let first: Misfit | null = null;
  for (const column of columns) {
    const end = first?.row ?? at + count;
    for (let row = at; row < end; row++) {
      const why = isNull(column, row) ? '' : decimalOf(column, row);
      if (typeof why !== 'string' || why === '') continue;
      first = { row, column, why };
      break;
    }
  }
  return first;
}

function grow(blob: Blob, size: number): void {
  const grown = new Uint8Array(Math.max(blob.bytes.length * 2, blob.end + size + 4096));
  grown.set(blob.bytes.subarray(0, blob.end));
  blob.bytes = grown;
}
