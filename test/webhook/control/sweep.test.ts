import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TributaryError } from '../../../runner/core/errors.ts';
import { acme, openScene, order, pass, type Scene, T0900, T0915 } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene({ launchAttempts: 3 });
  scene.write(acme('{ cron: "*/15 * * * *", paused: true }'));
});
afterEach(() => scene[Symbol.asyncDispose]());

const failing = (times: number) => Array.from({ length: times }, () => 'failed' as const);
const looking = (kind: 'test' | 'up') => scene.control.order({ tenant: 'acme', source: '', order: order(kind) }, null);

describe('a queued run', () => {
  test('that was recorded and never launched is launched once, by one of two sweeps', async () => {
    await scene.store.enqueue({ runId: 'r1', tenant: 'acme', source: 'orders', order: order() });
    const other = await scene.another();
    const reports = await Promise.all([scene.control.sweep(), other.sweep()]);
    expect(reports.flatMap(({ launched }) => launched)).toEqual(['r1']);
    expect(scene.platform.launched).toEqual(['r1']);
    expect((await scene.control.sweep()).launched).toEqual([]);
  });

  test('that was launched by a process that could not write it down is found, not launched again', async () => {
    await scene.store.enqueue({ runId: 'r1', tenant: 'acme', source: 'orders', order: order() });
    await scene.store.claim({ tenant: 'acme', source: 'orders', runId: 'r1', ttlMs: 45_000, reserve: true });
    await scene.store.deduplicate('launch:r1#1', `${new Date().toISOString()}~other`);
    await scene.platform.launch({
      ...{ runId: 'r1', tenant: 'acme', source: 'orders', kind: 'run', traceparent: null },
      ...{ project: 'p', region: 'r' },
    });
    expect((await scene.control.sweep()).launched).toEqual([]);
    pass(60);
    expect((await scene.control.sweep()).launched).toEqual(['r1']);
    expect(scene.platform.launched).toEqual(['r1']);
    expect(await scene.run('r1')).toMatchObject({ execution: 'execution-1' });
  });

  test('whose launches keep failing is tried with growing pauses, then fails and is told of', async () => {
    scene.platform.faults.push(...failing(100));
    const { run } = await scene.tick(T0900);
    const left = () => scene.platform.faults.length;
    const seen = [left()];
    for (let minute = 0; minute < 8; minute++) {
      pass(60);
      await scene.control.sweep();
      seen.push(left());
    }
    // Five tries in each of three attempts: at once, after one minute, after three.
    expect(seen).toEqual([95, 90, 90, 85, 85, 85, 85, 85, 85]);
    expect(await scene.run(run.runId)).toMatchObject({ status: 'failed', problem: { code: 'LAUNCH_FAILED' } });
    expect(scene.notifiers[0].types).toEqual(['run.failed']);
    expect(await scene.store.holder('acme', 'orders')).toBeNull();
  });

  test('whose execution ended before it began fails with what the platform says', async () => {
    const { run } = await scene.tick(T0900);
    const { problem } = new TributaryError('LAUNCH_FAILED', { launcher: 'job', run: 'x', reason: 'out of memory' });
    scene.platform.end('execution-1', 'failed', problem);
    await scene.control.sweep();
    expect(await scene.run(run.runId)).toMatchObject({ status: 'failed', problem: { detail: problem.detail } });
    expect(scene.notifiers[0].types).toEqual(['run.failed']);
    expect(scene.notifiers[0].received[0]?.dataState).toContain('never began');
  });

  test('whose execution is gone is launched again', async () => {
    const { run } = await scene.tick(T0900);
    scene.platform.end('execution-1', 'gone');
    pass(60);
    expect((await scene.control.sweep()).launched).toEqual([run.runId]);
    expect((await scene.run(run.runId)).execution).toBe('execution-2');
    expect((await scene.store.holder('acme', 'orders'))?.runId).toBe(run.runId);
  });

  test('keeps its source while its execution is starting, for an hour and no longer', async () => {
    const { run } = await scene.tick(T0900);
    for (let minute = 0; minute < 58; minute++) {
      pass(60);
      await scene.control.sweep();
      expect((await scene.store.holder('acme', 'orders'))?.runId).toBe(run.runId);
    }
    pass(300);
    await scene.control.sweep();
    expect(await scene.run(run.runId)).toMatchObject({ status: 'failed', problem: { code: 'LAUNCH_FAILED' } });
    expect(scene.platform.cancelled).toEqual(['execution-1']);
  });

  test('whose reservation is over while it is starting gets it again', async () => {
    const { run } = await scene.tick(T0900);
    pass(600);
    expect(await scene.store.holder('acme', 'orders')).toBeNull();
    await scene.control.sweep();
    expect((await scene.store.holder('acme', 'orders'))?.runId).toBe(run.runId);
  });

  test('that its runner takes at the last moment is not declared failed', async () => {
    const { run } = await scene.tick(T0900);
    const status = scene.platform.status.bind(scene.platform);
    scene.platform.status = async (execution) => {
      await scene.begin(run.runId);
      return { ...(await status(execution)), state: 'failed' as const };
    };
    await scene.control.sweep();
    expect(await scene.run(run.runId)).toMatchObject({ status: 'running', problem: null });
  });

  test('behind one that ended unnoticed is started', async () => {
    scene.write(acme('{ cron: "*/15 * * * *", overlap: queue, paused: true }'));
    const { run: first } = await scene.tick(T0900);
    const lease = await scene.begin(first.runId);
    const { run: second } = await scene.tick(T0915);
    await scene.store.finish(first.runId, 'succeeded', {}, null);
    await scene.store.release(lease);
    expect((await scene.control.sweep()).launched).toEqual([second.runId]);
  });

  test('of a tenant that is gone fails in the end, and is in nobody else’s way', async () => {
    await scene.store.enqueue({ runId: 'r1', tenant: 'nobody', source: 'orders', order: order() });
    await scene.store.enqueue({ runId: 'r2', tenant: 'acme', source: 'orders', order: order() });
    expect((await scene.control.sweep()).launched).toEqual(['r2']);
    for (let minute = 0; minute < 8; minute++) {
      pass(60);
      await scene.control.sweep();
    }
    expect(await scene.run('r1')).toMatchObject({ status: 'failed' });
  });
});

