/**
 * The bounded way from a source's threads to a warehouse's thread.
 *
 * Both ends block their thread (`Atomics.wait`), so neither may be the main thread. The number of
 * batches in flight is fixed: a source that is ahead waits for a buffer to come back, its socket
 * fills up, and the server waits in turn. Memory is bounded whatever the speed of either side.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Transferable } from 'node:worker_threads';
import type { Batch, BatchLayout } from './vectors.ts';
import { isVarying } from './vectors.ts';

const ARRIVED = 0;
const STOPPED = 1;
const FIRST_CREDIT = 2;
const PROGRESS_FIELDS = 3;
const WAIT_MS = 1000;

/** What a source's thread receives; structured-cloneable, with `port` in the transfer list. */
export interface OutletEnd {
  readonly port: MessagePort;
  readonly index: number;
  readonly signals: SharedArrayBuffer;
  readonly progress: SharedArrayBuffer;
}

/** What the warehouse's thread receives; structured-cloneable, with `ports` in the transfer list. */
export interface InletEnd {
  readonly ports: readonly MessagePort[];
  readonly signals: SharedArrayBuffer;
}

export interface ChannelProgress {
  readonly rows: number;
  readonly bytes: number;
  readonly rejected: number;
}

/** Thrown at both ends once the channel is stopped; the reason is known to who stopped it. */
export class ChannelStopped extends Error {
  override readonly name = 'ChannelStopped';
}

type Message = { readonly batch: Batch } | { readonly end: true } | { readonly failure: unknown };

interface Buffers {
  readonly fixed: ArrayBuffer;
  readonly blobs: readonly (ArrayBuffer | null)[];
}

/** A channel with one outlet per producing thread and one inlet. */
export class BatchChannel {
  readonly outlets: readonly OutletEnd[];
  readonly inlet: InletEnd;
  readonly #signals: Int32Array;
  readonly #progress: Float64Array;

  constructor(producers: number) {
    const signals = new SharedArrayBuffer(4 * (FIRST_CREDIT + producers));
    const progress = new SharedArrayBuffer(8 * PROGRESS_FIELDS * producers);
    const pairs = Array.from({ length: producers }, () => new MessageChannel());
    this.outlets = pairs.map(({ port1 }, index) => ({ port: port1, index, signals, progress }));
    this.inlet = { ports: pairs.map(({ port2 }) => port2), signals };
    this.#signals = new Int32Array(signals);
    this.#progress = new Float64Array(progress);
  }

  /** Wakes and ends both sides with {@link ChannelStopped}. Harmless when they are done. */
  stop(): void {
    stopAll(this.#signals);
  }

  /** Rows, bytes on the wire and rejected rows so far, over all producers. */
  get progress(): ChannelProgress {
    const sum = { rows: 0, bytes: 0, rejected: 0 };
    for (let i = 0; i < this.#progress.length; i += PROGRESS_FIELDS) {
      sum.rows += this.#progress[i] ?? 0;
      sum.bytes += this.#progress[i + 1] ?? 0;
      sum.rejected += this.#progress[i + 2] ?? 0;
    }
    return sum;
  }
}

/** The producing end, inside a source's thread. */
export class BatchOutlet {
  readonly #end: OutletEnd;
  readonly #signals: Int32Array;
  readonly #progress: Float64Array;
  readonly #free: Buffers[] = [];
  readonly #credit: number;

