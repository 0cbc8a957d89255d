/** The run store on a network that loses answers, on machines with wrong clocks, and without a database. */
import { WriteBatch } from '@google-cloud/firestore';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RunStore } from '../../../runner/core/contracts/run-store.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { openFirestoreStore } from '../../../runner/stores/firestore/index.ts';
import { HOUR, ORDER, SOURCE } from '../../contracts/run-store-scene.ts';
import { freePort } from '../../servers/child.ts';
import { type FirestoreServer, startFirestore } from '../../servers/firestore.ts';

let server: FirestoreServer;
let store: RunStore;
let tests = 0;

beforeAll(async () => {
  server = await startFirestore();
});
afterAll(() => server?.stop());

beforeEach(() => {
  store = openFirestoreStore({ project: `faults-${++tests}`, database: '(default)', emulator: server.host });
});
afterEach(async () => {
  vi.useRealTimers();
  await store[Symbol.asyncDispose]();
});

const claim = (runId: string, ttlMs = HOUR) => store.claim({ ...SOURCE, runId, ttlMs });

describe('answers that are lost', () => {
  /** The next commit goes through, and its caller hears that the server is gone. */
  async function losing<T>(body: () => Promise<T>): Promise<T> {
    const { commit } = WriteBatch.prototype;
    let lost = 0;
    const spy = vi.spyOn(WriteBatch.prototype, 'commit').mockImplementation(async function (this: WriteBatch) {
      const results = await commit.call(this);
      if (lost++ === 0) throw Object.assign(new Error('14 UNAVAILABLE: connection reset'), { code: 14 });
      return results;
    });
    try {
      const result = await body();
      expect(lost).toBeGreaterThan(0);
      return result;
    } finally {
      spy.mockRestore();
    }
  }

  test('what was done is done once, and its caller is told so', async () => {
    const run = { ...SOURCE, runId: 'r1', order: ORDER };
    expect(await losing(() => store.enqueue(run))).toMatchObject({ status: 'queued' });
    const reserved = await losing(() => store.claim({ ...SOURCE, runId: 'r1', ttlMs: HOUR, reserve: true }));
    expect(reserved.fencingToken).toBe(1);
    const lease = await losing(() => claim('r1'));
    expect(lease.fencingToken).toBe(2);
    expect(await store.holder('acme', 'orders')).toMatchObject({ fencingToken: 2 });
    await losing(() => store.renew(lease, HOUR));
    await losing(() => store.append({ runId: 'r1', at: '2026-01-01T00:00:00.000Z', type: 'warning' }));
    expect(await store.events('r1')).toHaveLength(1);
    expect(await losing(() => store.cancel('r1'))).toMatchObject({ cancelRequested: true, status: 'running' });
    expect(await losing(() => store.finish('r1', 'succeeded', { rows: 1 }, null))).toBe(true);
    expect(await store.finish('r1', 'succeeded', { rows: 1 }, null)).toBe(false);
    await losing(() => store.release(lease));
    expect(await store.holder('acme', 'orders')).toBeNull();
  });
});

describe('a machine with a wrong clock', () => {
  test.each(['2001-01-01', '2099-01-01'])('neither steals a lease nor keeps one: %s', async (now) => {
    const lease = await claim('r1');
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(now) });
    expect(await claim('r2').catch(problemOf)).toMatchObject({ code: 'LEASE_HELD' });
    expect(await store.holder('acme', 'orders')).toMatchObject({ runId: 'r1' });
    expect(await store.abandoned('acme', 'orders')).toEqual([]);
    const renewed = await store.renew(lease, 2 * HOUR);
    vi.useRealTimers();
    const lasts = Date.parse(renewed.expiresAt) - Date.parse(lease.expiresAt);
    expect(lasts).toBeGreaterThan(HOUR - 1000);
    expect(lasts).toBeLessThan(1.5 * HOUR);
  });
});

describe('retention', () => {
  const fieldsOf = async (path: string) => {
    const parent = `http://${server.host}/v1/projects/faults-${tests}/databases/(default)/documents/${path}`;
    const answer = await fetch(parent, { headers: { authorization: 'Bearer owner' } });
    const { documents = [] } = (await answer.json()) as { documents?: { fields: Record<string, Timed> }[] };
    return documents.map(({ fields }) => fields);
  };
  interface Timed {
    readonly timestampValue?: string;
    readonly nullValue?: null;
  }
  const days = ({ expireAt }: Record<string, Timed>) =>
    Math.round((Date.parse(expireAt?.timestampValue ?? '') - Date.now()) / 86_400_000);

  test('a run goes 90 days after its end, its events too, a tick after seven; what is not ended stays', async () => {
    await claim('r1');
    await store.append({ runId: 'r1', at: '2026-01-01T00:00:00.000Z', type: 'warning' });
    await store.deduplicate('tick', 'r1');
    expect((await fieldsOf('runs')).map(({ expireAt }) => expireAt)).toEqual([{ nullValue: null }]);
    await store.finish('r1', 'succeeded', {}, null);
    expect((await fieldsOf('runs')).map(days)).toEqual([90]);
    expect((await fieldsOf('runs/r1/events')).map(days)).toEqual([90]);
    expect((await fieldsOf('sequences')).map(days)).toEqual([90]);
    expect((await fieldsOf('ticks')).map(days)).toEqual([7]);
    expect((await fieldsOf('leases')).map(({ expireAt }) => expireAt)).toEqual([undefined]);
  });
});

describe('without a database', () => {
  test('a call ends in time, with a code that may be tried again', async () => {
    const emulator = `127.0.0.1:${await freePort()}`;
    await using gone = openFirestoreStore({ project: 'p', database: '(default)', emulator, patienceMs: 500 });
    for (const attempt of [() => gone.get('r1'), () => gone.start('r1'), () => gone.list({ limit: 1 })]) {
      expect(await attempt().catch(problemOf)).toMatchObject({ code: 'STORE_FAILED', retryable: true });
    }
  });

  test('after it is closed, a call fails with a code', async () => {
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    expect(await store.get('r1').catch(problemOf)).toMatchObject({ code: 'STORE_FAILED' });
  });

  test('what is too large is refused, and leaves the run as it was', async () => {
    await claim('r1');
    const summary = { text: 'x'.repeat(1_100_000) };
    expect(await store.finish('r1', 'succeeded', summary, null).catch(problemOf)).toMatchObject({
      code: 'STORE_FAILED',
    });
    expect(await store.get('r1')).toMatchObject({ status: 'running' });
    const event = { runId: 'r1', at: '2026-01-01T00:00:00.000Z', type: 'progress', data: summary } as const;
    expect(await store.append(event).catch(problemOf)).toMatchObject({ code: 'STORE_FAILED' });
    await store.append({ ...event, data: {} });
    expect(await store.events('r1')).toHaveLength(1);
  });
});