describe('a launcher without room', () => {
  test('counts against nobody: runs start in order, one with each that ends', async () => {
    scene.platform.room = 2;
    const ids = ['r1', 'r2', 'r3', 'r4', 'r5'];
    for (const runId of ids) await scene.store.enqueue({ runId, tenant: 'acme', source: '', order: order('up') });
    for (let n = 0; n < 6; n++) await scene.control.sweep();
    expect(scene.platform.launched).toEqual(['r1', 'r2']);
    for (const [n, runId] of ids.entries()) {
      await scene.store.start(runId);
      scene.platform.end(`execution-${n + 1}`, 'succeeded');
      await scene.end(runId);
    }
    expect(scene.platform.launched).toEqual(ids);
  });
});

describe('a running run whose runner is gone', () => {
  test('is told once and not declared failed: the next run asks the warehouse', async () => {
    const { run } = await scene.tick(T0900);
    await scene.begin(run.runId);
    scene.platform.end('execution-1', 'failed');
    expect((await scene.control.sweep()).abandoned).toEqual([]);
    pass(60);
    const other = await scene.another();
    const reports = await Promise.all([scene.control.sweep(), other.sweep()]);
    expect(reports.flatMap(({ abandoned }) => abandoned)).toEqual([run.runId]);
    expect((await scene.control.sweep()).abandoned).toEqual([]);
    expect(await scene.run(run.runId)).toMatchObject({ status: 'running', problem: null });
    const warnings = (await scene.store.events(run.runId)).filter(({ type }) => type === 'warning');
    expect(warnings).toHaveLength(1);
    expect((await scene.tick(T0915)).run.execution).toBe('execution-2');
  });

  test('whose execution nobody wrote down is found, and not called gone', async () => {
    await scene.store.enqueue({ runId: 'r1', tenant: 'acme', source: '', order: order('up') });
    await scene.store.start('r1');
    const place = { project: 'p', region: 'r', traceparent: null };
    await scene.platform.launch({ runId: 'r1', tenant: 'acme', source: '', kind: 'up', ...place });
    expect((await scene.control.sweep()).abandoned).toEqual([]);
    expect(await scene.run('r1')).toMatchObject({ status: 'running', execution: 'execution-1' });
  });

  test('is left alone while its execution lives: it may not reach the webhook', async () => {
    const { run } = await scene.tick(T0900);
    await scene.begin(run.runId);
    scene.platform.end('execution-1', 'running');
    pass(3600);
    expect((await scene.control.sweep()).abandoned).toEqual([]);
  });

  test('fails where it moves no rows', async () => {
    const { run } = await looking('up');
    await scene.store.start(run.runId);
    scene.platform.end('execution-1', 'gone');
    expect((await scene.control.sweep()).abandoned).toEqual([run.runId]);
    expect(await scene.run(run.runId)).toMatchObject({ status: 'failed', problem: { code: 'RUN_ABANDONED' } });
    expect(scene.notifiers[0].types).toEqual(['run.failed']);
  });
});

