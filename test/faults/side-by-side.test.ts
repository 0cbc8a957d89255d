/** Runs beside each other, and a run that is told to stop. */
import { describe, expect, test } from 'vitest';
import { copying, createOrders, expectRefusal, replace, sceneForTests, slowly } from './scene.ts';

const scene = sceneForTests(createOrders('orders', 1500), createOrders('endless', 30_000));

describe('two runs at once', () => {
  test('of one source: the second is refused and names the first', async () => {
    await scene.place.tenant({ orders: { query: slowly('orders'), ...replace } });
    const first = scene.place.start('orders');
    const { runId } = await first.event(({ type }) => type === 'run-start');
    const second = await scene.place.run('orders');
    expectRefusal(second, 4, 'LEASE_HELD');
    expect(second.json.problem?.detail).toContain(runId);
    expect(await first.ended).toMatchObject({ code: 0, json: { runId, rows: { loaded: 1500 } } });
    expect((await scene.place.run('orders')).code).toBe(0);
    expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 1500 });
  });

  test.each([
    ['one warehouse file', ['both.duckdb', 'both.duckdb']],
    ['two warehouse files', ['one.duckdb', 'two.duckdb']],
  ])('of two tenants on %s: both succeed, rows apart', async (_, files) => {
    await scene.admin.query(`DROP TABLE IF EXISTS others; ${createOrders('others', 700)}`);
    await scene.place.tenant({ orders: { query: slowly('orders'), ...replace } });
    await scene.place.tenant({ orders: { query: slowly('others'), ...replace } }, {}, 'other');
    const [mine = '', theirs = ''] = files.map((file) => `${scene.place.folder}/${file}`);
    const ended = await Promise.all([
      scene.place.run('orders', { warehouse: mine }),
      scene.place.run('orders', { warehouse: theirs, tenant: 'other' }),
    ]);
    expect(ended.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual([0, 0]);
    expect((await scene.place.tables(mine))['acme_raw.orders']).toBe(1500);
    expect((await scene.place.tables(theirs))['other_raw.orders']).toBe(700);
  });
});

describe('Ctrl-C', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s while rows come: 130, and nothing is left', async (signal) => {
    await scene.place.tenant({ orders: { query: slowly('endless'), ...replace } });
    const run = scene.place.start('orders');
    const { runId } = await run.event(({ type, step }) => type === 'step-start' && step === 'extract');
    await copying(scene.admin);
    run.child.kill(signal);
    expectRefusal(await run.ended, 130, 'INTERRUPTED');
    expect(await scene.place.tables()).toEqual({});
    await using store = scene.place.store();
    expect(await store.get(runId)).toMatchObject({ status: 'interrupted' });
    const lease = await store.claim({ tenant: 'acme', source: 'orders', runId: 'next', ttlMs: 1000 });
    expect(lease.fencingToken).toBe(2);
  });

  test('while it connects', async () => {
    await scene.place.tenant({ orders: { query: slowly('endless'), ...replace } });
    const run = scene.place.start('orders');
    await run.event(({ type, step }) => type === 'step-start' && step === 'plan');
    run.child.kill('SIGINT');
    expectRefusal(await run.ended, 130, 'INTERRUPTED');
    expect(await scene.place.tables()).toEqual({});
  });
});
