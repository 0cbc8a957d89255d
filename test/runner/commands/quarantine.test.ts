/** `tributary quarantine` as a person types it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeEach, expect, test } from 'vitest';
import type { RunEvent } from '../../../runner/core/contracts/run-store.ts';
import { CANARY } from '../../faults/place.ts';
import { append, createOrders, sceneForTests } from '../../faults/scene.ts';

const cli = join(import.meta.dirname, '..', '..', '..', 'runner', 'cli.js');
const quarantine = { maxRows: 10, maxRatio: 1 };
const narrow = { table: 'public.orders', ...append, quarantine, columns: { types: { price: 'INT64' } } };
const wide = { ...narrow, columns: { types: { price: 'NUMERIC(22,2)' } } };

const scene = sceneForTests(
  createOrders('orders', 20),
  `UPDATE orders SET stamp = now() - interval '1 day',
    price = CASE WHEN id <= 3 THEN id || '.25' WHEN id = 4 THEN 'a lot' ELSE id::text END`,
);

beforeEach(async () => {
  await scene.place.tenant({ orders: narrow });
  expect((await scene.place.run('orders')).code).toBe(3);
});

interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function type(words: readonly string[], onEvent?: (event: RunEvent, child: ChildProcess) => void): Promise<Said> {
  const where = ['--tenants', 'tenants', '--warehouse', `duckdb:${scene.place.warehouse}`];
  const child = spawn(process.execPath, [cli, 'quarantine', ...words, ...where], {
    cwd: scene.place.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TRIBUTARY_SECRET_DB_PASSWORD: CANARY },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr += `${line}\n`;
    if (line.startsWith('{"runId"')) onEvent?.(JSON.parse(line) as RunEvent, child);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

const replay = ['replay', 'acme', 'orders'];
const open = async () =>
  (await scene.place.ask(`SELECT reason FROM acme_tributary._quarantine WHERE replayed_by IS NULL`))?.map(
    ({ reason }) => reason,
  );

test('replay loads what fits now, once, and says what stays', async () => {
  expect((await type([...replay, '--json'])).code).toBe(3);
  expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 16 });
  await scene.place.tenant({ orders: wide });
  const preview = await type([...replay, '--dry-run', '--json']);
  expect(JSON.parse(preview.stdout)).toMatchObject({ rows: { quarantined: 4, fit: 3, stay: 1 } });
  expect(preview.code).toBe(0);
  expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 16 });
  const done = await type([...replay, '--json']);
  expect(done.code).toBe(3);
  expect(JSON.parse(done.stdout)).toMatchObject({
    status: 'succeeded',
    mode: 'replay',
    rows: { extracted: 4, inserted: 3, quarantined: 1 },
  });
  expect(await open()).toEqual([expect.stringContaining('VALUE_NOT_CASTABLE: price: does not fit NUMERIC(22,2)')]);
  const again = await type(replay);
  expect(again).toMatchObject({ code: 3, stdout: expect.stringContaining('1 quarantined') });
  expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 19 });
  const listed = async (...more: string[]) =>
    (JSON.parse((await type(['list', 'acme', 'orders', '--json', ...more])).stdout) as { rows: unknown[] }).rows.length;
  expect([await listed(), await listed('--all')]).toEqual([1, 4]);
});

test('a replay beside another run is refused and names it', async () => {
  await scene.place.tenant({ orders: wide });
  const store = scene.place.store();
  const lease = await store.claim({ tenant: 'acme', source: 'orders', runId: 'the_other', ttlMs: 60_000 });
  const refused = await type([...replay, '--json']);
  expect(refused.code).toBe(4);
  expect(JSON.parse(refused.stdout).problem).toMatchObject({
    code: 'LEASE_HELD',
    detail: expect.stringContaining('the_other'),
  });
  expect(await open()).toHaveLength(4);
  await store.release(lease);
  await store[Symbol.asyncDispose]();
});

test.each([
  ['stage', 'step-end'],
  ['commit', 'step-start'],
] as const)('killed at %s, nothing is half done', async (step, kind) => {
  await scene.place.tenant({ orders: wide });
  const killed = await type([...replay, '--json'], (event, child) => {
    if (event.step === step && event.type === kind) child.kill('SIGKILL');
  });
  expect(killed.code).toBeNull();
  const left = await open();
  const loaded = (await scene.place.tables())['acme_raw.orders'];
  expect([
    [4, 16],
    [1, 19],
  ]).toContainEqual([left?.length, loaded]);
  expect((await type(replay)).code).toBe(3);
  expect(await open()).toHaveLength(1);
  expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 19 });
});

test('what cannot be replayed is said', async () => {
  const unknown = await type(['mend', 'acme', 'orders', '--json']);
  expect({ code: unknown.code, problem: JSON.parse(unknown.stdout).problem.code }).toEqual({
    code: 1,
    problem: 'USAGE',
  });
  await scene.place.tenant({ orders: { ...wide, load: { strategy: 'catalog' } } });
  const whole = await type(replay);
  expect(whole).toMatchObject({ code: 1, stderr: expect.stringContaining('tributary run acme orders') });
});
