import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { acme, openScene, order, pass, refusal, type Scene, T0900, T0915, T0930 } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene[Symbol.asyncDispose]());

describe('a tick', () => {
  test('becomes a queued run with a reserved source and one execution', async () => {
    const { run, created } = await scene.tick(T0900, { traceparent: '00-trace' });
    expect(created).toBe(true);
    expect(run).toMatchObject({
      status: 'queued',
      execution: 'execution-1',
      order: { kind: 'run', trigger: 'schedule', tick: T0900, requestedBy: 'scheduler@acme.example' },
    });
    expect((await scene.store.holder('acme', 'orders'))?.runId).toBe(run.runId);
    expect(scene.platform.executions.get('execution-1')?.request).toEqual({
      runId: run.runId,
      tenant: 'acme',
      source: 'orders',
      kind: 'run',
      project: 'platform-dev',
      region: 'europe-west1',
      traceparent: '00-trace',
    });
    await scene.begin(run.runId);
    expect(await scene.run(run.runId)).toMatchObject({ status: 'running' });
  });

  test('that comes again is the same run: queued, running and ended; seconds do not matter', async () => {
    const { run } = await scene.tick(T0900);
    const again = async () => {
      const second = await scene.tick('2026-11-24T09:00:07.123Z');
      expect(second).toMatchObject({ created: false, run: { runId: run.runId } });
      return second.run.status;
    };
    expect(await again()).toBe('queued');
    await scene.begin(run.runId);
    expect(await again()).toBe('running');
    await scene.end(run.runId);
    expect(await again()).toBe('succeeded');
    expect(scene.platform.launched).toEqual([run.runId]);
  });

  test('that comes ten times at once is one run and one execution', async () => {
    const others = await Promise.all([scene.another(), scene.another(), scene.another()]);
    const call = { tenant: 'acme', source: 'orders', at: T0900, requestedBy: 'x', traceparent: null };
    const answers = await Promise.all(
      [scene.control, ...others, scene.control, ...others].map((control) => control.trigger(call)),
    );
    expect(new Set(answers.map(({ run }) => run.runId)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(scene.platform.launched).toHaveLength(1);
    expect(await scene.store.list({ limit: 10 })).toHaveLength(1);
  });

  test('without a moment is a new run every time', async () => {
    const { run } = await scene.tick(null);
    await scene.begin(run.runId);
    await scene.end(run.runId);
    expect((await scene.tick(null)).run.runId).not.toBe(run.runId);
  });

  test('of an unknown tenant, source or moment is refused and leaves nothing', async () => {
    await refusal(scene.tick(T0900, { tenant: 'nobody' }), 'TENANT_NOT_FOUND');
    await refusal(scene.tick(T0900, { source: 'nothing' }), 'SOURCE_NOT_FOUND');
    await refusal(scene.tick(T0900, { source: 'constructor' }), 'SOURCE_NOT_FOUND');
    await refusal(scene.tick('soon'), 'REQUEST_INVALID');
    scene.write('tenant: acme\nsources: 3\n');
    await refusal(scene.tick(T0900), 'TENANT_INVALID');
    expect(await scene.store.list({ limit: 10 })).toEqual([]);
  });

  test('that the launcher refuses for good fails, and stays failed', async () => {
    scene.platform.faults.push('refused');
    await refusal(scene.tick(T0900), 'LAUNCH_REFUSED');
    const [run] = await scene.store.list({ limit: 10 });
    expect(run).toMatchObject({ status: 'failed', problem: { code: 'LAUNCH_REFUSED' } });
    expect(await scene.store.holder('acme', 'orders')).toBeNull();
    expect(await scene.tick(T0900)).toMatchObject({ created: false, run: { status: 'failed' } });
    expect((await scene.tick(T0915)).run.status).toBe('queued');
  });

  test('whose launch fails is tried again; a launch whose answer was lost is found, not repeated', async () => {
    scene.platform.faults.push('failed', 'lost');
    const { run } = await scene.tick(T0900);
    expect(run).toMatchObject({ status: 'queued', execution: 'execution-1' });
    expect(scene.platform.launched).toEqual([run.runId]);
  });

  test('whose launch keeps failing stays queued, and is launched by the same tick or by the sweep later', async () => {
    scene.platform.faults.push(...Array.from({ length: 5 }, () => 'failed' as const));
    const { run } = await scene.tick(T0900);
    expect(run).toMatchObject({ status: 'queued', execution: null });
    expect((await scene.tick(T0900)).run.execution).toBeNull();
    pass(60);
    expect((await scene.tick(T0900)).run).toMatchObject({ runId: run.runId, execution: 'execution-1' });
  });
});

describe('a tick while a run goes on', () => {
  test('is left out: refused with the holder, nothing kept; the same tick may start later', async () => {
    const { run: first } = await scene.tick(T0900);
    await scene.begin(first.runId);
    const problem = await refusal(scene.tick(T0915), 'LEASE_HELD');
    expect(problem.detail).toContain(first.runId);
    expect(await scene.store.list({ limit: 10 })).toHaveLength(1);
    expect(scene.events).toContainEqual(expect.objectContaining({ type: 'skipped', tick: T0915, runId: first.runId }));
    await scene.end(first.runId);
    expect(await scene.tick(T0915)).toMatchObject({ created: true, run: { execution: 'execution-2' } });
  });

  test('of many ticks at once one takes the source and the others are left out', async () => {
    const others = await Promise.all([scene.another(), scene.another(), scene.another()]);
    const at = (minute: number) => new Date(Date.parse(T0900) + minute * 60_000).toISOString();
    const answers = await Promise.allSettled(
      Array.from({ length: 12 }, (_, n) =>
        [scene.control, ...others][n % 4]?.trigger({
          ...{ tenant: 'acme', source: 'orders', requestedBy: 'x', traceparent: null },
          at: at(n),
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(scene.platform.launched).toHaveLength(1);
    expect(await scene.store.list({ statuses: ['queued', 'running'], limit: 20 })).toHaveLength(1);
  });

  test('with overlap: queue one run waits, later ticks join it, and it starts when the first ends', async () => {
    scene.write(acme('{ cron: "*/15 * * * *", overlap: queue }'));
    const { run: first } = await scene.tick(T0900);
    await scene.begin(first.runId);
    const second = await scene.tick(T0915);
    expect(second).toMatchObject({ created: true, run: { status: 'queued', execution: null } });
    const third = await scene.tick(T0930);
    expect(third).toMatchObject({ created: false, run: { runId: second.run.runId } });
    await scene.end(first.runId);
    expect(await scene.run(second.run.runId)).toMatchObject({ execution: 'execution-2' });
    // Each tick keeps the answer that it got.
    expect(await scene.tick(T0930)).toMatchObject({ created: false, run: { runId: second.run.runId } });
    expect(await scene.tick(T0915)).toMatchObject({ created: false, run: { runId: second.run.runId } });
    expect(await scene.tick(T0900)).toMatchObject({ created: false, run: { runId: first.runId } });
  });

  test('with overlap: queue ticks that come at once wait as one run', async () => {
    scene.write(acme('{ cron: "*/15 * * * *", overlap: queue }'));
    const { run: first } = await scene.tick(T0900);
    await scene.begin(first.runId);
    const other = await scene.another();
    const call = { tenant: 'acme', source: 'orders', requestedBy: 'x', traceparent: null };
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        (n % 2 === 0 ? scene.control : other).trigger({
          ...call,
          at: new Date(Date.parse(T0915) + n * 60_000).toISOString(),
        }),
      ),
    );
    expect(new Set(answers.map(({ run }) => run.runId)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
  });
});

describe("a person's order", () => {
  const ask = (kind: Parameters<typeof order>[0], options = {}, key: string | null = null, source = 'orders') =>
    scene.control.order({ tenant: 'acme', source, order: order(kind, options) }, key);

  test('is refused while a run goes on, or waits where it was asked to; first in, first out', async () => {
    const { run: first } = await scene.tick(T0900);
    await scene.begin(first.runId);
    await refusal(ask('run'), 'LEASE_HELD');
    const second = (await ask('backfill', { from: 'a', to: 'b', queue: true })).run;
    pass(1);
    const third = (await ask('run', { queue: true })).run;
    expect(new Set([first.runId, second.runId, third.runId]).size).toBe(3);
    await scene.end(first.runId);
    expect(scene.platform.launched).toEqual([first.runId, second.runId]);
    await scene.begin(second.runId);
    await scene.end(second.runId);
    expect(scene.platform.launched).toEqual([first.runId, second.runId, third.runId]);
  });

  test('comes before a tick that finds it waiting', async () => {
    const { run: first } = await scene.tick(T0900);
    await scene.begin(first.runId);
    await ask('backfill', { from: 'a', to: 'b', queue: true });
    // The lease is free, but somebody waits for it.
    await scene.store.release({ ...((await scene.store.holder('acme', 'orders')) ?? expect.fail()) });
    await refusal(scene.tick(T0915), 'LEASE_HELD');
  });

  test('with a key is one run however often it comes, and refused where the key asks for something else', async () => {
    const { run } = await ask('run', {}, 'k1');
    expect(await ask('run', {}, 'k1')).toMatchObject({ created: false, run: { runId: run.runId } });
    const problem = await refusal(ask('run', {}, 'k1', 'stock'), 'KEY_REUSED');
    expect(problem.detail).toContain(run.runId);
    expect(await scene.store.list({ limit: 10 })).toHaveLength(1);
  });

  test.each(['test', 'discover', 'plan', 'preview', 'up'] as const)('%s needs no lease', async (kind) => {
    const { run: holder } = await scene.tick(T0900);
    const { run } = await ask(kind, {}, null, kind === 'plan' ? 'orders' : '');
    expect(run).toMatchObject({ status: 'queued', execution: 'execution-2' });
    expect((await scene.store.holder('acme', 'orders'))?.runId).toBe(holder.runId);
    await scene.store.start(run.runId);
    expect(await scene.run(run.runId)).toMatchObject({ status: 'running' });
  });

  test('of a test names a connection that is there', async () => {
    await refusal(ask('test', { connection: 'nothing' }, null, ''), 'SOURCE_NOT_FOUND');
    expect((await ask('test', { connection: 'shop' }, null, '')).created).toBe(true);
  });
});
