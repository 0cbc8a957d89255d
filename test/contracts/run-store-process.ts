/** Another process for the run store's suite: opens the same store many times and does one thing with each. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import type { RunStore } from '../../runner/core/contracts/run-store.ts';
import { problemOf } from '../../runner/core/errors.ts';

/** How another process opens the store. */
export interface Elsewhere {
  /** URL of a module. */
  readonly module: string;
  /** Its function that takes the place and gives the store. */
  readonly function: string;
  /** Ten writers of a process: ten threads, or, where calls wait for a server anyhow, ten connections. */
  readonly writers: 'threads' | 'connections';
}

/** Ticks or events of each writer. */
export const EACH = 5;
const HOUR = 3_600_000;
const SOURCE = { tenant: 'acme', source: 'orders' };

export interface Task extends Elsewhere {
  readonly place: string;
  readonly count: number;
  readonly does: keyof typeof works;
  /** Tells this process's run ids from others'. */
  readonly label: string;
}

/** What a writer does once; `shared` is the run of all of them. */
const works = {
  claim: async (store: RunStore, runId: string) => (await store.claim({ ...SOURCE, runId, ttlMs: HOUR })).runId,
  claimShared: async (store: RunStore) => (await store.claim({ ...SOURCE, runId: 'shared', ttlMs: HOUR })).fencingToken,
  reserveShared: async (store: RunStore) =>
    (await store.claim({ ...SOURCE, runId: 'shared', ttlMs: HOUR, reserve: true })).fencingToken,
  finishShared: (store: RunStore, by: string) => store.finish('shared', 'succeeded', { by }, null),
  deduplicate: (store: RunStore, runId: string) => repeated((n) => store.deduplicate(`tick-${n}`, runId)),
  append: (store: RunStore, runId: string) => repeated((n) => store.append(progress({ runId, n }))),
  appendSame: (store: RunStore) => repeated((n) => store.append(progress({ n }), `event-${n}`)),
  /** One run after the other until it is killed; prints their tokens. */
  churn: async (store: RunStore, label: string) => {
    for (let n = 0; n < 100_000; n++) {
      const lease = await store.claim({ ...SOURCE, runId: `${label}-${n}`, ttlMs: 200 });
      console.log(JSON.stringify(lease.fencingToken));
      await store.finish(lease.runId, 'succeeded', {}, null);
      await store.release(lease);
    }
  },
} as const;

const progress = (data: Readonly<Record<string, unknown>>) =>
  ({ runId: 'shared', at: new Date().toISOString(), type: 'progress', data }) as const;

async function repeated(step: (n: number) => Promise<unknown>): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (let n = 0; n < EACH; n++) answers.push(await step(n));
  return answers;
}

type Opener = (place: string) => RunStore | Promise<RunStore>;

/** Opens its store for a task, and then does it. */
interface Writer {
  prepare(task: Task): Promise<unknown>;
  go(): Promise<unknown>;
}

/** For each line with a task: opens the stores, prints `"ready"`, waits for another line, and prints the answers. */
async function main(): Promise<void> {
  const writers: Writer[] = [];
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'go') {
      console.log(JSON.stringify(await Promise.all(writers.map((writer) => writer.go()))));
      continue;
    }
    const task = JSON.parse(line) as Task;
    while (writers.length < task.count) writers.push(task.writers === 'threads' ? thread() : writer(writers.length));
    await Promise.all(writers.map((writer) => writer.prepare(task)));
    console.log(JSON.stringify('ready'));
  }
}

let threads = 0;

function thread(): Writer {
  const worker = new Worker(new URL(import.meta.url), { workerData: { writer: threads++ } });
  const ask = async (message: unknown) => {
    worker.postMessage(message);
    return ((await once(worker, 'message')) as [unknown])[0];
  };
  return { prepare: ask, go: () => ask('go') };
}

function inThread(port: MessagePort, number: number): void {
  const self = writer(number);
  port.on('message', async (message: Task | 'go') => {
    port.postMessage(await (message === 'go' ? self.go() : self.prepare(message)));
  });
}

/** The store stays open until the next task: what it has claimed has a living owner. */
function writer(number: number): Writer {
  let store: RunStore | null = null;
  let task: Task | null = null;
  return {
    async prepare(next) {
      await store?.[Symbol.asyncDispose]();
      task = next;
      store = await open(next);
      // Connected, so that all begin at the same moment.
      await store.get('nobody');
    },
    async go() {
      if (store === null || task === null) throw new Error('It was not told what to do.');
      return works[task.does](store, `${task.label}-${number}`).catch((error: unknown) => problemOf(error).code);
    },
  };
}

async function open(task: Task): Promise<RunStore> {
  const module = (await import(task.module)) as Record<string, Opener>;
  const opener = module[task.function];
  if (opener === undefined) throw new Error(`${task.module} has no ${task.function}`);
  return opener(task.place);
}

if (parentPort !== null && typeof workerData?.writer === 'number') inThread(parentPort, workerData.writer);
else if (process.argv[1] === import.meta.filename) await main();
