/**
 * Batches into DuckDB: a table function that DuckDB's own threads pull 2048 rows at a time.
 *
 * The fast way copies a vector's entries whole and assigns all of a vector's text as one block, into
 * which the entries are then pointed: it relies on the published layout of `duckdb_string_t`. The safe
 * way assigns text value by value through the C API. self-test.ts decides which one is used. Both are
 * given valid text only: DuckDB would make NULL of a text that is not UTF-8, and of a short one the fast way nothing.
 */
import { type DuckDBConnection, DuckDBTableFunction } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import type { Received } from '../core/channel.ts';
import { TributaryError } from '../core/errors.ts';
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
import { blockOf, setAside, textsValid } from './invalid-text.ts';
import { vectorType } from './types.ts';

/** The table function's name in SQL. */
export const ROWS = 'tributary_rows';

export type VectorPath = 'fast' | 'safe';

/** What a load takes its batches from. */
export interface Feed {
  readonly layout: BatchLayout;
  /** The load fails once more rows than so many were rejected, by the reader or here. */
  readonly maxRejected?: number;
  receive(): Received | null;
}

const ENTRY_BYTES = WIDTH.text;
/** Entries that no text has: a vector still holds those of its last use, and a text that is refused leaves them. */
const UNSET = new Uint8Array(VECTOR_ROWS * ENTRY_BYTES).fill(255).buffer;

/** Hands the batches of one feed at a time to `SELECT … FROM tributary_rows()`. */
export class Receiver {
  path: VectorPath = 'fast';
  #feed: Feed | null = null;
  #current: Received | null = null;
  #vector = 0;
  #failure: unknown = null;
  #rows = 0;
  #ended = false;
  #sliceLeft = 0;
  #rejected: RejectedRow[] = [];