  constructor(end: OutletEnd, layout: BatchLayout, buffers = 2) {
    this.#end = end;
    this.#signals = new Int32Array(end.signals);
    this.#progress = new Float64Array(end.progress, 8 * PROGRESS_FIELDS * end.index, PROGRESS_FIELDS);
    this.#credit = FIRST_CREDIT + end.index;
    const blobBytes = Math.max(4096, Math.min(1 << 20, Math.floor((8 << 20) / layout.columns.length)));
    for (let i = 0; i < buffers; i++) {
      this.#free.push({
        fixed: new ArrayBuffer(layout.bytes),
        blobs: layout.columns.map((column) => (isVarying(column.kind) ? new ArrayBuffer(blobBytes) : null)),
      });
    }
  }

  /** Buffers for the next batch; blocks until the consumer has given one back. */
  take(): Buffers {
    for (;;) {
      this.#throwIfStopped();
      const returned = receiveMessageOnPort(this.#end.port);
      if (returned !== undefined) {
        Atomics.sub(this.#signals, this.#credit, 1);
        this.#free.push(returned.message as Buffers);
        continue;
      }
      const buffers = this.#free.pop();
      if (buffers !== undefined) return buffers;
      Atomics.wait(this.#signals, this.#credit, 0, WAIT_MS);
    }
  }

  /** Hands a batch over; its buffers are gone from this thread. */
  send(batch: Batch): void {
    this.#throwIfStopped();
    const blobs = batch.blobs.filter((blob) => blob !== null);
    this.#post({ batch }, [batch.fixed, ...blobs]);
  }

  /** States how far this producer has come. Cheap: a few stores into shared memory. */
  report(rows: number, bytes: number, rejected: number): void {
    this.#progress[0] = rows;
    this.#progress[1] = bytes;
    this.#progress[2] = rejected;
  }

  end(): void {
    this.#post({ end: true });
  }

  /** Ends the consumer with this error (a plain, cloneable object). */
  fail(failure: unknown): void {
    this.#post({ failure });
  }

  #post(message: Message, transfer: readonly Transferable[] = []): void {
    this.#end.port.postMessage(message, transfer);
    Atomics.add(this.#signals, ARRIVED, 1);
    Atomics.notify(this.#signals, ARRIVED);
  }

  #throwIfStopped(): void {
    if (Atomics.load(this.#signals, STOPPED) !== 0) throw new ChannelStopped('The run was stopped.');
  }
}

/** A batch and the way back for its buffers. */
export interface Received {
  readonly batch: Batch;
  /** Gives the buffers back to the producer. Once only. */
  release(): void;
}

/** What {@link BatchChannel.stop} does, for who has the consumer's end only. */
export function stopInlet(end: InletEnd): void {
  stopAll(new Int32Array(end.signals));
}

/** The consuming end, inside the warehouse's thread. */
export class BatchInlet {
  readonly #ports: readonly MessagePort[];
  readonly #signals: Int32Array;
  #live: number;

  constructor(end: InletEnd) {
    this.#ports = end.ports;
    this.#signals = new Int32Array(end.signals);
    this.#live = end.ports.length;
  }

  /** The next batch of any producer; blocks; `null` when all have ended; throws what a producer failed with. */
  receive(): Received | null {
    while (this.#live > 0) {
      if (Atomics.load(this.#signals, STOPPED) !== 0) throw new ChannelStopped('The run was stopped.');
      const received = this.#poll();
      if (received !== null) return received;
      if (this.#live > 0) Atomics.wait(this.#signals, ARRIVED, 0, WAIT_MS);
    }
    return null;
  }

  #poll(): Received | null {
    for (const [index, port] of this.#ports.entries()) {
      const message = receiveMessageOnPort(port)?.message as Message | undefined;
      if (message === undefined) continue;
      Atomics.sub(this.#signals, ARRIVED, 1);
      if ('failure' in message) throw message.failure;
      if ('end' in message) this.#live -= 1;
      else return { batch: message.batch, release: () => this.#release(index, port, message.batch) };
    }
    return null;
  }

  #release(index: number, port: MessagePort, { fixed, blobs }: Batch): void {
    port.postMessage({ fixed, blobs }, [fixed, ...blobs.filter((blob) => blob !== null)]);
    Atomics.add(this.#signals, FIRST_CREDIT + index, 1);
    Atomics.notify(this.#signals, FIRST_CREDIT + index);
  }
}

function stopAll(signals: Int32Array): void {
  Atomics.store(signals, STOPPED, 1);
  for (let i = 0; i < signals.length; i++) Atomics.notify(signals, i);
}
