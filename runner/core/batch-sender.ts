/** From a generated decoder to the channel: batches go as they fill. */
import type { BatchOutlet } from './channel.ts';
import type { ReadSpec, ReadSummary } from './contracts/source.ts';
import { TributaryError } from './errors.ts';
import type { VectorWriter } from './vector-writer.ts';

/** Takes whole rows from `bytes[position…end)` until the batch is full or a row is incomplete; gives the new position. */
export type DecodeRows = (bytes: Buffer, view: DataView, position: number, end: number, large: number) => number;

/** Sends what the decoder writes. Buffers are asked for when there is something to write: asking waits for the warehouse. */
export class BatchSender {
  readonly #outlet: BatchOutlet;
  readonly #spec: Pick<ReadSpec, 'layout' | 'maxRejected'>;
  readonly #writer: VectorWriter;
  readonly #decode: DecodeRows;
  #attached = false;
  #sent = 0;
  #bytes = 0;
  #rejected = 0;

  constructor(
    outlet: BatchOutlet,
    spec: Pick<ReadSpec, 'layout' | 'maxRejected'>,
    { state, decode }: { readonly state: VectorWriter; readonly decode: DecodeRows },
  ) {
    this.#outlet = outlet;
    this.#spec = spec;
    this.#writer = state;
    this.#decode = decode;
  }

  /**
   * Takes all rows that are whole.
   *
   * @param large what a decoder is told of the one row that is there; else 0
   * @throws QUARANTINE_OVERFLOW
   */
  readonly take: DecodeRows = (bytes, view, start, end, large) => {
    let position = start;
    for (;;) {
      if (!this.#attached) {
        const { fixed, blobs } = this.#outlet.take();
        this.#writer.attach(fixed, blobs);
        this.#attached = true;
      }
      if (position < end) position = this.#decode(bytes, view, position, end, large);
      const { row, bytes: written, limit, rejected } = this.#writer;
      const full = row === this.#spec.layout.rows || written >= limit;
      if (!full && rejected.length <= this.#spec.maxRejected) return position;
      this.#flush();
      if (position === end) return position;
    }
  };

  /** Sends the rest. */
  finish(): ReadSummary {
    const { row, rejected } = this.#writer;
    if (this.#attached && (row > 0 || rejected.length > 0)) this.#flush();
    this.#outlet.end();
    const extracted = this.#sent + this.#rejected;
    return { extracted, rejected: this.#rejected, nullified: this.#writer.nullified, bytes: this.#bytes };
  }

  #flush(): void {
    const { batch, bytes } = this.#writer;
    this.#sent += batch.rows;
    this.#bytes += bytes;
    this.#rejected += batch.rejected.length;
    this.#outlet.send(batch);
    this.#outlet.report(this.#sent, this.#bytes, this.#rejected);
    this.#attached = false;
    const limit = this.#spec.maxRejected;
    if (this.#rejected <= limit) return;
    const reason = batch.rejected.at(-1)?.reason ?? 'unknown';
    const found = { rows: this.#rejected, total: this.#sent + this.#rejected, limit, reason };
    throw new TributaryError('QUARANTINE_OVERFLOW', found);
  }
}
