/** One split of a read that another process has divided. */
import type { OutletEnd } from '../../core/channel.ts';
import type { Estimate, ObjectRef, ReadColumn, ReadSpec, ReadSummary, Snapshot } from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import type { VectorColumn } from '../../core/vectors.ts';
import type { FirestoreClient, FirestoreConnection } from './client.ts';
import { readTask, type SplitTask } from './divide.ts';
import { splitProblem } from './errors.ts';
import { questionsAt } from './lines.ts';
import { objectName } from './names.ts';
import { startReader, vectorsOf } from './reading.ts';

/** @throws SPLIT_LOST where Firestore does not keep the read time any more */
export async function openSplit(
  client: FirestoreClient,
  connection: FirestoreConnection,
  object: ObjectRef,
  given: unknown,
  signal: AbortSignal,
): Promise<Snapshot> {
  const task = readTask(given);
  if (task === null)
    throw new TributaryError('SPLIT_LOST', { object: objectName(object), reason: 'what it says to read is no range' });
  signal.throwIfAborted();
  const { range, window, readTime } = task;
  try {
    await questionsAt(client, object, readTime, signal).first({ fields: [], range, window });
  } catch (error) {
    throw splitProblem(error, objectName(object), readTime);
  }
  return new SplitSnapshot(connection, task);
}

class SplitSnapshot implements Snapshot {
  readonly #connection: FirestoreConnection;
  readonly #task: SplitTask;

  constructor(connection: FirestoreConnection, task: SplitTask) {
    this.#connection = connection;
    this.#task = task;
  }

  async estimate(): Promise<Estimate> {
    return { rows: null, bytes: null };
  }

  async countNulls(): Promise<number> {
    return 0;
  }

  vectors(columns: readonly ReadColumn[]): readonly VectorColumn[] {
    return vectorsOf(columns);
  }

  async read(spec: ReadSpec, outlets: readonly OutletEnd[], signal: AbortSignal): Promise<ReadSummary> {
    const { readTime, range, window } = this.#task;
    const [outlet, more] = outlets;
    if (outlet === undefined || more !== undefined)
      throw new TributaryError('INTERNAL', { message: 'a split is read by one reader' });
    const own = window === null ? spec : { ...spec, window };
    const task = { connection: this.#connection, readTime, spec: own, ranges: [range], outlet, split: true };
    return await startReader(task, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
