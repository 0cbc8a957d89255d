/** The control plane on the store of the cloud: several webhooks, one database. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RunStore } from '../../../runner/core/contracts/run-store.ts';
import { openFolderTenants } from '../../../runner/stores/tenants/folder.ts';
import type { ControlPlane } from '../../../webhook/control/contract.ts';
import { createControl } from '../../../webhook/control/control.ts';
import { openPlace } from '../../runner/stores/firestore-place.ts';
import { type FirestoreServer, startFirestore } from '../../servers/firestore.ts';
import { TestPlatform } from './platform.ts';
import { acme, order, refusal, T0900, T0915, TestNotifier } from './scene.ts';

let server: FirestoreServer;
let folder: string;
let stores: RunStore[];
let controls: ControlPlane[];
let platform: TestPlatform;
let notifier: TestNotifier;

beforeAll(async () => {
  server = await startFirestore();
  process.env.FIRESTORE_EMULATOR_HOST = server.host;
});
afterAll(() => server?.stop());

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-control-'));
  mkdirSync(join(folder, 'tenants'));
  writeFileSync(join(folder, 'tenants', 'acme.yaml'), acme('{ cron: "*/15 * * * *", overlap: queue }'));
  platform = new TestPlatform();
  notifier = new TestNotifier('topic');
  stores = await Promise.all([1, 2, 3].map(() => openPlace(join(folder, 'runs'))));
  const tenants = openFolderTenants(join(folder, 'tenants'));
  controls = stores.map((store) =>
    createControl({
      ...{ store, tenants, launcher: platform, notifiers: [notifier], project: 'p' },
      settings: { announceAfterMs: 0 },
    }),
  );
});

afterEach(async () => {
  for (const store of stores) await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const one = () => [stores[0] ?? expect.fail(), controls[0] ?? expect.fail()] as const;
const tick = (at: string) => ({ tenant: 'acme', source: 'orders', at, requestedBy: 'x', traceparent: null });

test('a tick that comes to three webhooks at once is one run and one execution', async () => {
  const answers = await Promise.all([...controls, ...controls].map((control) => control.trigger(tick(T0900))));
  expect(new Set(answers.map(({ run }) => run.runId)).size).toBe(1);
  expect(platform.launched).toHaveLength(1);
});

test('a run waits, starts when the one before it ends, and everybody is told', async () => {
  const [store, control] = one();
  const { run: first } = await control.trigger(tick(T0900));
  const lease = await store.claim({ tenant: 'acme', source: 'orders', runId: first.runId, ttlMs: 60_000 });
  const { run: second } = await control.trigger(tick(T0915));
  expect(second).toMatchObject({ status: 'queued', execution: null });
  await refusal(control.order({ tenant: 'acme', source: 'orders', order: order() }, null), 'LEASE_HELD');
  await store.finish(first.runId, 'succeeded', {}, null);
  await control.ended(first.runId);
  await store.release(lease);
  expect(platform.launched).toEqual([first.runId, second.runId]);
  expect(await control.cancel(second.runId)).toMatchObject({ status: 'interrupted' });
  expect(notifier.types).toEqual(['run.succeeded', 'run.interrupted']);
  expect(await store.holder('acme', 'orders')).toBeNull();
});

test('three sweeps at once launch, tell and find what is gone once', async () => {
  const [store] = one();
  await store.enqueue({ runId: 'r1', tenant: 'acme', source: 'orders', order: order() });
  await store.enqueue({ runId: 'r2', tenant: 'acme', source: '', order: order('up') });
  await store.enqueue({ runId: 'r3', tenant: 'acme', source: '', order: order('up') });
  await store.start('r3');
  const reports = await Promise.all(controls.map((control) => control.sweep()));
  expect(reports.flatMap(({ launched }) => launched).sort()).toEqual(['r1', 'r2']);
  expect([...platform.launched].sort()).toEqual(['r1', 'r2']);
  expect(reports.flatMap(({ abandoned }) => abandoned)).toEqual(['r3']);
  await controls[0]?.sweep();
  expect(new Set(notifier.ids)).toEqual(new Set(['r3.run.failed']));
  expect(await store.list({ unannounced: true, limit: 10 })).toEqual([]);
});
