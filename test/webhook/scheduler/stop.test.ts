/** The end of a laptop's platform, with real processes and the real store. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LaunchRequest } from '../../../runner/core/contracts/launcher.ts';
import type { RunOrder } from '../../../runner/core/contracts/run-order.ts';
import type { RunStore } from '../../../runner/core/contracts/run-store.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { openLauncher } from '../../../runner/launchers/registry.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { type GatedLauncher, gatedLauncher, stopRuns } from '../../../webhook/scheduler/stop.ts';
import { newFolder } from '../../servers/child.ts';

const SECONDS = 30;
const ORDER: RunOrder = {
  kind: 'run',
  options: {},
  trigger: 'person',
  tick: null,
  requestedBy: null,
  traceparent: null,
};
let folder: string;
let store: RunStore;
let gate: GatedLauncher;

/** Ends when it is asked to, unless its run is called stubborn. */
const PROGRAM = `process.on('SIGTERM', () => process.env.TRIBUTARY_RUN_ID.startsWith('stubborn') || process.exit(130));
setInterval(() => {}, 1000);
console.log('begun')`;

beforeEach(async () => {
  folder = await newFolder('stop');
  store = await openSqliteStore(join(folder, 'runs.sqlite'), { onBehalf: true });
  gate = gatedLauncher(
    await openLauncher({
      kind: 'child-process',
      command: [process.execPath, '-e', PROGRAM],
      folder: join(folder, 'executions'),
      environment: {},
      graceMs: 500,
    }),
  );
});
afterEach(async () => {
  await gate[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function request(runId: string): LaunchRequest {
  return { runId, tenant: 'acme', source: runId, kind: 'run', project: 'p', region: 'r', traceparent: null };
}

async function launch(runId: string): Promise<string> {
  await store.enqueue({ runId, tenant: 'acme', source: runId, order: ORDER });
  const execution = await gate.launch(request(runId), AbortSignal.timeout(10_000));
  await store.launched(runId, execution);
  // Only then it hears signals as it wants to.
  const { logs } = await gate.status(execution);
  await until(async () => readFileSync(new URL(logs ?? ''), 'utf8').includes('begun'));
  return execution;
}

async function until(what: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + SECONDS * 1000; !(await what()); await sleep(20))
    if (Date.now() > end) throw new Error('it did not come');
}

test('what runs is told to end and is waited for; what is queued stays queued and is not launched', async () => {
  const executions = [await launch('first'), await launch('second')];
  await store.enqueue({ runId: 'third', tenant: 'acme', source: 'third', order: ORDER });
  gate.shut();
  const refused = await gate.launch(request('third'), AbortSignal.timeout(10_000)).catch((error: unknown) => error);
  expect(TributaryError.is(refused) && refused.problem).toMatchObject({ code: 'LAUNCH_FAILED', retryable: true });
  expect(await stopRuns({ store, launcher: gate, seconds: SECONDS })).toEqual([]);
  for (const execution of executions) expect(['cancelled', 'failed']).toContain((await gate.status(execution)).state);
  expect(await gate.find(request('third'))).toBeNull();
  expect((await store.get('third'))?.status).toBe('queued');
});

test('one that does not listen is killed after its grace', async () => {
  const execution = await launch('stubborn');
  gate.shut();
  expect(await stopRuns({ store, launcher: gate, seconds: SECONDS })).toEqual([]);
  expect((await gate.status(execution)).state).toBe('cancelled');
});

test('the wait is bounded, and says what was left', async () => {
  await launch('stubborn-too');
  expect(await stopRuns({ store, launcher: gate, seconds: 0 })).toEqual(['stubborn-too']);
  expect(await stopRuns({ store, launcher: gate, seconds: SECONDS })).toEqual([]);
});

test('where nothing runs it is over at once', async () => {
  expect(await stopRuns({ store, launcher: gate, seconds: SECONDS })).toEqual([]);
});
