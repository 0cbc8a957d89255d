/** A source that is kept for a run which another process will carry out. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { HOUR, refused, type Scene, SOURCE } from './run-store-scene.ts';

export function describeReservations(scene: Scene): void {
  const { claim, reserve, enqueue } = scene;
  const held = () => scene.store.holder(SOURCE.tenant, SOURCE.source);

  describe('reservation', () => {
    test('keeps the source while the run stays queued; its runner takes it over', async () => {
      await enqueue('r1');
      const reserved = await reserve('r1');
      expect(await scene.store.get('r1')).toMatchObject({ status: 'queued' });
      expect(await held()).toEqual(reserved);
      await refused(claim('r2'), 'LEASE_HELD');

      const taken = await claim('r1');
      expect(taken.fencingToken).toBeGreaterThan(reserved.fencingToken);
      expect(await scene.store.get('r1')).toMatchObject({ status: 'running' });
      await refused(scene.store.renew(reserved, HOUR), 'LEASE_LOST');
      await scene.store.release(reserved);
      expect(await held()).toEqual(taken);
      await refused(claim('r1'), 'LEASE_HELD');
    });

    test('only one launches it: a second one of the same run is refused until it expires', async () => {
      await enqueue('r1');
      const first = await reserve('r1', 30);
      await sleep(60);
      const second = await reserve('r1');
      expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
      await refused(reserve('r1'), 'LEASE_HELD');
      await refused(scene.store.renew(first, HOUR), 'LEASE_LOST');
      await expect(scene.store.renew(second, 2 * HOUR)).resolves.toMatchObject({ cancelRequested: false });
    });

    test('an expired one leaves the source to others; the run still waits', async () => {
      await enqueue('r1');
      await reserve('r1', 30);
      await sleep(60);
      const other = await claim('r2');
      await refused(claim('r1'), 'LEASE_HELD');
      await refused(reserve('r1'), 'LEASE_HELD');
      expect(await scene.store.get('r1')).toMatchObject({ status: 'queued' });
      await scene.store.release(other);
      await expect(reserve('r1')).resolves.toMatchObject({ runId: 'r1' });
    });

    test('a run nobody has accepted is queued by it', async () => {
      await reserve('r1');
      expect(await scene.store.get('r1')).toMatchObject({ status: 'queued', order: null });
    });

    test('a run that runs or has ended is not reserved', async () => {
      const lease = await claim('r1');
      await refused(reserve('r1'), 'LEASE_HELD');
      await scene.store.release(lease);
      await refused(reserve('r1'), 'USAGE');
      await scene.store.finish('r1', 'succeeded', {}, null);
      await refused(reserve('r1'), 'USAGE');
    });

    test('the end of a queued run frees its source', async () => {
      for (const [n, end] of [
        () => scene.store.cancel('r0'),
        () => scene.store.finish('r1', 'failed', {}, null),
      ].entries()) {
        await enqueue(`r${n}`);
        const reserved = await reserve(`r${n}`);
        await end();
        expect(await held()).toBeNull();
        await refused(scene.store.renew(reserved, HOUR), 'LEASE_LOST');
        await refused(claim(`r${n}`), 'USAGE');
      }
    });

    test('the end of a queued run takes no other run the source', async () => {
      await enqueue('r1');
      const other = await claim('r2');
      await scene.store.cancel('r1');
      expect(await held()).toEqual(other);
    });

    test('it outlives the process that made it', async () => {
      await enqueue('shared');
      const other = await scene.elsewhere('reserveShared', 'theirs');
      other.go();
      expect(await other.line()).toEqual([1]);
      await other.kill();
      expect(await held()).toMatchObject({ runId: 'shared', fencingToken: 1 });
      await refused(claim('mine'), 'LEASE_HELD');
      await expect(claim('shared')).resolves.toMatchObject({ fencingToken: 2 });
    });

    test('of fifty that reserve one run at once, one wins', async () => {
      await enqueue('shared');
      const answers = await scene.fifty('reserveShared');
      expect(answers.filter((given) => given !== 'LEASE_HELD')).toEqual([1]);
      expect(await scene.store.get('shared')).toMatchObject({ status: 'queued' });
    });

    test('of fifty processes of one run, one takes it over', async () => {
      await enqueue('shared');
      await reserve('shared');
      const answers = await scene.fifty('claimShared');
      expect(answers.filter((given) => given !== 'LEASE_HELD')).toEqual([2]);
      expect(await scene.store.get('shared')).toMatchObject({ status: 'running' });
    });
  });
}
