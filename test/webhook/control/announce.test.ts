import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EndedStatus } from '../../../runner/core/contracts/run-store.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { acme, openScene, order, pass, type Scene, T0900, T0915 } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
  scene.write(acme('{ cron: "*/15 * * * *", paused: true }', '\n    after: { publish: true }'));
});
afterEach(() => scene[Symbol.asyncDispose]());

async function endedRun(at: string, status: EndedStatus = 'succeeded'): Promise<string> {
  const { run } = await scene.tick(at);
  await scene.begin(run.runId);
  const problem = status === 'succeeded' ? null : new TributaryError('INTERRUPTED').problem;
  await scene.end(run.runId, status, problem);
  return run.runId;
}

test('a begin and an end are told with their record, a link and what became of the data', async () => {
  const { run } = await scene.tick(T0900);
  await scene.begin(run.runId);
  await scene.control.started(run.runId);
  await scene.end(run.runId);
  const { runId } = run;
  expect(scene.notifiers[0].received).toMatchObject([
    { id: `${runId}.run.started`, type: 'run.started', dataState: expect.stringContaining('as it was') },
    {
      ...{ schemaVersion: 1, id: `${runId}.run.succeeded`, type: 'run.succeeded', tenant: 'acme', source: 'orders' },
      ...{ runId, problem: null, link: `https://console/runs/${runId}`, summary: { rows: { loaded: 3 } } },
      dataState: '3 rows are committed in raw.orders.',
    },
    { id: `${runId}.run.landed`, type: 'run.landed' },
  ]);
  expect(await scene.store.list({ unannounced: true, limit: 10 })).toEqual([]);
});

test('rows have landed only where a run succeeded and its source publishes', async () => {
  await endedRun(T0900, 'failed');
  expect(scene.notifiers[0].types).toEqual(['run.failed']);
  scene.write(acme('{ cron: "*/15 * * * *", paused: true }'));
  await endedRun(T0915);
  expect(scene.notifiers[0].types).toEqual(['run.failed', 'run.succeeded']);
});

test('a notifier that fails is told by a later sweep; the one that was told is not told again', async () => {
  scene.notifiers[1].failures = 2;
  const first = await endedRun(T0900);
  const second = await endedRun(T0915);
  expect(scene.notifiers[1].ids).toEqual([]);
  pass(60);
  expect((await scene.control.sweep()).announced).toBe(2);
  expect((await scene.control.sweep()).announced).toBe(0);
  const ids = [first, second].flatMap((id) => [`${id}.run.succeeded`, `${id}.run.landed`]);
  expect(scene.notifiers.map((notifier) => [...notifier.ids].sort())).toEqual([ids.toSorted(), ids.toSorted()]);
});

test('an end that nobody was told of is told by the sweep of another process', async () => {
  const { run } = await scene.tick(T0900);
  await scene.store.finish(run.runId, 'failed', {}, new TributaryError('INTERRUPTED').problem);
  const other = await scene.another();
  // Its own request may be about to tell it.
  expect((await other.sweep()).announced).toBe(0);
  pass(60);
  expect((await other.sweep()).announced).toBe(1);
  expect(scene.notifiers[0].ids).toEqual([`${run.runId}.run.failed`]);
});

test('a notifier that never answers holds nobody up', async () => {
  await scene[Symbol.asyncDispose]();
  scene = await openScene({ announceMs: 50 });
  scene.write(acme('{ cron: "*/15 * * * *", paused: true }'));
  let asked = 0;
  scene.notifiers[1].send = () => {
    asked += 1;
    return new Promise(() => undefined);
  };
  const runId = await endedRun(T0900);
  expect(asked).toBe(1);
  expect(scene.notifiers[0].ids).toEqual([`${runId}.run.succeeded`]);
  expect(scene.events).toContainEqual(expect.objectContaining({ type: 'untold', notifier: 'chat' }));
});

test('what a person looked at, and what is days old, is told to nobody', async () => {
  const { run } = await scene.control.order({ tenant: 'acme', source: '', order: order('test') }, null);
  await scene.store.start(run.runId);
  await scene.control.started(run.runId);
  await scene.end(run.runId);
  expect(scene.notifiers[0].ids).toEqual([]);
  scene.notifiers[0].failures = 1;
  await endedRun(T0900);
  pass(4 * 86_400);
  await scene.control.sweep();
  expect(scene.notifiers[0].ids).toEqual([]);
  expect(await scene.store.list({ unannounced: true, limit: 10 })).toEqual([]);
});

test('a store that fails after the end does not fail the report of it', async () => {
  const { run } = await scene.tick(T0900);
  await scene.store.finish(run.runId, 'succeeded', {}, null);
  const holder = scene.store.holder;
  Object.assign(scene.store, { holder: () => Promise.reject(new Error('gone')) });
  await scene.control.ended(run.runId);
  Object.assign(scene.store, { holder });
  expect(scene.events).toContainEqual(expect.objectContaining({ type: 'trouble' }));
  expect(scene.notifiers[0].types).toContain('run.succeeded');
});
