/** A store of its own for each test of the run store's suite, and other processes that use it too. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeEach, expect } from 'vitest';
import type { RunOrder } from '../../runner/core/contracts/run-order.ts';
import type { Lease, RunStore } from '../../runner/core/contracts/run-store.ts';
import { type Problem, problemOf } from '../../runner/core/errors.ts';
import type { Elsewhere, Task } from './run-store-process.ts';

export const SOURCE = { tenant: 'acme', source: 'orders' };
export const HOUR = 3_600_000;

export const ORDER: RunOrder = {
  kind: 'backfill',
  options: { from: '2026-01-01', yes: true, note: 'ä "quoted"' },
  trigger: 'schedule',
  tick: '2026-11-24T09:00:00.000Z',
  requestedBy: 'scheduler@acme.iam.gserviceaccount.com',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};

/** What a store may lack; each is declared with its reason and printed. */
export type Lack = 'processes';
export type Lacks = Readonly<Partial<Record<Lack, string>>>;

export interface Scene {
  readonly store: RunStore;
  readonly lacks: Lacks;
  claim(runId: string, ttlMs?: number, of?: typeof SOURCE): Promise<Lease>;
  reserve(runId: string, ttlMs?: number): Promise<Lease>;
  enqueue(runId: string, of?: typeof SOURCE): Promise<unknown>;
  reopen(): Promise<void>;
  elsewhere(does: Task['does'], label: string, count?: number): Promise<OtherProcess>;
  /** Fifty writers: five processes of ten, which have opened the store and start at the same moment. */
  fifty(does: Task['does']): Promise<unknown[]>;
}

export interface OtherProcess {
  readonly pid: number | undefined;
  /** Opens the store for a task. */
  prepare(task: Task): Promise<void>;
  /** What it prints next; `undefined`: nothing any more. */
  line(): Promise<unknown>;
  go(): void;
  /** SIGKILL: no farewell, nothing released. */
  kill(): Promise<void>;
}

export function sceneOf(
  open: (place: string) => RunStore | Promise<RunStore>,
  elsewhere: Elsewhere,
  lacks: Lacks,
): Scene {
  let folder: string;
  let place: string;
  let store: RunStore;
  const others: OtherProcess[] = [];
  /** Their start takes longer than what they do, so all tests have the same. */
  const five: OtherProcess[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tributary-store-'));
    place = join(folder, 'state', 'runs.sqlite');
    store = await open(place);
  });

  afterEach(async () => {
    await Promise.all(others.splice(0).map((other) => other.kill()));
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  afterAll(() => Promise.all(five.map((other) => other.kill())));

  return {
    lacks,
    get store() {
      return store;
    },
    claim: (runId, ttlMs = HOUR, of = SOURCE) => store.claim({ ...of, runId, ttlMs }),
    reserve: (runId, ttlMs = HOUR) => store.claim({ ...SOURCE, runId, ttlMs, reserve: true }),
    enqueue: (runId, of = SOURCE) => store.enqueue({ ...of, runId, order: ORDER }),
    async reopen() {
      await store[Symbol.asyncDispose]();
      store = await open(place);
    },
    async elsewhere(does, label, count = 1) {
      const other = startProcess();
      others.push(other);
      await other.prepare({ ...elsewhere, place, does, label, count });
      return other;
    },
    async fifty(does) {
      while (five.length < 5) five.push(startProcess());
      const task = { ...elsewhere, place, does, count: 10 };
      await Promise.all(five.map((other, n) => other.prepare({ ...task, label: `p${n}` })));
      for (const other of five) other.go();
      const answers = (await Promise.all(five.map((other) => other.line()))).flat(1);
      expect(answers).toHaveLength(50);
      return answers;
    },
  };
}

function startProcess(): OtherProcess {
  const program = join(import.meta.dirname, 'run-store-process.ts');
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => {
    const { done, value } = await lines.next();
    return done ? undefined : JSON.parse(value);
  };
  return {
    pid: child.pid,
    async prepare(task) {
      child.stdin.write(`${JSON.stringify(task)}\n`);
      expect(await line()).toBe('ready');
    },
    line,
    go: () => child.stdin.write('go\n'),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

export async function refused(attempt: Promise<unknown>, code: string): Promise<Problem> {
  const problem = await attempt.then(
    () => {
      throw new Error(`It should have been refused with ${code}.`);
    },
    (error: unknown) => problemOf(error),
  );
  expect(problem).toMatchObject({ code });
  return problem;
}

export function ids(runs: readonly { readonly runId: string }[]): string[] {
  return runs.map((run) => run.runId);
}
