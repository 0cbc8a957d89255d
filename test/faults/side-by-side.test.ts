/** Runs beside each other, and a run that is told to stop. */
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PostgresServer } from '../servers/postgres.ts';
import { copying, createOrders, expectRefusal, openScene, Place, replace, slowly } from './scene.ts';

let server: PostgresServer;
let admin: pg.Client;
let place: Place;
beforeAll(async () => {
  ({ server, admin } = await openScene());
  await admin.query(createOrders('orders', 1500));
  await admin.query(createOrders('endless', 30_000));
});
afterAll(async () => {
  await admin.end();
  await server.stop();
});
beforeEach(async () => {
  place = await Place.make(server);
});
afterEach(async () => {
  await place.expectSealed();
  await place[Symbol.asyncDispose]();
});

describe('two runs at once', () => {
  test('of one source: the second is refused and names the first', async () => {
    await place.tenant({ orders: { query: slowly('orders'), ...replace } });
    const first = place.start('orders');
    const { runId } = await first.event(({ type }) => type === 'run-start');
    const second = await place.run('orders');
    expectRefusal(second, 4, 'LEASE_HELD');
    expect(second.json.problem?.detail).toContain(runId);
    expect(await first.ended).toMatchObject({ code: 0, json: { runId, rows: { loaded: 1500 } } });
    expect((await place.run('orders')).code).toBe(0);
    expect(await place.tables()).toEqual({ 'acme_raw.orders': 1500 });
  });

  test.each([
    ['one warehouse file', ['both.duckdb', 'both.duckdb']],
    ['two warehouse files', ['one.duckdb', 'two.duckdb']],
  ])('of two tenants on %s: both succeed, rows apart', async (_, files) => {
    await admin.query(`DROP TABLE IF EXISTS others; ${createOrders('others', 700)}`);
    await place.tenant({ orders: { query: slowly('orders'), ...replace } });
    await place.tenant({ orders: { query: slowly('others'), ...replace } }, {}, 'other');
    const [mine = '', theirs = ''] = files.map((file) => `${place.folder}/${file}`);
    const ended = await Promise.all([
      place.run('orders', { warehouse: mine }),
      place.run('orders', { warehouse: theirs, tenant: 'other' }),
    ]);
    expect(ended.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0]);
    expect((await place.tables(mine))['acme_raw.orders']).toBe(1500);
    expect((await place.tables(theirs))['other_raw.orders']).toBe(700);
  });
});

describe('Ctrl-C', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s while rows come: 130, and nothing is left', async (signal) => {
    await place.tenant({ orders: { query: slowly('endless'), ...replace } });
    const run = place.start('orders');
    const { runId } = await run.event(({ type, step }) => type === 'step-start' && step === 'extract');
    await copying(admin);
    run.child.kill(signal);
    expectRefusal(await run.ended, 130, 'INTERRUPTED');
    expect(await place.tables()).toEqual({});
    await using store = place.store();
    expect(await store.get(runId)).toMatchObject({ status: 'interrupted' });
    const lease = await store.claim({ tenant: 'acme', source: 'orders', runId: 'next', ttlMs: 1000 });
    expect(lease.fencingToken).toBe(2);
  });

  test('while it connects', async () => {
    await place.tenant({ orders: { query: slowly('endless'), ...replace } });
    const run = place.start('orders');
    await run.event(({ type, step }) => type === 'step-start' && step === 'plan');
    run.child.kill('SIGINT');
    expectRefusal(await run.ended, 130, 'INTERRUPTED');
    expect(await place.tables()).toEqual({});
  });
});
