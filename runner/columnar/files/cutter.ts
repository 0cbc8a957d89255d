/** Finds where text may be cut: behind a line end that is not inside quotes. Words of four bytes at a time, no branches. */
import type { FilesOffer } from '../../core/contracts/offer.ts';

const LF = 0x0a;

/** How the records of a text end. */
export interface Records {
  /** The byte around a field in which a line end does not count; `null`: each line is a record. */
  readonly quote: number | null;
  /** The byte that takes the meaning from a quote, where that is not the quote itself. */
  readonly escape: number | null;
}

/** How delimited text is cut, as the tenant file says it. */
export type CsvSpec = Extract<FilesOffer['spec'], { format: 'csv' }>['csv'];

export function recordsOf({ quote, escape: escaping = quote }: Pick<CsvSpec, 'quote' | 'escape'>): Records {
  return { quote: quote.charCodeAt(0), escape: escaping === quote ? null : escaping.charCodeAt(0) };
}

/** Follows the text chunk by chunk. */
export class Cutter {
  /** Line ends so far. */
  lines = 0;
  readonly #records: Records;
  #inside = 0;
  #escaped = false;

  constructor(records: Records) {
    this.#records = records;
  }

  /** Takes note of a chunk; the cuts asked for next are in it. */
  add(chunk: Uint8Array): void {
    const { quote, escape: escaping } = this.#records;
    this.lines += count(chunk, LF);
    if (quote === null) return;
    if (escaping !== null) this.#addEscaped(chunk, quote, escaping);
    else this.#inside ^= count(chunk, quote) & 1;
  }

  /** Behind the last line end outside quotes of the chunk that was added last; 0: there is none. */
  lastEnd(chunk: Uint8Array): number {
    const { quote, escape: escaping } = this.#records;
    if (escaping !== null) return this.#inside === 0 && chunk.at(-1) === LF ? chunk.length : 0;
    let inside = quote === null ? 0 : this.#inside;
    for (let i = chunk.length - 1; i >= 0; i--) {
      if (chunk[i] === quote) inside ^= 1;
      else if (chunk[i] === LF && inside === 0) return i + 1;
    }
    return 0;
  }

  /** From here on the text counts as outside of quotes: a quote that nothing closes would hold the rest of the file. */
  forget(): void {
    this.#inside = 0;
  }

  #addEscaped(chunk: Uint8Array, quote: number, escaping: number): void {
    for (const byte of chunk) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === escaping) this.#escaped = true;
      else if (byte === quote) this.#inside ^= 1;
    }
  }
}

const LOW = 0x7f7f_7f7f;

/** How often the byte is there. */
export function count(bytes: Uint8Array, byte: number): number {
  const head = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2);
  const pattern = byte * 0x0101_0101;
  let found = 0;
  for (let from = 0; from < words.length; from += 255) {
    const to = Math.min(from + 255, words.length);
    let lanes = 0;
    for (let i = from; i < to; i++) {
      const x = (words[i] as number) ^ pattern;
      lanes += ~(((x & LOW) + LOW) | x | LOW) >>> 7;
    }
    found += (lanes & 0xff) + ((lanes >>> 8) & 0xff) + ((lanes >>> 16) & 0xff) + (lanes >>> 24);
  }
  for (let i = 0; i < head; i++) if (bytes[i] === byte) found += 1;
  for (let i = head + words.length * 4; i < bytes.length; i++) if (bytes[i] === byte) found += 1;
  return found;
}
