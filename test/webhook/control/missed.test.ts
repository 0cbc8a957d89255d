import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { acme, openScene, pass, refusal, type Scene, START, T0900, T0915, T0930 } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
  // The platform has been there for an hour.
  pass(-3600);
  await scene.control.sweep();
  vi.setSystemTime(START);
});
afterEach(() => scene[Symbol.asyncDispose]());

const runs = async () => (await scene.store.list({ limit: 50 })).toReversed();

test('a tick that came is not missed, nor one whose grace is not over', async () => {
  await scene.tick(T0900);
  expect((await scene.control.sweep()).caughtUp).toEqual([]);
  pass(14 * 60);
  await scene.begin((await runs())[0]?.runId ?? '');
  await scene.end((await runs())[0]?.runId ?? '');
  pass(100);
  expect((await scene.control.sweep()).caughtUp).toEqual([]);
});

test('of the ticks of an outage the newest is made up for, once, whoever sweeps; the world hears of it', async () => {
  pass(2 * 3600);
  const other = await scene.another();
  const reports = await Promise.all([scene.control.sweep(), other.sweep()]);
  expect(reports.flatMap(({ caughtUp }) => caughtUp)).toHaveLength(1);
  const [run, ...rest] = await runs();
  expect(rest).toEqual([]);
  expect(run).toMatchObject({
    order: { trigger: 'catch-up', tick: '2026-11-24T10:45:00.000Z', requestedBy: null },
    execution: 'execution-1',
  });
  expect((await scene.control.sweep()).caughtUp).toEqual([]);
  const [notice] = scene.notifiers[0].received;
  expect(notice).toMatchObject({ type: 'schedule.missed', summary: { tick: '2026-11-24T10:45:00.000Z' } });
  expect(scene.notifiers[0].types).toEqual(['schedule.missed']);
  // The call that comes after all is the same run.
  const late = await scene.tick('2026-11-24T10:45:00Z');
  expect(late).toMatchObject({ created: false, run: { runId: run?.runId } });
});

test('a notifier that was not reached hears of the missed tick with the end of the run, the others only once', async () => {
  scene.notifiers[1].failures = 1;
  pass(600);
  const [runId = ''] = (await scene.control.sweep()).caughtUp;
  expect(scene.notifiers.map(({ types }) => types)).toEqual([['schedule.missed'], []]);
  await scene.begin(runId);
  await scene.end(runId);
  expect(scene.notifiers.map(({ types }) => types)).toEqual([
    ['schedule.missed', 'run.succeeded'],
    ['schedule.missed', 'run.succeeded'],
  ]);
});

test.each([
  ['paused', '{ cron: "*/15 * * * *", paused: true }', '2026-11-01T00:00:00.000Z'],
  ['written after its tick', '{ cron: "*/15 * * * *" }', '2026-11-24T09:01:00.000Z'],
  ['due longer than a day ago', '{ cron: "0 3 20 11 *" }', '2026-11-01T00:00:00.000Z'],
])('a schedule that is %s misses nothing', async (_, schedule, updatedAt) => {
  scene.write(acme(schedule), updatedAt);
  pass(600);
  expect((await scene.control.sweep()).caughtUp).toEqual([]);
  expect(await runs()).toEqual([]);
});

test('a platform that has only begun has missed nothing yet', async () => {
  await using young = await openScene();
  pass(600);
  expect((await young.control.sweep()).caughtUp).toEqual([]);
  pass(900);
  expect((await young.control.sweep()).caughtUp).toHaveLength(1);
});

test('a tick that was left out because a run had the source is not made up for', async () => {
  const { run } = await scene.tick(T0900);
  await scene.begin(run.runId);
  await refusal(scene.tick(T0915), 'LEASE_HELD');
  await scene.end(run.runId);
  pass(18 * 60);
  expect((await scene.control.sweep()).caughtUp).toEqual([]);
});

test('a tick that never came while a run had the source is left out as well, or waits with overlap: queue', async () => {
  const { run } = await scene.tick(T0900);
  const lease = await scene.begin(run.runId);
  await scene.store.renew(lease, 7_200_000);
  scene.platform.end('execution-1', 'running');
  pass(18 * 60);
  expect((await scene.control.sweep()).caughtUp).toEqual([]);
  scene.write(acme('{ cron: "*/15 * * * *", overlap: queue }'));
  pass(15 * 60);
  const [waits = ''] = (await scene.control.sweep()).caughtUp;
  expect(await scene.run(waits)).toMatchObject({ status: 'queued', execution: null, order: { tick: T0930 } });
});

test('a tick that was promised a run by a process that died is kept', async () => {
  await scene.store.deduplicate(`acme/orders@${T0900}`, 'promised');
  pass(300);
  expect((await scene.control.sweep()).caughtUp).toEqual(['promised']);
  expect(await scene.run('promised')).toMatchObject({ order: { trigger: 'schedule', tick: T0900 } });
  expect(scene.notifiers[0].types).toEqual([]);
});

test('a tenant whose job is gone is tried once, not with every tick', async () => {
  scene.platform.faults.push('refused', 'refused');
  pass(600);
  await scene.control.sweep();
  pass(3600);
  await scene.control.sweep();
  expect((await runs()).map(({ problem }) => problem?.code)).toEqual(['LAUNCH_REFUSED']);
  expect(scene.platform.faults).toHaveLength(1);
});

test('a run of a later tick shows that the schedule calls', async () => {
  const { run } = await scene.tick('2026-11-24T09:01:00Z');
  await scene.begin(run.runId);
  await scene.end(run.runId);
  pass(300);
  expect((await scene.control.sweep()).caughtUp).toEqual([]);
});

test('a tenant whose file is broken keeps nobody else from being caught up', async () => {
  scene.write('tenant: aaa\nsources: 3\n');
  pass(300);
  expect((await scene.control.sweep()).caughtUp).toHaveLength(1);
  expect(scene.events).toContainEqual(expect.objectContaining({ type: 'trouble', during: 'sweep: missed' }));
});