  register(connection: DuckDBConnection, threads: number): void {
    connection.registerTableFunction(
      DuckDBTableFunction.create({
        name: ROWS,
        bindFunction: (info) => {
          for (const column of this.#feed?.layout.columns ?? []) info.addResultColumn(column.name, vectorType(column));
        },
        initFunction: (info) => info.setMaxThreads(threads),
        mainFunction: (info, output) => {
          try {
            this.#fill((output as unknown as { chunk: duckdb.DataChunk }).chunk);
          } catch (error) {
            this.#failure ??= error;
            info.setError(error instanceof Error ? error.message : 'the source failed');
          }
        },
      }),
    );
  }

  /**
   * Runs the statement over the feed, or over each slice of about so many bytes in turn; what the feed failed
   * with is thrown as it was.
   */
  async run(
    feed: Feed,
    statement: () => Promise<unknown>,
    sliceBytes = Number.POSITIVE_INFINITY,
  ): Promise<{ rows: number; rejected: readonly RejectedRow[] }> {
    this.#feed = feed;
    this.#current = null;
    this.#failure = null;
    this.#rows = 0;
    this.#ended = false;
    this.#rejected = [];
    try {
      while (!this.#ended) {
        this.#sliceLeft = sliceBytes;
        await statement();
      }
    } catch (error) {
      throw this.#failure ?? error;
    } finally {
      this.#feed = null;
    }
    return { rows: this.#rows, rejected: this.#rejected };
  }

  #fill(chunk: duckdb.DataChunk): void {
    for (let received = this.#next(); received !== null; received = this.#next()) {
      const rows = this.#validRows(received.batch);
      if (rows > 0) this.#columns(chunk, received.batch, rows);
      this.#vector += 1;
      this.#rows += rows;
      if (rows > 0) return;
    }
    duckdb.data_chunk_set_size(chunk, 0);
  }

  /** Rows of the vector, from its first, after those with an invalid text were taken out of it. */
  #validRows(batch: Batch): number {
    const { layout } = this.#feed as Feed;
    const first = this.#vector * VECTOR_ROWS;
    const rows = Math.min(VECTOR_ROWS, batch.rows - first);
    const valid = layout.columns.every(({ kind }, c) => {
      if (kind !== 'text' && kind !== 'json') return true;
      const { start, end } = blockOf(batch, c, this.#vector);
      const entries = new Uint32Array(batch.fixed, (layout.values[c] ?? 0) + first * WIDTH[kind], rows * 4);
      return textsValid(entries, new Uint8Array(batch.blobs[c] as ArrayBuffer, start, end - start));
    });
    if (valid) return rows;
    const left = setAside(layout, batch, this.#vector);
    this.#reject(left.rejected);
    return left.rows;
  }

  #reject(rows: readonly RejectedRow[]): void {
    for (const row of rows) this.#rejected.push(row);
    const limit = this.#feed?.maxRejected ?? Number.POSITIVE_INFINITY;
    const rejected = this.#rejected.length;
    if (rejected <= limit) return;
    const reason = this.#rejected.at(-1)?.reason ?? 'unknown';
    throw new TributaryError('QUARANTINE_OVERFLOW', { rows: rejected, total: this.#rows + rejected, limit, reason });
  }

  #next(): Received | null {
    while (this.#feed !== null) {
      if (this.#current !== null && this.#vector * VECTOR_ROWS < this.#current.batch.rows) return this.#current;
      this.#current?.release();
      this.#current = this.#ended || this.#sliceLeft <= 0 ? null : this.#feed.receive();
      this.#vector = 0;
      if (this.#current === null) {
        this.#ended ||= this.#sliceLeft > 0;
        return null;
      }
      this.#sliceLeft -= bytesOf(this.#current.batch);
      this.#reject(this.#current.batch.rejected);
    }
    return null;
  }

  #columns(chunk: duckdb.DataChunk, batch: Batch, rows: number): void {
    const { columns, values, validity } = (this.#feed as Feed).layout;
    const first = this.#vector * VECTOR_ROWS;
    duckdb.data_chunk_set_size(chunk, rows);
    for (const [c, column] of columns.entries()) {
      const vector = duckdb.data_chunk_get_vector(chunk, c);
      const width = WIDTH[column.kind];
      const at = (values[c] ?? 0) + first * width;
      const varying = isVarying(column.kind);
      if (varying) this.#texts(vector, batch, c, column, new Uint32Array(batch.fixed, at, rows * 4));
      if (!varying || this.path === 'fast') duckdb.copy_data_to_vector(vector, 0, batch.fixed, at, rows * width);
      if (batch.hasNull[c] === 0) continue;
      const bits = (validity[c] ?? 0) + first / 8;
      duckdb.vector_ensure_validity_writable(vector);
      duckdb.copy_data_to_vector_validity(vector, 0, batch.fixed, bits, Math.ceil(rows / 64) * 8);
    }
  }

  #texts(vector: duckdb.Vector, batch: Batch, c: number, column: VectorColumn, entries: Uint32Array): void {
    const { start, end } = blockOf(batch, c, this.#vector);
    const blob = new Uint8Array(batch.blobs[c] as ArrayBuffer);
    if (this.path === 'safe') assignEach(vector, entries, blob.subarray(start, end), column.name);
    else if (end > start) assignBlock(vector, entries, blob, start, end, column.name);
  }
}

function bytesOf({ fixed, blobEnds }: Batch): number {
  return blobEnds.reduce((sum, bytes) => sum + bytes, fixed.byteLength);
}

/** Gives DuckDB the vector's text as one string and points the long entries into it. */
function assignBlock(
  vector: duckdb.Vector,
  entries: Uint32Array,
  blob: Uint8Array,
  start: number,
  end: number,
  column: string,
): void {
  const block = blob.subarray(start, Math.max(end, start + INLINE_BYTES + 1));
  duckdb.copy_data_to_vector(vector, 0, UNSET, 0, ENTRY_BYTES);
  duckdb.vector_assign_string_element_len(vector, 0, block);
  const entry = duckdb.vector_get_data(vector, ENTRY_BYTES);
  const words = new Uint32Array(entry.buffer, entry.byteOffset, 4);
  if (words[0] !== block.length) throw invalidText(column);
  const low = words[2] ?? 0;
  const high = words[3] ?? 0;
  for (let i = 0; i < entries.length; i += 4) {
    if ((entries[i] ?? 0) <= INLINE_BYTES) continue;
    const address = (entries[i + 2] ?? 0) + low;
    entries[i + 2] = address;
    entries[i + 3] = address > 0xffff_ffff ? high + 1 : high;
  }
}

function assignEach(vector: duckdb.Vector, entries: Uint32Array, block: Uint8Array, column: string): void {
  const bytes = new Uint8Array(entries.buffer, entries.byteOffset, entries.byteLength);
  duckdb.copy_data_to_vector(vector, 0, UNSET, 0, bytes.length);
  for (let i = 0; i < entries.length; i += 4) {
    const length = entries[i] ?? 0;
    const offset = entries[i + 2] ?? 0;
    const value =
      length <= INLINE_BYTES ? bytes.subarray(i * 4 + 4, i * 4 + 4 + length) : block.subarray(offset, offset + length);
    duckdb.vector_assign_string_element_len(vector, i / 4, value);
  }
  const filled = duckdb.vector_get_data(vector, bytes.length);
  const words = new Uint32Array(filled.buffer, filled.byteOffset, entries.length);
  for (let i = 0; i < entries.length; i += 4) if (words[i] !== entries[i]) throw invalidText(column);
}

function invalidText(column: string): TributaryError {
  return new TributaryError('VALUE_OUT_OF_RANGE', { column, reason: 'a text is not valid UTF-8' });
}
