/** Rows and schemas that are unusual, refused, or stopped by a brake. */
import { describe, expect, test } from 'vitest';
import { append, createOrders, expectRefusal, replace, sceneForTests } from './scene.ts';

const scene = sceneForTests();

describe('unusual tables', () => {
  test('no row at all', async () => {
    await scene.admin.query(createOrders('empty', 0));
    await scene.place.tenant({
      whole: { table: 'public.empty', ...replace },
      orders: { table: 'public.empty', ...append },
    });
    for (const source of ['whole', 'orders', 'whole', 'orders'])
      expect(await scene.place.run(source)).toMatchObject({ code: 0, json: { rows: { extracted: 0, loaded: 0 } } });
    expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 0, 'acme_raw.whole': 0 });
    await scene.admin.query(`INSERT INTO empty VALUES (1, 'first', '1.0')`);
    expect(await scene.place.run('orders')).toMatchObject({ code: 0, json: { rows: { inserted: 1 } } });
  });

  test('nothing but NULLs', async () => {
    await scene.admin.query(`CREATE TABLE nulls (a int, b text, c numeric(10,2), d timestamptz, e jsonb, f bytea, g text[]);
      INSERT INTO nulls SELECT FROM generate_series(1, 3000)`);
    await scene.place.tenant({ orders: { table: 'public.nulls', ...replace } });
    expect(await scene.place.run('orders')).toMatchObject({
      code: 0,
      json: { rows: { extracted: 3000, loaded: 3000 } },
    });
    const filled = await scene.place.ask(
      'SELECT count(*) AS n FROM acme_raw.orders WHERE coalesce(a::VARCHAR, b, c::VARCHAR, d::VARCHAR) IS NOT NULL',
    );
    expect(filled).toEqual([{ n: '0' }]);
  });
});

describe('rows that do not fit', () => {
  const cast = { columns: { types: { price: 'INT64' } } };

  test('more than the threshold: nothing is committed', async () => {
    await scene.admin.query(createOrders('prices', 200));
    await scene.admin.query(`UPDATE prices SET price = CASE WHEN id <= 5 THEN 'a lot' ELSE id::text END`);
    await scene.place.tenant({ orders: { table: 'public.prices', ...replace, ...cast } });
    const ended = await scene.place.run('orders');
    expectRefusal(ended, 2, 'QUARANTINE_OVERFLOW');
    expect(await scene.place.tables()).toEqual({});
    expect(await scene.place.ask('SELECT count(*) AS n FROM acme_tributary._quarantine')).toEqual([{ n: '0' }]);
  });

  test('fewer: they are set aside, exit code 3', async () => {
    await scene.place.tenant({
      orders: { table: 'public.prices', ...replace, ...cast, quarantine: { maxRows: 5, maxRatio: 0.1 } },
    });
    expect(await scene.place.run('orders')).toMatchObject({ code: 3, json: { rows: { loaded: 195, quarantined: 5 } } });
    expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 195 });
    expect(await scene.place.ask('SELECT count(*) AS n FROM acme_tributary._quarantine')).toEqual([{ n: '5' }]);
  });
});

describe('contracts and brakes', () => {
  test.each([
    [
      'a new column',
      { columns: 'freeze' },
      'ALTER TABLE frozen ADD COLUMN more int',
      'ALTER TABLE frozen DROP COLUMN more',
    ],
    ['a changed type', { types: 'freeze' }, 'ALTER TABLE frozen ALTER id TYPE numeric', 'SELECT 1'],
  ])('a frozen contract refuses %s', async (_, contract, change, back) => {
    await scene.admin.query('DROP TABLE IF EXISTS frozen');
    await scene.admin.query(createOrders('frozen', 30));
    await scene.place.tenant({ orders: { table: 'public.frozen', ...replace, contract } });
    expect((await scene.place.run('orders')).code).toBe(0);
    await scene.admin.query(change);
    expectRefusal(await scene.place.run('orders'), 2, 'SCHEMA_FROZEN');
    expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 30 });
    await scene.admin.query(back);
  });

  test('an empty snapshot stops, and goes on with --yes', async () => {
    await scene.admin.query(createOrders('emptied', 30));
    await scene.place.tenant({ orders: { table: 'public.emptied', ...replace } });
    expect((await scene.place.run('orders')).code).toBe(0);
    await scene.admin.query('DELETE FROM emptied WHERE id > 3');
    expectRefusal(await scene.place.run('orders'), 4, 'BRAKE_SHRINK');
    await scene.admin.query('DELETE FROM emptied');
    const braked = await scene.place.run('orders');
    expectRefusal(braked, 4, 'BRAKE_EMPTY');
    expect(braked.json.problem?.fix).toContain('--yes');
    expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 30 });
    expect((await scene.place.run('orders', { arguments: ['--yes'] })).code).toBe(0);
    expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 0 });
  });

  test('too many deletes stop', async () => {
    await scene.admin.query(createOrders('thinned', 30));
    const load = { strategy: 'transactional', mode: 'merge', key: ['id'], cursor: 'stamp', deletes: 'hard' };
    await scene.place.tenant({ orders: { table: 'public.thinned', load } });
    expect((await scene.place.run('orders')).code).toBe(0);
    await scene.admin.query('DELETE FROM thinned WHERE id > 3');
    expectRefusal(await scene.place.run('orders'), 4, 'BRAKE_DELETES');
    expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 30 });
    expect((await scene.place.run('orders', { arguments: ['--yes'] })).code).toBe(0);
    expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 3 });
  });
});
