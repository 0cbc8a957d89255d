/** What takes a lease away from a run, and what does not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { RunOrder } from '../../../runner/core/contracts/run-order.ts';
import type { RunStore } from '../../../runner/core/contracts/run-store.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { Journal } from '../../../runner/pipeline/journal.ts';
import { holdLease, stopProblem } from '../../../runner/pipeline/lease.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';

const RUN = { tenant: 'acme', source: 'orders', runId: 'r1' };
const RENEWAL_MS = 10_000;
const order: RunOrder = {
  kind: 'run',
  options: {},
  trigger: 'person',
  tick: null,
  requestedBy: null,
  traceparent: null,
};

let folder: string;
let kept: RunStore;
/** The same store, behind a line that may be down. */
let store: RunStore;
let away = false;
let asked = 0;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  folder = mkdtempSync(join(tmpdir(), 'tributary-lease-'));
  kept = openSqliteStore(join(folder, 'runs.sqlite'), { onBehalf: true });
  away = false;
  asked = 0;
  store = {
    ...kept,
    renew: async (lease, ttlMs) => {
      asked += 1;
      if (away) throw new TributaryError('WEBHOOK_UNREACHABLE', { url: 'http://webhook', reason: 'away' });
      return kept.renew(lease, ttlMs);
    },
  };
});
afterEach(async () => {
  vi.useRealTimers();
  await kept[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const renewal = async () => {
  const before = asked;
  await vi.advanceTimersByTimeAsync(RENEWAL_MS);
  expect(asked).toBe(before + 1);
};

it('a store that is away takes nothing, however long; then the lease is renewed', async () => {
  await using held = await holdLease(store, RUN);
  away = true;
  for (let n = 0; n < 10; n += 1) await renewal();
  expect(held.lost.aborted).toBe(false);
  away = false;
  await renewal();
  expect(held.lost.aborted).toBe(false);
  expect((await kept.holder('acme', 'orders'))?.fencingToken).toBe(held.lease.fencingToken);
});

it('a newer run takes it', async () => {
  await using held = await holdLease(store, RUN);
  await kept.renew(held.lease, 0);
  await kept.claim({ ...RUN, runId: 'r2', ttlMs: 60_000 });
  await renewal();
  expect(held.lost.aborted).toBe(true);
  expect(stopProblem(held.lost).code).toBe('LEASE_LOST');
});

it('whoever cancels the run ends it', async () => {
  await kept.enqueue({ ...RUN, order });
  await using held = await holdLease(store, RUN);
  await renewal();
  expect(held.lost.aborted).toBe(false);
  await kept.cancel('r1');
  await renewal();
  expect(stopProblem(held.lost).code).toBe('RUN_CANCELLED');
});

it('of the progress of a step so much is kept as people can read, and all is shown', async () => {
  await kept.enqueue({ ...RUN, order });
  const shown: unknown[] = [];
  const journal = new Journal('r1', kept, (event) => shown.push(event));
  const seconds = 2000;
  for (let second = 0; second < seconds; second += 1) {
    journal.tell('progress', 'extract', { second });
    vi.advanceTimersByTime(1000);
  }
  journal.tell('progress', undefined, { check: 'one' });
  await journal.close('succeeded', {}, null);
  const events = await kept.events('r1');
  const kinds = events.filter(({ step }) => step === 'extract');
  expect(shown).toHaveLength(seconds + 2);
  expect(kinds.length).toBeGreaterThan(50);
  expect(kinds.length).toBeLessThan(250);
  expect(events.slice(-2)).toMatchObject([{ data: { check: 'one' } }, { type: 'run-end' }]);
});
