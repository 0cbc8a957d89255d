/** The receiving end of a channel that keeps nothing, in a thread of its own. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { BatchInlet, ChannelStopped, type InletEnd } from '../../runner/core/channel.ts';
import { type Problem, problemOf } from '../../runner/core/errors.ts';

export interface Drained {
  readonly rows: number;
  /** What the producer failed with; absent where the channel ended, or was stopped. */
  readonly problem?: Problem;
}

interface Task {
  readonly drain: InletEnd;
  /** Keeps a copy of every batch, to see that whoever measures memory would notice. */
  readonly keep: boolean;
}

export function drain(inlet: InletEnd, keep = false): Promise<Drained> {
  const task: Task = { drain: inlet, keep };
  const worker = new Worker(new URL(import.meta.url), { workerData: task, transferList: [...inlet.ports] });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function main({ drain: end, keep }: Task): Drained {
  const inlet = new BatchInlet(end);
  const kept: unknown[] = [];
  let rows = 0;
  try {
    for (let received = inlet.receive(); received !== null; received = inlet.receive()) {
      rows += received.batch.rows;
      if (keep) kept.push(structuredClone(received.batch));
      received.release();
    }
    return { rows };
  } catch (error) {
    return error instanceof ChannelStopped ? { rows } : { rows, problem: problemOf(error) };
  }
}

const task = workerData as Partial<Task> | null;
if (!isMainThread && task?.drain !== undefined) parentPort?.postMessage(main(task as Task));
