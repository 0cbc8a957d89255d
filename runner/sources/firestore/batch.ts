/** Values into the vectors of a batch, and a row taken out again. Layout: core/vectors.ts. */
import {
  type Batch,
  type BatchLayout,
  INLINE_BYTES,
  isVarying,
  type RejectedRow,
  VECTOR_ROWS,
  WIDTH,
} from '../../core/vectors.ts';

const GROWTH = 4096;

/** One batch at a time; all values are NULL until they are set. */
export class BatchBuilder {
  row = 0;
  /** Bytes on the wire of its rows. */
  bytes = 0;
  rejected: RejectedRow[] = [];
  #fixed = new ArrayBuffer(0);
  #view = new DataView(new ArrayBuffer(0));
  #octets: Buffer = Buffer.alloc(0);
  readonly #layout: BatchLayout;
  readonly #blobs: (Buffer | null)[];
  readonly #ends: number[];
  readonly #rowStarts: number[];
  readonly #vectorStarts: (Int32Array | null)[];
  readonly #set: number[];
  readonly #widths: readonly number[];

  constructor(layout: BatchLayout) {
    const { columns, rows } = layout;
    this.#layout = layout;
    this.#blobs = columns.map(() => null);
    this.#ends = columns.map(() => 0);
    this.#rowStarts = columns.map(() => 0);
    this.#set = columns.map(() => 0);
    this.#widths = columns.map(({ kind }) => WIDTH[kind]);
    this.#vectorStarts = columns.map(({ kind }) =>
      isVarying(kind) ? new Int32Array(Math.ceil(rows / VECTOR_ROWS) + 1) : null,
    );
  }

  attach(fixed: ArrayBuffer, blobs: readonly (ArrayBuffer | null)[]): void {
    this.row = 0;
    this.bytes = 0;
    this.rejected = [];
    this.#fixed = fixed;
    this.#view = new DataView(fixed);
    this.#octets = Buffer.from(fixed);
    this.#octets.fill(0);
    for (const [c, blob] of blobs.entries()) {
      this.#blobs[c] = blob === null ? null : Buffer.from(blob);
      this.#ends[c] = 0;
      this.#set[c] = 0;
    }
  }

  get full(): boolean {
    return this.row === this.#layout.rows;
  }

  /** Before the first value of a row. */
  begin(): void {
    const starts = this.row % VECTOR_ROWS === 0;
    for (let c = 0; c < this.#ends.length; c++) {
      const end = this.#ends[c] ?? 0;
      this.#rowStarts[c] = end;
      const vectors = this.#vectorStarts[c];
      if (starts && vectors) vectors[this.row / VECTOR_ROWS] = end;
    }
  }

  commit(): void {
    this.row += 1;
  }

  /** Makes the row that was begun one of NULLs again. */
  takeBack(): void {
    const { values, validity } = this.#layout;
    for (let c = 0; c < this.#ends.length; c++) {
      this.#ends[c] = this.#rowStarts[c] ?? 0;
      const at = (validity[c] ?? 0) + (this.row >> 3);
      const bit = 1 << (this.row & 7);
      const octet = this.#octets[at] ?? 0;
      if ((octet & bit) === 0) continue;
      this.#octets[at] = octet & ~bit;
      this.#set[c] = (this.#set[c] ?? 0) - 1;
      const width = this.#widths[c] ?? 0;
      const value = (values[c] ?? 0) + this.row * width;
      this.#octets.fill(0, value, value + width);
    }
  }

  words(c: number, low: number, high: number): void {
    const at = this.#present(c);
    this.#view.setInt32(at, low, true);
    this.#view.setInt32(at + 4, high, true);
  }

  double(c: number, value: number): void {
    this.#view.setFloat64(this.#present(c), value, true);
  }

  bool(c: number, value: boolean): void {
    this.#view.setUint8(this.#present(c), value ? 1 : 0);
  }

  /** Microseconds since 1970. */
  moment(c: number, seconds: number, micros: number): void {
    const us = seconds * 1e6 + micros;
    const at = this.#present(c);
    if (Number.isSafeInteger(us)) {
      this.#view.setInt32(at + 4, Math.floor(us / 4294967296), true);
      this.#view.setUint32(at, us - Math.floor(us / 4294967296) * 4294967296, true);
    } else this.#view.setBigInt64(at, BigInt(seconds) * 1_000_000n + BigInt(micros), true);
  }

  /** A text, JSON or bytes, copied from there. */
  text(c: number, from: Buffer, start: number, end: number): void {
    const length = end - start;
    const at = this.#present(c);
    this.#view.setInt32(at, length, true);
    if (length <= INLINE_BYTES) {
      for (let i = 0; i < length; i++) this.#octets[at + 4 + i] = from[start + i] ?? 0;
      return;
    }
    for (let i = 0; i < 4; i++) this.#octets[at + 4 + i] = from[start + i] ?? 0;
    const used = this.#ends[c] ?? 0;
    let blob = this.#blobs[c] as Buffer;
    if (used + length > blob.length) blob = this.#grow(c, used, length);
    from.copy(blob, used, start, end);
    const base = this.#vectorStarts[c]?.[Math.floor(this.row / VECTOR_ROWS)] ?? 0;
    this.#view.setInt32(at + 8, used - base, true);
    this.#ends[c] = used + length;
  }

  /** Hands the batch over; `attach` comes next. */
  finish(): Batch {
    const { columns } = this.#layout;
    return {
      rows: this.row,
      fixed: this.#fixed,
      blobs: this.#blobs.map((blob) => (blob === null ? null : (blob.buffer as ArrayBuffer))),
      blobEnds: [...this.#ends],
      vectorStarts: this.#vectorStarts.map((starts) => (starts === null ? null : starts.slice())),
      hasNull: Uint8Array.from(columns, (_, c) => ((this.#set[c] ?? 0) < this.row ? 1 : 0)),
      rejected: this.rejected,
    };
  }

  #present(c: number): number {
    const { values, validity } = this.#layout;
    const at = (validity[c] ?? 0) + (this.row >> 3);
    this.#octets[at] = (this.#octets[at] ?? 0) | (1 << (this.row & 7));
    this.#set[c] = (this.#set[c] ?? 0) + 1;
    return (values[c] ?? 0) + this.row * (this.#widths[c] ?? 0);
  }

  #grow(c: number, used: number, length: number): Buffer {
    const old = this.#blobs[c] as Buffer;
    const grown = Buffer.from(new ArrayBuffer(Math.max(old.length * 2, used + length + GROWTH)));
    old.copy(grown, 0, 0, used);
    this.#blobs[c] = grown;
    return grown;
  }
}
