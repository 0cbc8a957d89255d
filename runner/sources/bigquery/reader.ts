/** One reader: a thread that reads streams of the run's read session. Started by read.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { startAttempts } from '../../bigquery/attempts.ts';
import { BatchOutlet, ChannelStopped, type OutletEnd } from '../../core/channel.ts';
import type { ReadSummary } from '../../core/contracts/source.ts';
import { type Problem, problemOf } from '../../core/errors.ts';
import { type Budget, systemClock } from '../../core/retry.ts';
import type { BatchLayout } from '../../core/vectors.ts';
import { arrowRows, type WantedColumn } from './arrow.ts';
import { BatchWriter } from './batch-writer.ts';
import { type Named, sourceProblem } from './errors.ts';
import { openStorage, rowsOf, type StorageClient, storageFailure } from './storage.ts';

/** Everything a reader needs; structured-cloneable. */
export interface ReaderTask {
  readonly emulator: string | null;
  readonly schema: Uint8Array;
  readonly streams: readonly string[];
  readonly columns: readonly WantedColumn[];
  readonly layout: BatchLayout;
  readonly maxRejected: number;
  readonly budget: Budget;
  readonly facts: Named;
  readonly outlet: OutletEnd;
}

export type ReaderAnswer = { readonly summary: ReadSummary } | { readonly problem: Problem };

async function read(task: ReaderTask): Promise<ReadSummary> {
  const outlet = new BatchOutlet(task.outlet, task.layout);
  const writer = new BatchWriter(outlet, task.layout, task.maxRejected);
  const client = openStorage(task.emulator === null ? {} : { emulator: task.emulator });
  let extracted = 0;
  let bytes = 0;
  try {
    for (const stream of task.streams) {
      for await (const { rows, batch } of messages(client, stream, task.budget)) {
        extracted += rows;
        bytes += batch.length;
        let size = batch.length;
        for (const found of arrowRows(task.schema, batch, task.columns)) {
          writer.write(found, size);
          size = 0;
        }
      }
    }
    writer.flush();
    outlet.end();
    return { extracted, rejected: writer.rejected, nullified: writer.nullified, bytes };
  } catch (error) {
    if (!(error instanceof ChannelStopped)) outlet.fail(problemOf(told(error, task)));
    throw error;
  } finally {
    await client.close().catch(() => undefined);
  }
}

/** A stream is taken up where it broke: it has one order, and its rows are numbered. */
async function* messages(
  client: StorageClient,
  readStream: string,
  budget: Budget,
): AsyncIterable<{ rows: number; batch: Uint8Array }> {
  const retry = startAttempts(systemClock, budget);
  for (let offset = 0; ; ) {
    try {
      const stream = await rowsOf(client, readStream, offset);
      for await (const { rowCount, arrowRecordBatch } of stream) {
        const batch = arrowRecordBatch?.serializedRecordBatch;
        const rows = Number(rowCount ?? 0);
        if (!batch || rows === 0) continue;
        yield { rows, batch };
        offset += rows;
        retry.forward();
      }
      return;
    } catch (error) {
      if (error instanceof ChannelStopped) throw error;
      await retry.after(storageFailure(error));
    }
  }
}

const told = (error: unknown, task: ReaderTask) => sourceProblem(error, task.facts);

if (parentPort !== null) {
  const task = workerData as ReaderTask;
  const answer: ReaderAnswer = await read(task).then(
    (summary) => ({ summary }),
    (error) => ({ problem: problemOf(told(error, task)) }),
  );
  parentPort.postMessage(answer);
  parentPort.close();
}
