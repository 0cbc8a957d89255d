/** A run from its acceptance to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { TributaryError } from '../../runner/core/errors.ts';
import { HOUR, ids, ORDER, refused, type Scene, SOURCE } from './run-store-scene.ts';

export function describeRuns(scene: Scene): void {
  const { claim, enqueue } = scene;
  const abandoned = async () => ids(await scene.store.abandoned(SOURCE.tenant, SOURCE.source));

  describe('runs', () => {
    test('an accepted run keeps its order; under its id there is no second one', async () => {
      const given = await scene.store.enqueue({ ...SOURCE, runId: 'r1', order: ORDER });
      expect(given).toMatchObject({ ...SOURCE, runId: 'r1', status: 'queued', endedAt: null, execution: null });
      expect(given.order).toEqual(ORDER);
      expect(given.startedAt).toBe(given.createdAt);
      const other = { ...ORDER, kind: 'replay' } as const;
      expect(await scene.store.enqueue({ tenant: 'other', source: 'x', runId: 'r1', order: other })).toEqual(given);
      await claim('r1');
      const running = await scene.store.get('r1');
      expect(running).toMatchObject({ status: 'running', order: ORDER, createdAt: given.createdAt });
      expect(await scene.store.enqueue({ ...SOURCE, runId: 'r1', order: other })).toEqual(running);
    });

    test('it is claimed for its own source only', async () => {
      await enqueue('r1');
      await refused(claim('r1', HOUR, { tenant: 'acme', source: 'customers' }), 'USAGE');
      await refused(claim('r1', HOUR, { tenant: 'other', source: 'orders' }), 'USAGE');
      expect(await scene.store.get('r1')).toMatchObject({ status: 'queued' });
      expect(await scene.store.holder('other', 'orders')).toBeNull();
    });

    test('one without a lease begins once, and is never abandoned', async () => {
      await enqueue('r1', { tenant: 'acme', source: '' });
      await enqueue('r2');
      for (const runId of ['r1', 'r2']) {
        await scene.store.start(runId);
        const started = await scene.store.get(runId);
        expect(started?.status).toBe('running');
        await scene.store.start(runId);
        expect(await scene.store.get(runId)).toEqual(started);
      }
      expect(await abandoned()).toEqual([]);
      await scene.store.finish('r1', 'succeeded', { columns: 3 }, null);
      await scene.store.start('r1');
      expect(await scene.store.get('r1')).toMatchObject({ status: 'succeeded', source: '', summary: { columns: 3 } });
    });

    test('what carries it out is known, also where it ended first', async () => {
      await enqueue('r1');
      await scene.store.launched('r1', 'projects/p/jobs/j/executions/e1');
      expect(await scene.store.get('r1')).toMatchObject({
        execution: 'projects/p/jobs/j/executions/e1',
        status: 'queued',
      });
      await scene.store.finish('r1', 'succeeded', {}, null);
      await scene.store.launched('r1', 'e2');
      expect(await scene.store.get('r1')).toMatchObject({ execution: 'e2', status: 'succeeded' });
    });

    test('an ended run never changes again', async () => {
      await claim('r1');
      const problem = new TributaryError('RUN_ABANDONED').problem;
      const summary = { rows: { extracted: 7 }, note: 'ä "quoted"', lists: [[1], [2, [3]]] };
      expect(await scene.store.finish('r1', 'failed', summary, problem)).toBe(true);
      const ended = await scene.store.get('r1');
      expect(ended).toMatchObject({ status: 'failed', summary });
      expect(ended?.problem).toEqual(problem);
      expect(Date.parse(ended?.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(ended?.startedAt ?? ''));
      expect(await scene.store.finish('r1', 'succeeded', {}, null)).toBe(false);
      expect(await scene.store.finish('r1', 'succeeded', {}, null, 'queued')).toBe(false);
      await scene.store.cancel('r1');
      expect(await scene.store.get('r1')).toEqual(ended);
    });

    test('one that is still queued can be ended without the risk of ending its runner', async () => {
      await enqueue('r1');
      expect(await scene.store.finish('r1', 'failed', {}, null, 'queued')).toBe(true);
      expect(await scene.store.get('r1')).toMatchObject({ status: 'failed' });
      await enqueue('r2');
      await claim('r2');
      expect(await scene.store.finish('r2', 'failed', {}, null, 'queued')).toBe(false);
      expect(await scene.store.get('r2')).toMatchObject({ status: 'running', endedAt: null });
    });

    test('of fifty that end it at once, one did', async () => {
      await claim('shared');
      const answers = await scene.fifty('finishShared');
      expect(answers.filter((given) => given === true)).toHaveLength(1);
      expect(answers.filter((given) => given === false)).toHaveLength(49);
    });

    test('an ended run is not claimed again', async () => {
      const lease = await claim('r1');
      await scene.store.finish('r1', 'succeeded', {}, null);
      await scene.store.release(lease);
      await refused(claim('r1'), 'USAGE');
      await expect(claim('r2')).resolves.toBeDefined();
    });

    test('a cancelled one ends at once while it waits; its runner hears of it when it renews', async () => {
      await enqueue('waiting');
      const ended = await scene.store.cancel('waiting');
      expect(ended).toMatchObject({ status: 'interrupted', cancelRequested: true, problem: { code: 'RUN_CANCELLED' } });
      expect(ended.endedAt).not.toBeNull();
      expect(await scene.store.cancel('waiting')).toEqual(ended);
      expect(await scene.store.get('waiting')).toEqual(ended);

      const lease = await claim('running');
      expect(await scene.store.cancel('running')).toMatchObject({ status: 'running', cancelRequested: true });
      expect(await scene.store.cancel('running')).toMatchObject({ status: 'running', cancelRequested: true });
      expect(await scene.store.renew(lease, HOUR)).toMatchObject({ cancelRequested: true });
      expect(await scene.store.finish('running', 'succeeded', {}, null)).toBe(true);
      expect(await scene.store.get('running')).toMatchObject({ status: 'succeeded', problem: null });
    });

    test('a run that does not exist', async () => {
      const { store } = scene;
      expect(await store.get('nope')).toBeNull();
      expect(await store.events('nope')).toEqual([]);
      for (const attempt of [
        () => store.finish('nope', 'failed', {}, null),
        () => store.start('nope'),
        () => store.launched('nope', 'e'),
        () => store.cancel('nope'),
        () => store.announced('nope'),
        () => store.list({ before: 'nope', limit: 1 }),
      ]) {
        await refused(attempt(), 'RUN_NOT_FOUND');
      }
    });

    test.each(['', 'a/b', '..', '__x__', 'ż ü 日', '%2F', 'r1~', `${'long-'.repeat(400)}`])(
      'any id: %s',
      async (runId) => {
        expect(await scene.store.get(runId)).toBeNull();
        await refused(scene.store.start(runId), 'RUN_NOT_FOUND');
        await enqueue(runId);
        await scene.store.append({ runId, at: '2026-01-01T00:00:00.000Z', type: 'warning' });
        await claim(runId);
        expect(await scene.store.get(runId)).toMatchObject({ runId, status: 'running' });
        expect(await scene.store.events(runId)).toMatchObject([{ runId }]);
        expect(ids(await scene.store.list({ limit: 5 }))).toEqual([runId]);
      },
    );

    test('abandoned are those that had a lease, say running and have it no more', async () => {
      await claim('expired', 30);
      await sleep(60);
      const released = await claim('released');
      await scene.store.release(released);
      const ended = await claim('ended');
      await scene.store.finish('ended', 'succeeded', {}, null);
      await scene.store.release(ended);
      await claim('current');
      await enqueue('waiting');
      expect((await abandoned()).sort()).toEqual(['expired', 'released']);
      expect(await scene.store.abandoned('acme', 'customers')).toEqual([]);
      await scene.store.finish('expired', 'interrupted', {}, new TributaryError('RUN_ABANDONED').problem);
      expect(await abandoned()).toEqual(['released']);
    });
  });

  describe('lists', () => {
    const list = async (filter: Parameters<typeof scene.store.list>[0]) => ids(await scene.store.list(filter));

    test('give the newest first, filtered and limited', async () => {
      for (const [n, source] of ['orders', 'customers', 'orders', 'orders'].entries()) {
        await scene.store.release(await claim(`r${n}`, HOUR, { tenant: 'acme', source }));
      }
      await claim('z', HOUR, { tenant: 'other', source: 'orders' });
      expect(await list({ limit: 10 })).toEqual(['z', 'r3', 'r2', 'r1', 'r0']);
      expect(await list({ tenant: 'acme', limit: 10 })).toEqual(['r3', 'r2', 'r1', 'r0']);
      expect(await list({ ...SOURCE, limit: 2 })).toEqual(['r3', 'r2']);
      expect(await list({ source: 'orders', limit: 10 })).toEqual(['z', 'r3', 'r2', 'r0']);
    });

    test('know statuses', async () => {
      await enqueue('queued');
      await claim('running');
      for (const status of ['succeeded', 'failed', 'refused', 'interrupted'] as const) {
        await enqueue(status, { tenant: 'acme', source: 'customers' });
        await scene.store.finish(status, status, {}, null);
      }
      expect(await list({ statuses: ['queued'], limit: 10 })).toEqual(['queued']);
      expect(await list({ statuses: ['queued', 'running'], limit: 10 })).toEqual(['running', 'queued']);
      expect(await list({ ...SOURCE, statuses: ['running', 'failed'], limit: 10 })).toEqual(['running']);
      expect(await list({ tenant: 'acme', statuses: ['failed', 'refused'], limit: 1 })).toEqual(['refused']);
      expect(await list({ source: 'customers', statuses: ['queued'], limit: 10 })).toEqual([]);
      expect(await list({ statuses: [], limit: 10 })).toEqual([]);
    });

    test('come in pages that lose nothing and repeat nothing while runs are added', async () => {
      for (let n = 0; n < 7; n++) await enqueue(`r${n}`);
      const first = await list({ tenant: 'acme', limit: 3 });
      await enqueue('new');
      const second = await list({ tenant: 'acme', limit: 3, before: first.at(-1) as string });
      const third = await list({ tenant: 'acme', limit: 3, before: second.at(-1) as string });
      expect([...first, ...second, ...third]).toEqual(['r6', 'r5', 'r4', 'r3', 'r2', 'r1', 'r0']);
      expect(await list({ limit: 3, before: 'r0' })).toEqual([]);
      expect(await list({ statuses: ['queued'], limit: 9, before: 'r2' })).toEqual(['r1', 'r0']);
    });

    test('know ends that nobody was told of; a command line has told its own', async () => {
      await scene.store.release(await claim('by-hand'));
      await enqueue('ended');
      await enqueue('waiting');
      await scene.store.finish('by-hand', 'succeeded', {}, null);
      expect(await list({ unannounced: true, limit: 10 })).toEqual([]);
      await scene.store.finish('ended', 'succeeded', {}, null);
      await scene.store.cancel('waiting');
      expect(await list({ unannounced: true, limit: 10 })).toEqual(['waiting', 'ended']);
      const before = await scene.store.get('ended');
      await scene.store.announced('ended');
      await scene.store.announced('ended');
      expect(await list({ unannounced: true, limit: 10 })).toEqual(['waiting']);
      expect(await list({ ...SOURCE, unannounced: true, statuses: ['interrupted'], limit: 10 })).toEqual(['waiting']);
      expect(await scene.store.get('ended')).toEqual(before);
    });
  });
}