describe('cancel', () => {
  test('ends a queued run at once, frees its source, stops its execution and starts the next', async () => {
    scene.write(acme('{ cron: "*/15 * * * *", overlap: queue, paused: true }'));
    const { run: first } = await scene.tick(T0900);
    const next = await scene.control.order(
      { tenant: 'acme', source: 'orders', order: order('backfill', { queue: true }) },
      null,
    );
    const cancelled = await scene.control.cancel(first.runId);
    expect(cancelled).toMatchObject({ status: 'interrupted', problem: { code: 'RUN_CANCELLED' } });
    expect(scene.platform.cancelled).toEqual(['execution-1']);
    expect((await scene.store.holder('acme', 'orders'))?.runId).toBe(next.run.runId);
    expect(scene.notifiers[0].types).toEqual(['run.interrupted']);
    expect(await scene.control.cancel(first.runId)).toMatchObject({ status: 'interrupted' });
    expect(scene.notifiers[0].types).toEqual(['run.interrupted']);
  });

  test('while it is being launched stops the execution as soon as it has a name', async () => {
    scene.platform.during = async ({ runId }) => void (await scene.control.cancel(runId));
    const { run } = await scene.tick(T0900);
    expect(run.status).toBe('interrupted');
    expect(scene.platform.cancelled).toEqual(['execution-1']);
    expect(scene.platform.living()).toBe(0);
  });

  test('asks a running run, and cancels its execution only where it does not stop by itself', async () => {
    const { run } = await scene.tick(T0900);
    const lease = await scene.begin(run.runId);
    expect(await scene.control.cancel(run.runId)).toMatchObject({ status: 'running', cancelRequested: true });
    expect(await scene.store.renew(lease, 300_000)).toMatchObject({ cancelRequested: true });
    await scene.control.sweep();
    expect(scene.platform.cancelled).toEqual([]);
    pass(61);
    await scene.control.sweep();
    expect(scene.platform.cancelled).toEqual(['execution-1']);
  });

  test('stops the execution of a running run that has no lease to renew', async () => {
    const { run } = await looking('test');
    await scene.store.start(run.runId);
    expect(await scene.control.cancel(run.runId)).toMatchObject({ status: 'running', cancelRequested: true });
    expect(scene.platform.cancelled).toEqual(['execution-1']);
  });

  test('of an unknown run is refused; of an ended one changes nothing', async () => {
    await expect(scene.control.cancel('nothing')).rejects.toMatchObject({ problem: { code: 'RUN_NOT_FOUND' } });
    const { run } = await scene.tick(T0900);
    await scene.begin(run.runId);
    await scene.end(run.runId);
    expect(await scene.control.cancel(run.runId)).toMatchObject({ status: 'succeeded', cancelRequested: false });
  });
});
