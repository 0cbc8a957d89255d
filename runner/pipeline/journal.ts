/** What a run tells while it goes on: to who watches, and into the run store, in order. */
import type { EndedStatus, RunEvent, RunStore, Step } from '../core/contracts/run-store.ts';
import type { Problem } from '../core/errors.ts';

/** Progress is kept so often at most; of a long run, after every fiftieth of its time: a few hundred events, however long. */
const PROGRESS_MS = 3000;
const PROGRESS_SHARE = 50;

export class Journal {
  readonly #runId: string;
  readonly #store: RunStore;
  readonly #watcher: ((event: RunEvent) => void) | undefined;
  readonly #began = performance.now();
  #progressAt = performance.now();
  #writing: Promise<unknown> = Promise.resolve();

  constructor(runId: string, store: RunStore, watcher?: (event: RunEvent) => void) {
    this.#runId = runId;
    this.#store = store;
    this.#watcher = watcher;
  }

  /** All progress is shown; of a step's, some is kept. A store that fails never fails the run. */
  tell(type: RunEvent['type'], step?: Step, data?: Readonly<Record<string, unknown>>): void {
    const event: RunEvent = {
      runId: this.#runId,
      at: new Date().toISOString(),
      type,
      ...(step === undefined ? {} : { step }),
      ...(data === undefined ? {} : { data }),
    };
    this.#watcher?.(event);
    if (type === 'progress' && step !== undefined && !this.#isDue()) return;
    this.#writing = this.#writing.then(() => this.#store.append(event)).catch(() => undefined);
  }

  /** Closes the run in the store, after all that was told. */
  async close(status: EndedStatus, summary: object, problem: Problem | null): Promise<void> {
    this.tell('run-end', undefined, { status, ...(problem === null ? {} : { problem }) });
    await this.#writing;
    await this.#store.finish(this.#runId, status, { ...summary }, problem).catch(() => undefined);
  }

  #isDue(): boolean {
    const now = performance.now();
    const wait = Math.max(PROGRESS_MS, (now - this.#began) / PROGRESS_SHARE);
    if (now - this.#progressAt < wait) return false;
    this.#progressAt = now;
    return true;
  }
}
