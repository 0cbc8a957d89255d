/** What every run store keeps to. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunEvent, RunStore } from '../../runner/core/contracts/run-store.ts';
import { problemOf, TributaryError } from '../../runner/core/errors.ts';
import { EACH, type Elsewhere, type Task } from './run-store-process.ts';

const SOURCE = { tenant: 'acme', source: 'orders' };
const HOUR = 3_600_000;

/**
 * @param open opens the store at a place: the path of a file that does not exist yet, fresh for each test; where a
 *   store has no files, any unique name
 * @param elsewhere how a process of its own opens the same store
 */
export function runStoreSuite(
  name: string,
  open: (place: string) => RunStore | Promise<RunStore>,
  elsewhere: Elsewhere,
): void {
  describe(`${name}: run store`, () => {
    let folder: string;
    let place: string;
    let store: RunStore;
    const others: OtherProcess[] = [];

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'tributary-store-'));
      place = join(folder, 'state', 'runs.sqlite');
      store = await open(place);
    });

    afterEach(async () => {
      await Promise.all(others.splice(0).map((other) => other.kill()));
      await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    const claim = (runId: string, ttlMs = HOUR, of: typeof SOURCE = SOURCE) => store.claim({ ...of, runId, ttlMs });
    const elsewhereStart = async (does: Task['does'], label: string, threads: number): Promise<OtherProcess> => {
      const other = startProcess({ ...elsewhere, place, does, label, threads });
      others.push(other);
      expect(await other.line()).toBe('ready');
      return other;
    };
    /** Fifty writers: five processes of ten threads, which have opened the store and start at the same moment. */
    const fifty = async (does: Task['does']): Promise<unknown[]> => {
      const ready = await Promise.all(Array.from({ length: 5 }, (_, n) => elsewhereStart(does, `p${n}`, 10)));
      for (const other of ready) other.go();
      const answers = (await Promise.all(ready.map((other) => other.line()))).flat(1);
      expect(answers).toHaveLength(50);
      return answers;
    };

    describe('lease', () => {
      test('a claim creates a running run', async () => {
        const before = Date.now();
        const lease = await claim('r1', 60_000);
        expect(lease).toMatchObject({ ...SOURCE, runId: 'r1', fencingToken: 1 });
        expect(Date.parse(lease.expiresAt)).toBeGreaterThanOrEqual(before + 60_000);
        const run = await store.get('r1');
        expect(run).toMatchObject({ ...SOURCE, runId: 'r1', status: 'running', endedAt: null, summary: {} });
        expect(run?.problem).toBeNull();
      });

      test('a second claim is refused and names the holder', async () => {
        const lease = await claim('r1');
        const problem = await refused(claim('r2'), 'LEASE_HELD');
        for (const part of ['r1', 'acme/orders', String(process.pid), hostname(), lease.expiresAt]) {
          expect(problem.detail).toContain(part);
        }
        expect(await store.get('r2')).toBeNull();
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
          await store.release(lease);
        }
        await store[Symbol.asyncDispose]();
        store = await open(place);
        tokens.push((await claim('r5')).fencingToken);
        expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
      });

      test('an expired lease is taken over; its former holder can neither renew nor release', async () => {
        const old = await claim('r1', 30);
        await sleep(60);
        const young = await claim('r2');
        expect(young.fencingToken).toBeGreaterThan(old.fencingToken);
        await refused(store.renew(old, HOUR), 'LEASE_LOST');
        await store.release(old);
        await refused(claim('r3'), 'LEASE_HELD');
        await expect(store.renew(young, HOUR)).resolves.toMatchObject({ fencingToken: young.fencingToken });
      });

      test('a renewal prolongs it, also when it is late and nobody came', async () => {
        const lease = await claim('r1', 30);
        await sleep(60);
        const renewed = await store.renew(lease, HOUR);
        expect(Date.parse(renewed.expiresAt)).toBeGreaterThan(Date.parse(lease.expiresAt));
        expect(renewed.fencingToken).toBe(lease.fencingToken);
        await refused(claim('r2'), 'LEASE_HELD');
      });

      test('a released lease cannot be renewed', async () => {
        const lease = await claim('r1');
        await store.release(lease);
        await store.release(lease);
        await refused(store.renew(lease, HOUR), 'LEASE_LOST');
      });

      test('a living process keeps its lease; a killed one loses it at once', async () => {
        const other = await elsewhereStart('claim', 'theirs', 1);
        other.go();
        expect(await other.line()).toEqual(['theirs-0']);
        const problem = await refused(claim('mine'), 'LEASE_HELD');
        expect(problem.detail).toContain('theirs-0');
        expect(problem.detail).toContain(String(other.pid));
        expect(await store.abandoned(SOURCE.tenant, SOURCE.source)).toEqual([]);

        await other.kill();
        expect(ids(await store.abandoned(SOURCE.tenant, SOURCE.source))).toEqual(['theirs-0']);
        expect((await claim('mine')).fencingToken).toBe(2);
        expect(ids(await store.abandoned(SOURCE.tenant, SOURCE.source))).toEqual(['theirs-0']);
      });

      test('of fifty that claim at once, one wins', async () => {
        const answers = await fifty('claim');
        expect(answers.filter((given) => given === 'LEASE_HELD')).toHaveLength(49);
        expect(await store.list({ limit: 100 })).toHaveLength(1);
      });
    });

    describe('runs', () => {
      test('an ended run never changes again', async () => {
        await claim('r1');
        const problem = new TributaryError('RUN_ABANDONED').problem;
        await store.finish('r1', 'failed', { rows: { extracted: 7 }, note: 'ä "quoted"' }, problem);
        const ended = await store.get('r1');
        expect(ended).toMatchObject({ status: 'failed', summary: { rows: { extracted: 7 }, note: 'ä "quoted"' } });
        expect(ended?.problem).toEqual(problem);
        expect(Date.parse(ended?.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(ended?.startedAt ?? ''));
        await store.finish('r1', 'succeeded', {}, null);
        expect(await store.get('r1')).toEqual(ended);
      });

      test('an ended run is not claimed again', async () => {
        const lease = await claim('r1');
        await store.finish('r1', 'succeeded', {}, null);
        await store.release(lease);
        await refused(claim('r1'), 'USAGE');
        await expect(claim('r2')).resolves.toBeDefined();
      });

      test('a run that does not exist', async () => {
        expect(await store.get('nope')).toBeNull();
        expect(await store.events('nope')).toEqual([]);
        await refused(store.finish('nope', 'failed', {}, null), 'RUN_NOT_FOUND');
      });

      test('lists give the newest first, filtered and limited', async () => {
        for (const [n, source] of ['orders', 'customers', 'orders', 'orders'].entries()) {
          await store.release(await claim(`r${n}`, HOUR, { tenant: 'acme', source }));
        }
        await claim('z', HOUR, { tenant: 'other', source: 'orders' });
        expect(ids(await store.list({ limit: 10 }))).toEqual(['z', 'r3', 'r2', 'r1', 'r0']);
        expect(ids(await store.list({ tenant: 'acme', limit: 10 }))).toEqual(['r3', 'r2', 'r1', 'r0']);
        expect(ids(await store.list({ ...SOURCE, limit: 2 }))).toEqual(['r3', 'r2']);
        expect(ids(await store.list({ source: 'orders', limit: 10 }))).toEqual(['z', 'r3', 'r2', 'r0']);
      });

      test('abandoned are those that say running and have no lease', async () => {
        await claim('expired', 30);
        await sleep(60);
        const released = await claim('released');
        await store.release(released);
        const ended = await claim('ended');
        await store.finish('ended', 'succeeded', {}, null);
        await store.release(ended);
        await claim('current');
        expect(ids(await store.abandoned(SOURCE.tenant, SOURCE.source)).sort()).toEqual(['expired', 'released']);
        expect(await store.abandoned('acme', 'customers')).toEqual([]);
        await store.finish('expired', 'interrupted', {}, new TributaryError('RUN_ABANDONED').problem);
        expect(ids(await store.abandoned(SOURCE.tenant, SOURCE.source))).toEqual(['released']);
      });
    });

    describe('events', () => {
      test('come in the order in which they were appended, also from a place in the middle', async () => {
        await claim('r1');
        const given: RunEvent[] = [
          { runId: 'r1', at: '2026-01-01T00:00:02.000Z', type: 'run-start', data: { mode: 'window' } },
          { runId: 'r1', at: '2026-01-01T00:00:01.000Z', type: 'step-start', step: 'extract' },
          { runId: 'r1', at: '2026-01-01T00:00:03.000Z', type: 'progress', step: 'extract', data: { rows: 5 } },
          { runId: 'r1', at: '2026-01-01T00:00:03.000Z', type: 'run-end' },
        ];
        for (const event of given) await store.append(event);
        await store.append({ runId: 'r2', at: '2026-01-01T00:00:00.000Z', type: 'warning' });
        const all = await store.events('r1');
        expect(all.map(({ sequence: _, ...event }) => event)).toEqual(given);
        const sequences = all.map((event) => event.sequence);
        expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
        expect(await store.events('r1', sequences[1])).toEqual(all.slice(2));
        expect(await store.events('r1', sequences[3])).toEqual([]);
      });

      test('fifty writers of one run lose none, and each keeps its order', async () => {
        await fifty('append');
        const all = await store.events('shared');
        expect(all).toHaveLength(50 * EACH);
        expect(new Set(all.map((event) => event.sequence)).size).toBe(50 * EACH);
        const seen = new Map<unknown, number>();
        for (const { data } of all) {
          expect(data?.n).toBe((seen.get(data?.runId) ?? -1) + 1);
          seen.set(data?.runId, Number(data?.n));
        }
        expect(seen.size).toBe(50);
      });
    });

    describe('schedule ticks', () => {
      test('the same tick always gives the first answer', async () => {
        expect(await store.deduplicate('orders@10:00', 'r1')).toBe('r1');
        expect(await store.deduplicate('orders@10:00', 'r2')).toBe('r1');
        expect(await store.deduplicate('orders@11:00', 'r2')).toBe('r2');
      });

      test('fifty writers agree on every tick', async () => {
        const answers = await fifty('deduplicate');
        expect(new Set(answers.map((given) => JSON.stringify(given))).size).toBe(1);
        expect(answers[0]).toHaveLength(EACH);
        expect(await store.deduplicate('tick-0', 'late')).toBe((answers[0] as string[])[0]);
      });
    });
  });
}

interface OtherProcess {
  readonly pid: number | undefined;
  /** What it prints next. */
  line(): Promise<unknown>;
  go(): void;
  /** SIGKILL: no farewell, nothing released. */
  kill(): Promise<void>;
}

function startProcess(task: Task): OtherProcess {
  const program = join(import.meta.dirname, 'run-store-process.ts');
  const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid,
    async line() {
      const { done, value } = await lines.next();
      if (done) throw new Error('The process ended without an answer.');
      return JSON.parse(value);
    },
    go: () => child.stdin.write('go\n'),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function refused(attempt: Promise<unknown>, code: string) {
  const problem = await attempt.then(
    () => {
      throw new Error(`It should have been refused with ${code}.`);
    },
    (error: unknown) => problemOf(error),
  );
  expect(problem).toMatchObject({ code });
  return problem;
}

function ids(runs: readonly { readonly runId: string }[]): string[] {
  return runs.map((run) => run.runId);
}
