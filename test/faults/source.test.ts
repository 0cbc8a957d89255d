/** What the source may do to a run: each ends with its code, and the destination is as it was. */
import { describe, expect, test } from 'vitest';
import { CANARY, Place } from './place.ts';
import { copying, createOrders, expectRefusal, openScene, replace, sceneForTests, slowly } from './scene.ts';

const scene = sceneForTests(createOrders('kept', 50));

const kept = { 'acme_raw.orders': 50 };

/** The destination has 50 rows from a run that went well. */
async function loaded(): Promise<void> {
  await scene.place.tenant({ orders: { table: 'public.kept', ...replace } });
  expect((await scene.place.run('orders')).code).toBe(0);
  expect(await scene.place.tables()).toEqual(kept);
}

describe('a source that cannot be read', () => {
  test('unknown host', async () => {
    await loaded();
    await scene.place.tenant({ orders: { table: 'public.kept', ...replace } }, { host: 'db.tributary.invalid' });
    expectRefusal(await scene.place.run('orders'), 2, 'SOURCE_HOST_UNKNOWN');
    expect(await scene.place.tables()).toEqual(kept);
  });

  test('wrong password', async () => {
    await loaded();
    expectRefusal(await scene.place.run('orders', { password: `${CANARY}-not` }), 2, 'SOURCE_AUTHENTICATION');
    expect(await scene.place.tables()).toEqual(kept);
  });

  test('wrong role with the right password', async () => {
    await loaded();
    await scene.place.tenant({ orders: { table: 'public.kept', ...replace } }, { user: 'nobody-here' });
    expectRefusal(await scene.place.run('orders'), 2, 'SOURCE_AUTHENTICATION');
    expect(await scene.place.tables()).toEqual(kept);
  });

  test('missing table', async () => {
    await loaded();
    await scene.place.tenant({ orders: { table: 'public.keptt', ...replace } });
    expectRefusal(await scene.place.run('orders'), 2, 'SOURCE_OBJECT_MISSING');
    expect(await scene.place.tables()).toEqual(kept);
  });

  test('a column dropped between two runs', async () => {
    await scene.admin.query(createOrders('shrinking', 20));
    await scene.place.tenant({ orders: { table: 'public.shrinking', ...replace } });
    expect((await scene.place.run('orders')).code).toBe(0);
    await scene.admin.query('ALTER TABLE shrinking DROP COLUMN price');
    const ended = await scene.place.run('orders');
    expectRefusal(ended, 2, 'SOURCE_COLUMN_MISSING');
    expect(ended.json.problem?.detail).toContain('"price"');
    expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 20 });
  });

  test('a permission revoked between two runs', async () => {
    await scene.admin.query(createOrders('closing', 20));
    await scene.place.tenant({ orders: { table: 'public.closing', ...replace } });
    expect((await scene.place.run('orders')).code).toBe(0);
    await scene.admin.query('REVOKE SELECT ON closing FROM reader');
    expectRefusal(await scene.place.run('orders'), 2, 'SOURCE_PERMISSION');
    expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 20 });
  });
});

describe('a source that goes away in the middle of the COPY', () => {
  test('its session is ended', async () => {
    await scene.place.tenant({ orders: { query: slowly('kept'), ...replace } });
    expect((await scene.place.run('orders')).code).toBe(0);
    await scene.admin.query(createOrders('long', 20_000));
    await scene.place.tenant({ orders: { query: slowly('long'), ...replace } });
    const run = scene.place.start('orders', { arguments: ['--yes'] });
    await scene.admin.query('SELECT pg_terminate_backend($1)', [await copying(scene.admin)]);
    expectRefusal(await run.ended, 2, 'SOURCE_DISCONNECTED');
    expect(await scene.place.tables()).toEqual(kept);
  });

  test('the whole server is killed', async () => {
    const other = await openScene();
    await using disposing = new AsyncDisposableStack();
    disposing.defer(() => other.server.stop());
    await other.admin.query(createOrders('long', 20_000));
    await using there = await Place.make(other.server);
    await there.tenant({ orders: { query: slowly('long'), ...replace } });
    const run = there.start('orders');
    await copying(other.admin);
    process.kill(other.server.pid, 'SIGQUIT');
    expectRefusal(await run.ended, 2, 'SOURCE_DISCONNECTED');
    expect(await there.tables()).toEqual({});
    const again = await there.run('orders');
    expectRefusal(again, 2, 'SOURCE_UNREACHABLE');
    await there.expectSealed();
  });
});
