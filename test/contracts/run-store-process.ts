/** Another process for the run store's suite: opens the same store in many threads and does one thing in each. */
import { once } from 'node:events';
import { type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import type { RunStore } from '../../runner/core/contracts/run-store.ts';
import { problemOf } from '../../runner/core/errors.ts';

/** How another process opens the store. */
export interface Elsewhere {
  /** URL of a module. */
  readonly module: string;
  /** Its function that takes the place and gives the store. */
  readonly function: string;
}

/** Ticks or events of each thread. */
export const EACH = 5;

export interface Task extends Elsewhere {
  readonly place: string;
  readonly threads: number;
  readonly does: 'claim' | 'deduplicate' | 'append';
  /** Tells this process's run ids from others'. */
  readonly label: string;
}

type Opener = (place: string) => RunStore | Promise<RunStore>;

/** Prints `"ready"`, waits for any input, prints the answers, and lives on until it is killed. */
async function main(): Promise<void> {
  const task = JSON.parse(process.argv[2] ?? '{}') as Task;
  const threads = Array.from({ length: task.threads }, (_, thread) => {
    return new Worker(new URL(import.meta.url), { workerData: { task, thread } });
  });
  await Promise.all(threads.map((thread) => once(thread, 'message')));
  console.log(JSON.stringify('ready'));
  await once(process.stdin, 'data');
  const answers = await Promise.all(
    threads.map(async (thread) => {
      thread.postMessage('go');
      return ((await once(thread, 'message')) as [unknown])[0];
    }),
  );
  console.log(JSON.stringify(answers));
}

async function inThread(task: Task, thread: number, port: MessagePort): Promise<void> {
  const store = await open(task);
  port.postMessage('ready');
  await once(port, 'message');
  port.postMessage(await work(store, task.does, `${task.label}-${thread}`).catch((error) => problemOf(error).code));
  // Thread and store stay: a claimed lease has a living owner until the process is killed.
  port.on('message', () => {});
}

async function work(store: RunStore, does: Task['does'], runId: string): Promise<unknown> {
  if (does === 'claim') {
    return (await store.claim({ tenant: 'acme', source: 'orders', runId, ttlMs: 3_600_000 })).runId;
  }
  const answers: unknown[] = [];
  for (let n = 0; n < EACH; n++) {
    if (does === 'deduplicate') answers.push(await store.deduplicate(`tick-${n}`, runId));
    else await store.append({ runId: 'shared', at: new Date().toISOString(), type: 'progress', data: { runId, n } });
  }
  return answers;
}

async function open(task: Task): Promise<RunStore> {
  const module = (await import(task.module)) as Record<string, Opener>;
  const opener = module[task.function];
  if (opener === undefined) throw new Error(`${task.module} has no ${task.function}`);
  return opener(task.place);
}

if (parentPort !== null && workerData?.task) {
  await inThread(workerData.task as Task, workerData.thread as number, parentPort);
} else if (process.argv[1] === import.meta.filename) {
  await main();
}
