/** Events on their way to the webhook: in order, in batches, again until they are taken; never more than memory may hold. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunEvent } from '../../core/contracts/run-store.ts';

export interface SentEvent extends Omit<RunEvent, 'runId'> {
  /** The same event has the same id in every attempt to deliver it. */
  readonly id: string;
}

export interface OutboxOptions {
  /** @throws what `passes` judges */
  readonly send: (events: readonly SentEvent[], signal: AbortSignal) => Promise<void>;
  /** Whether the same batch may be taken later; otherwise it is dropped. */
  readonly passes: (error: unknown) => boolean;
  readonly onDropped: (events: number, error: unknown) => void;
}

/** Batches stay well under the size of a request that the webhook takes. */
const BATCH_EVENTS = 100;
const BATCH_BYTES = 128 * 1024;
const EVENT_BYTES = 32 * 1024;
/** Kept while the webhook is away. */
const KEPT_EVENTS = 2000;
const GATHER_MS = 1000;
const LONGEST_MS = 15_000;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #prefix = randomBytes(6).toString('hex');
  readonly #closed = new AbortController();
  #waiting: SentEvent[] = [];
  /** So many at the head of `#waiting` are being sent and must stay. */
  #sending = 0;
  #numbered = 0;
  #dropped = 0;
  #failures = 0;
  #working: Promise<void> | null = null;
  #wake: (() => void) | null = null;
  #draining = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add({ runId: _, ...event }: RunEvent): void {
    this.#numbered += 1;
    const sent = bounded({ id: `${this.#prefix}-${this.#numbered}`, ...event });
    if (sent.type === 'progress' && sent.step !== undefined) this.#withoutStale(sent.step);
    this.#waiting.push(sent);
    this.#bound();
    this.#working ??= this.#work();
  }

  /** Sends what is left, at once. Resolves when nothing is left, or `signal` says that time is up. */
  async drain(signal: AbortSignal): Promise<void> {
    const over = new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
    this.#draining = true;
    this.#wake?.();
    while (this.#waiting.length > 0 && this.#working !== null && !signal.aborted)
      await Promise.race([this.#working, over]);
  }

  close(): void {
    this.#closed.abort();
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#closed.signal.aborted) {
      await this.#pause();
      await this.#flush();
    }
    this.#working = null;
  }

  async #pause(): Promise<void> {
    if (this.#failures === 0 && this.#draining) return;
    const backoff = Math.min(LONGEST_MS, GATHER_MS * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const signal = AbortSignal.any([woken.signal, this.#closed.signal]);
    await sleep(this.#failures === 0 ? GATHER_MS : backoff, undefined, { signal }).catch(() => undefined);
    this.#wake = null;
  }

  async #flush(): Promise<void> {
    const batch = this.#batch();
    if (batch.length === 0) return;
    this.#sending = batch.length;
    try {
      await this.#options.send(batch, this.#closed.signal);
      this.#failures = 0;
      this.#waiting.splice(0, batch.length);
    } catch (error) {
      this.#failures += 1;
      if (!this.#options.passes(error)) {
        this.#waiting.splice(0, batch.length);
        this.#options.onDropped(batch.length, error);
      }
    } finally {
      this.#sending = 0;
    }
  }

  #batch(): SentEvent[] {
    const batch: SentEvent[] = [];
    let bytes = 0;
    for (const event of this.#waiting) {
      bytes += sizeOf(event);
      if (batch.length > 0 && (batch.length === BATCH_EVENTS || bytes > BATCH_BYTES)) break;
      batch.push(event);
    }
    return batch;
  }

  /** Of progress only the newest is worth keeping. */
  #withoutStale(step: SentEvent['step']): void {
    const stale = (event: SentEvent, i: number) =>
      i >= this.#sending && event.type === 'progress' && event.step === step;
    this.#waiting = this.#waiting.filter((event, i) => !stale(event, i));
  }

  #bound(): void {
    if (this.#waiting.length <= KEPT_EVENTS) return;
    // What was there at the end explains more than what was there at the beginning.
    const [event] = this.#waiting.splice(this.#sending, 1);
    if (event !== undefined) this.#dropped += 1;
    if (this.#dropped === 1) this.#options.onDropped(1, new Error('too many events wait'));
  }
}

function sizeOf(event: SentEvent): number {
  return Buffer.byteLength(JSON.stringify(event));
}

/** One event never is in the way of all others. */
function bounded(event: SentEvent): SentEvent {
  const bytes = sizeOf(event);
  return bytes <= EVENT_BYTES ? event : { ...event, data: { cut: true, bytes } };
}
