/** The buffers of the batch that a decoder is filling, and the code with which generated decoders write into them. */
import type { Batch, BatchLayout, RejectedRow, VectorColumn } from './vectors.ts';
import { INLINE_BYTES, isVarying, VECTOR_ROWS } from './vectors.ts';

/** Bytes that must be readable past the end of what is decoded; short strings are read in words. */
export const SLACK = 16;

/** Past so many columns one function is too large for the optimising compiler. */
export const COLUMNS_PER_FUNCTION = 32;

const BATCH_BYTES = 4 << 20;
const COPY_BY_WORDS = 256;

/** What a generated function works on; one per reader, rebound to each batch's buffers. */
export class VectorWriter {
  row = 0;
  bytes = 0;
  nullified = 0;
  readonly limit = BATCH_BYTES;
  rejected: RejectedRow[] = [];
  words: (Int32Array | null)[] = [];
  octets: Uint8Array[] = [];
  doubles: (Float64Array | null)[] = [];
  validity: Int32Array[] = [];
  blob: Uint8Array[] = [];
  blobView: DataView[] = [];
  blobEnd: number[] = [];
  blobBase: number[] = [];
  readonly vectorStart: Int32Array[];
  readonly hasNull: Uint8Array;
  readonly #vectors: readonly VectorColumn[];
  readonly #layout: BatchLayout;

  constructor(vectors: readonly VectorColumn[], layout: BatchLayout) {
    this.#vectors = vectors;
    this.#layout = layout;
    this.vectorStart = vectors.map(() => new Int32Array(layout.rows / VECTOR_ROWS + 1));
    this.hasNull = new Uint8Array(vectors.length);
  }

  /** Begins a batch in these buffers. */
  attach(fixed: ArrayBuffer, blobs: readonly (ArrayBuffer | null)[]): void {
    const { rows, values, validity } = this.#layout;
    this.row = 0;
    this.bytes = 0;
    this.rejected = [];
    this.hasNull.fill(0);
    for (const [c, { kind }] of this.#vectors.entries()) {
      const next = values[c + 1] ?? validity[0] ?? fixed.byteLength;
      const at = values[c] ?? 0;
      this.validity[c] = new Int32Array(fixed, validity[c], rows / 32).fill(-1);
      this.octets[c] = new Uint8Array(fixed, at, next - at);
      this.words[c] = kind === 'bool' ? null : new Int32Array(fixed, at, (next - at) / 4);
      this.doubles[c] = kind === 'float64' ? new Float64Array(fixed, at, rows) : null;
      const blob = blobs[c];
      if (blob) {
        this.blob[c] = new Uint8Array(blob);
        this.blobView[c] = new DataView(blob);
      }
      this.blobEnd[c] = 0;
      this.blobBase[c] = 0;
    }
  }

  grow(column: number, used: number, length: number): void {
    const old = this.blob[column] as Uint8Array;
    const grown = new Uint8Array(Math.max(old.length * 2, used + length + 4096));
    grown.set(old.subarray(0, used));
    this.blob[column] = grown;
    this.blobView[column] = new DataView(grown.buffer);
  }

  /** Marks all values of a row as present again: it is taken out, and another takes its place. */
  restore(row: number): void {
    for (const bits of this.validity) bits[row >> 5] = (bits[row >> 5] ?? 0) | (1 << (row & 31));
  }

  /** The batch as it is now; its buffers are those of the last {@link attach}. */
  get batch(): Batch {
    return {
      rows: this.row,
      fixed: (this.validity[0] as Int32Array).buffer as ArrayBuffer,
      blobs: this.#vectors.map(({ kind }, c) =>
        isVarying(kind) ? ((this.blob[c] as Uint8Array).buffer as ArrayBuffer) : null,
      ),
      blobEnds: this.blobEnd.slice(),
      vectorStarts: this.vectorStart.map((starts, c) => (this.blob[c] === undefined ? null : starts.slice())),
      hasNull: this.hasNull.slice(),
      rejected: this.rejected,
    };
  }
}

// ── Code ────────────────────────────────────────────────────────────────────

/** Names of a column's variables. a: values, v: validity; t: blob, d: its view, e: its end, b: base of the vector's slice. */
export function variables({ kind }: VectorColumn, c: number): string[] {
  const fixed = [`a${c}`, `v${c}`];
  return isVarying(kind) ? [...fixed, `t${c}`, `d${c}`, `e${c}`, `b${c}`] : fixed;
}

/** Takes them from the writer `S`. */
export function loadVariables({ kind }: VectorColumn, c: number): string {
  const array = kind === 'bool' ? 'octets' : kind === 'float64' ? 'doubles' : 'words';
  const blob = `t${c}=S.blob[${c}];d${c}=S.blobView[${c}];e${c}=S.blobEnd[${c}];b${c}=S.blobBase[${c}];`;
  return `a${c}=S.${array}[${c}];v${c}=S.validity[${c}];${isVarying(kind) ? blob : ''}`;
}

/** Gives back to `S` what moved. */
export function storeVariables({ kind }: VectorColumn, c: number): string {
  return isVarying(kind) ? `S.blobEnd[${c}]=e${c};S.blobBase[${c}]=b${c};` : '';
}

/** At the first row `r` of a vector. */
export function vectorBegins({ kind }: VectorColumn, c: number): string {
  return isVarying(kind) ? `b${c}=e${c};S.vectorStart[${c}][r>>11]=e${c};` : '';
}

export function setNull({ kind }: VectorColumn, c: number): string {
  const clear = isVarying(kind) ? `a${c}[r*4]=0;a${c}[r*4+1]=0;a${c}[r*4+2]=0;a${c}[r*4+3]=0;` : '';
  return `v${c}[r>>5]&=~(1<<(r&31));S.hasNull[${c}]=1;${clear}`;
}

/** Takes the `l` bytes at `q` of `bytes`, which `dv` views, as a text; `x` is scratch. Needs the arrays {@link MASKS} as M0, M1, M2. */
export function textCode(c: number): string {
  return `a${c}[r*4]=l;
    if(l<=${INLINE_BYTES}){a${c}[r*4+1]=dv.getInt32(q,true)&M0[l];a${c}[r*4+2]=dv.getInt32(q+4,true)&M1[l];a${c}[r*4+3]=dv.getInt32(q+8,true)&M2[l];}
    else{
      if(e${c}+l+${SLACK}>t${c}.length){S.grow(${c},e${c},l);t${c}=S.blob[${c}];d${c}=S.blobView[${c}];}
      a${c}[r*4+1]=dv.getInt32(q,true);a${c}[r*4+2]=e${c}-b${c};a${c}[r*4+3]=0;
      if(l<=${COPY_BY_WORDS}){for(x=0;x<l;x+=4)d${c}.setInt32(e${c}+x,dv.getInt32(q+x,true),true);}else t${c}.set(bytes.subarray(q,q+l),e${c});
      e${c}+=l;
    }`;
}

/** Masks that cut a string of length l (index) out of the 1st, 2nd and 3rd word read over it. */
export const MASKS = [0, 1, 2].map((word) =>
  Int32Array.from({ length: INLINE_BYTES + 1 }, (_, length) => {
    const bytes = Math.max(0, Math.min(4, length - 4 * word));
    return bytes === 4 ? -1 : 2 ** (8 * bytes) - 1;
  }),
);
