/** The handle of one reader: a thread that opens a session on the snapshot and reads one statement in it. */
import { Worker } from 'node:worker_threads';
import type { ReadSummary } from '../../core/contracts/source.ts';
import { factsOf } from '../../core/database.ts';
import { TributaryError } from '../../core/errors.ts';
import type { ReaderAnswer, ReaderSession, ReaderTask } from './reader.ts';

export class ReaderThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #begun: Promise<void>;
  readonly #ended: Promise<ReadSummary>;

  constructor(session: ReaderSession, signal: AbortSignal) {
    const worker = new Worker(new URL('./reader.ts', import.meta.url), {
      workerData: session,
      name: 'reader',
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker = worker;
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<ReadSummary>();
    const stop = () => void worker.terminate();
    const fail = (error: unknown) => {
      begun.reject(error);
      ended.reject(error);
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    worker.on('message', (answer: ReaderAnswer) => {
      if ('begun' in answer) begun.resolve();
      else if ('summary' in answer) ended.resolve(answer.summary);
      else fail(TributaryError.from(answer.problem));
    });
    worker.once('error', fail);
    worker.once('exit', () => {
      signal.removeEventListener('abort', stop);
      fail(
        new TributaryError('SOURCE_DISCONNECTED', { ...factsOf(session.connection), reason: 'The reader ended early' }),
      );
    });
    this.#begun = begun.promise;
    this.#ended = ended.promise;
    // Nobody may be asking yet when it fails; whoever asks is told.
    this.#begun.catch(() => {});
    this.#ended.catch(() => {});
  }

  /** Settles once its session is on the snapshot. @throws SPLIT_LOST and as connect.ts */
  begun(): Promise<void> {
    return this.#begun;
  }

  read(task: ReaderTask): Promise<ReadSummary> {
    this.#worker.postMessage(task, [task.outlet.port]);
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
