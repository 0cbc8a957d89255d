/** Readers as threads, and what their rows travel as. */
import { Worker } from 'node:worker_threads';
import type { ReadColumn, ReadSummary } from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import type { LogicalKind } from '../../core/types.ts';
import type { VectorColumn, VectorKind } from '../../core/vectors.ts';
import { factsOf } from './errors.ts';
import { objectName } from './names.ts';
import type { ReaderAnswer, ReaderTask } from './reader.ts';

const VECTORS: Readonly<Partial<Record<LogicalKind, VectorKind>>> = {
  INT64: 'int64',
  FLOAT64: 'float64',
  BOOL: 'bool',
  STRING: 'text',
  BYTES: 'bytes',
  TIMESTAMP: 'timestamp',
};

export function vectorsOf(columns: readonly ReadColumn[]): readonly VectorColumn[] {
  return columns.map(({ name, logical, mask }) => ({
    name,
    kind: mask === undefined ? (VECTORS[logical.kind] ?? 'json') : 'text',
  }));
}

/** Reads the ranges of the task in a thread. */
export function startReader(task: ReaderTask, signal: AbortSignal): Promise<ReadSummary> {
  const worker = new Worker(new URL('./reader.ts', import.meta.url), {
    workerData: task,
    transferList: [task.outlet.port],
    name: 'reader',
    resourceLimits: { maxYoungGenerationSizeMb: 16 },
  });
  const facts = factsOf(task.connection, objectName(task.spec.object));
  const stop = () => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  return new Promise<ReadSummary>((resolve, reject) => {
    worker.once('message', (answer: ReaderAnswer) => {
      if ('summary' in answer) resolve(answer.summary);
      else reject(TributaryError.from(answer.problem));
      // The SDK keeps its connection, and the thread with it.
      void worker.terminate();
    });
    worker.once('error', reject);
    worker.once('exit', () =>
      reject(new TributaryError('SOURCE_DISCONNECTED', { ...facts, reason: 'The reader ended early' })),
    );
  }).finally(() => signal.removeEventListener('abort', stop));
}
