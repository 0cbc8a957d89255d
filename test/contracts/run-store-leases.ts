/** One run at a time has a source, whoever dies when. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { HOUR, ids, refused, type Scene, SOURCE } from './run-store-scene.ts';

export function describeLeases(scene: Scene): void {
  const { claim } = scene;
  const held = () => scene.store.holder(SOURCE.tenant, SOURCE.source);
  const abandoned = async () => ids(await scene.store.abandoned(SOURCE.tenant, SOURCE.source));

  describe('lease', () => {
    test('a claim creates a running run', async () => {
      const lease = await claim('r1', 60_000);
      expect(lease).toMatchObject({ ...SOURCE, runId: 'r1', fencingToken: 1 });
      const run = await scene.store.get('r1');
      expect(run).toMatchObject({ ...SOURCE, runId: 'r1', status: 'running', endedAt: null, summary: {} });
      expect(run).toMatchObject({ order: null, execution: null, cancelRequested: false, problem: null });
      const lasts = Date.parse(lease.expiresAt) - Date.parse(run?.startedAt ?? '');
      expect(lasts).toBeGreaterThan(59_000);
      expect(lasts).toBeLessThan(120_000);
    });

    test('a second claim is refused and names the holder', async () => {
      const lease = await claim('r1');
      const problem = await refused(claim('r2'), 'LEASE_HELD');
      const process_ = scene.lacks.processes === undefined ? [String(process.pid), hostname()] : [];
      for (const part of ['r1', 'acme/orders', lease.expiresAt, ...process_]) expect(problem.detail).toContain(part);
      expect(problem.detail).not.toContain('undefined');
      expect(await scene.store.get('r2')).toBeNull();
    });

    test('other sources and tenants are free', async () => {
      await claim('r1');
      await expect(claim('r2', HOUR, { tenant: 'acme', source: 'customers' })).resolves.toBeDefined();
      await expect(claim('r3', HOUR, { tenant: 'other', source: 'orders' })).resolves.toBeDefined();
    });

    test('after a release the next one gets it, with a larger token for ever', async () => {
      const tokens: number[] = [];
      for (let n = 0; n < 5; n++) {
        const lease = await claim(`r${n}`);
        tokens.push(lease.fencingToken);
        await scene.store.release(lease);
      }
      await scene.reopen();
      tokens.push((await claim('r5')).fencingToken);
      expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    });

    test('an expired lease is taken over; its former holder can neither renew nor release', async () => {
      const old = await claim('r1', 30);
      await sleep(60);
      const young = await claim('r2');
      expect(young.fencingToken).toBeGreaterThan(old.fencingToken);
      await refused(scene.store.renew(old, HOUR), 'LEASE_LOST');
      await scene.store.release(old);
      await refused(claim('r3'), 'LEASE_HELD');
      await expect(scene.store.renew(young, HOUR)).resolves.toMatchObject({ fencingToken: young.fencingToken });
    });

    test('a renewal prolongs it, also when it is late and nobody came', async () => {
      const lease = await claim('r1', 30);
      await sleep(60);
      const renewed = await scene.store.renew(lease, HOUR);
      expect(Date.parse(renewed.expiresAt)).toBeGreaterThan(Date.parse(lease.expiresAt));
      expect(renewed).toMatchObject({ fencingToken: lease.fencingToken, cancelRequested: false });
      await refused(claim('r2'), 'LEASE_HELD');
    });

    test('a released lease cannot be renewed', async () => {
      const lease = await claim('r1');
      await scene.store.release(lease);
      await scene.store.release(lease);
      await refused(scene.store.renew(lease, HOUR), 'LEASE_LOST');
    });

    test('who holds it is known while it holds', async () => {
      expect(await held()).toBeNull();
      const short = await claim('r1', 30);
      await sleep(60);
      expect(await held()).toBeNull();
      await scene.store.release(short);
      const lease = await claim('r2');
      expect(await held()).toEqual(lease);
      expect(await scene.store.holder('acme', 'customers')).toBeNull();
      await scene.store.release(lease);
      expect(await held()).toBeNull();
    });

    test('a claim whose answer was lost comes again and gets what it has; another process of the run does not', async () => {
      const first = await scene.store.claim({ ...SOURCE, runId: 'r1', ttlMs: HOUR, claimant: 'a' });
      const again = await scene.store.claim({ ...SOURCE, runId: 'r1', ttlMs: 2 * HOUR, claimant: 'a' });
      expect(again.fencingToken).toBe(first.fencingToken);
      expect(Date.parse(again.expiresAt)).toBeGreaterThan(Date.parse(first.expiresAt));
      await refused(scene.store.claim({ ...SOURCE, runId: 'r1', ttlMs: HOUR, claimant: 'b' }), 'LEASE_HELD');
      await refused(claim('r1'), 'LEASE_HELD');
      await refused(scene.store.claim({ ...SOURCE, runId: 'r2', ttlMs: HOUR, claimant: 'a' }), 'LEASE_HELD');
      await scene.store.finish('r1', 'succeeded', {}, null);
      await refused(scene.store.claim({ ...SOURCE, runId: 'r1', ttlMs: HOUR, claimant: 'a' }), 'USAGE');
    });

    test('a process of a run that is gone is followed by another one of the same run', async () => {
      const first = await claim('r1', 30);
      const started = (await scene.store.get('r1'))?.startedAt;
      await sleep(60);
      const second = await claim('r1');
      expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
      expect(await scene.store.get('r1')).toMatchObject({ status: 'running', startedAt: started });
      await refused(scene.store.renew(first, HOUR), 'LEASE_LOST');
    });

    if (scene.lacks.processes === undefined) {
      test('a living process keeps its lease; a killed one loses it at once', async () => {
        const other = await scene.elsewhere('claim', 'theirs');
        other.go();
        expect(await other.line()).toEqual(['theirs-0']);
        const problem = await refused(claim('mine'), 'LEASE_HELD');
        expect(problem.detail).toContain('theirs-0');
        expect(problem.detail).toContain(String(other.pid));
        expect(await abandoned()).toEqual([]);

        await other.kill();
        expect(await abandoned()).toEqual(['theirs-0']);
        expect((await claim('mine')).fencingToken).toBe(2);
        expect(await abandoned()).toEqual(['theirs-0']);
      });
    } else {
      test('a killed process keeps its lease until it expires', async () => {
        const other = await scene.elsewhere('claim', 'theirs');
        other.go();
        expect(await other.line()).toEqual(['theirs-0']);
        await other.kill();
        await refused(claim('mine'), 'LEASE_HELD');
        expect(await abandoned()).toEqual([]);
      });
    }

    test('killed at any moment of claiming: the next one gets it once the lease has expired, with a larger token', async () => {
      let newest = 0;
      for (let kill = 0; kill < 3; kill++) {
        const other = await scene.elsewhere('churn', `killed-${kill}`);
        other.go();
        for (let n = 0; n < 20; n++) newest = Number(await other.line());
        await sleep(Math.random() * 20);
        await other.kill();
        for (let token = await other.line(); token !== undefined; token = await other.line()) newest = Number(token);
        const mine = await eventually(() => claim(`after-${kill}`));
        expect(mine.fencingToken).toBeGreaterThan(newest);
        newest = mine.fencingToken;
        const running = ids(await scene.store.list({ statuses: ['running'], limit: 10 }));
        expect(running.length).toBeLessThanOrEqual(2);
        expect(await abandoned()).toEqual(running.filter((runId) => runId !== mine.runId));
        for (const runId of running) await scene.store.finish(runId, 'failed', {}, null);
        await scene.store.release(mine);
      }
    });

    test('of fifty that claim at once, one wins', async () => {
      const answers = await scene.fifty('claim');
      expect(answers.filter((given) => given === 'LEASE_HELD')).toHaveLength(49);
      expect(await scene.store.list({ limit: 100 })).toHaveLength(1);
    });
  });
}

/** Again and again while another one has it. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 60_000; ; await sleep(50)) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
