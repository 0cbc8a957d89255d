/** Whole backfills: whatever was loaded of a stretch, afterwards it is what the source has, once. */
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { Loading } from './loading.ts';

let server: PostgresServer;
let client: pg.Client;
let loading: Loading;

beforeAll(async () => {
  server = await startPostgres();
  client = await server.client();
});

beforeEach(async () => {
  loading = new Loading(server);
  await client.query(`DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int, note text, at timestamptz, no int);
    INSERT INTO orders SELECT g, 'n' || g, '2026-01-01Z'::timestamptz + g * interval '1 day', g FROM generate_series(0, 9) g`);
});

afterEach(() => loading[Symbol.asyncDispose]());

afterAll(async () => {
  await client?.end();
  await server?.stop();
});

const table = 'public.orders';
const append = { strategy: 'transactional' as const, mode: 'append' as const, cursor: 'at' };
const keyed = { ...append, key: ['id'], lookback: '1h' };
const merge = { ...append, mode: 'merge' as const, key: ['id'] };
const backfill = { from: '2026-01-03', to: '2026-01-06 00:00:00+00' };
const rows = async () =>
  (await loading.query('SELECT id, note FROM acme_raw.orders ORDER BY ALL')).map(({ id, note }) => `${id} ${note}`);
const source = async () =>
  (await client.query('SELECT id, note FROM orders ORDER BY id, note')).rows.map(({ id, note }) => `${id} ${note}`);

describe.each([
  ['append', append],
  ['append with a key', keyed],
  ['append by a number', { ...append, cursor: 'no' }],
  ['merge', merge],
])('%s', (_, load) => {
  const stretch = load.cursor === 'no' ? { from: '2', to: '5' } : backfill;

  it('has the rows of the stretch once, however often it is loaded again', async () => {
    const first = await loading.load('orders', { table, load });
    await client.query(`UPDATE orders SET note = 'corrected' WHERE id = 3`);
    for (const _ of [1, 2]) {
      const { summary } = await loading.load('orders', { table, load }, { backfill: stretch });
      expect(summary.rows).toMatchObject({ extracted: 3, quarantined: 0 });
      expect(summary.state).toEqual(first.summary.state);
      expect(await rows()).toEqual(await source());
    }
    await loading.load('orders', { table, load });
    expect(await rows()).toEqual(await source());
  });

  it('into a table of its own leaves the rest to the next run', async () => {
    await loading.load('orders', { table, load });
    const destination = { table: 'anew' };
    await loading.load('orders', { table, load, destination }, { backfill: stretch });
    const { summary } = await loading.load('orders', { table, load, destination });
    expect(summary.rows.extracted).toBe(10);
    expect(await loading.query('SELECT count(*) AS n FROM acme_raw.anew')).toEqual([{ n: '10' }]);
  });

  it('may come before the first run, and reach past the last', async () => {
    await loading.load('orders', { table, load }, { backfill: stretch });
    expect(await rows()).toEqual(['2 n2', '3 n3', '4 n4']);
    await loading.load('orders', { table, load });
    expect(await rows()).toEqual(await source());
    await client.query(`INSERT INTO orders VALUES (20, 'late', now(), 20)`);
    const past = load.cursor === 'no' ? { from: '9', to: '99' } : { from: '2026-01-10', to: '2999-01-01' };
    await loading.load('orders', { table, load }, { backfill: past });
    expect(await rows()).toEqual(await source());
    await loading.load('orders', { table, load });
    expect(await rows()).toEqual(await source());
  });
});

describe('append', () => {
  it('takes away what the source has no more in the stretch, and replaces the older version of a key elsewhere', async () => {
    await loading.load('orders', { table, load: keyed });
    await client.query(
      `DELETE FROM orders WHERE id = 4; UPDATE orders SET at = '2026-01-04Z', note = 'moved' WHERE id = 8`,
    );
    const { summary } = await loading.load('orders', { table, load: keyed }, { backfill, yes: true });
    expect(summary.rows).toMatchObject({ inserted: 3, deleted: 4, unchanged: 0 });
    expect(await rows()).toEqual(await source());
  });

  it('stops before it takes too many away', async () => {
    await loading.load('orders', { table, load: append });
    await client.query('DELETE FROM orders WHERE id = 4');
    const { status, problem } = await loading.run('orders', { table, load: append }, { backfill });
    expect(status).toBe('refused');
    expect(problem).toMatchObject({ code: 'BRAKE_DELETES', detail: expect.stringContaining('1 of 3 rows') });
    expect(problem?.fix).toContain(
      `tributary backfill acme orders --from '2026-01-03' --to '2026-01-06 00:00:00+00' --yes`,
    );
    expect(await rows()).toHaveLength(10);
    await loading.load('orders', { table, load: append }, { backfill, yes: true });
    expect(await rows()).toEqual(await source());
  });

  it('leaves rows without a cursor alone', async () => {
    await client.query(`INSERT INTO orders VALUES (50, 'no time', NULL, NULL)`);
    await loading.load('orders', { table, load: append });
    const { summary } = await loading.load('orders', { table, load: append }, { backfill });
    expect(summary.rows).toMatchObject({ extracted: 3, inserted: 3, deleted: 3 });
    expect(await rows()).toEqual(await source());
  });

  it.each([
    ['left out', { exclude: ['at'] }],
    ['masked', { mask: { at: 'sha256' as const } }],
    ['of another type', { types: { at: 'STRING' } }],
  ])('is refused where the cursor is %s', async (_, columns) => {
    await loading.load('orders', { table, load: append, columns });
    const { problem } = await loading.run('orders', { table, load: append, columns }, { backfill });
    expect(problem).toMatchObject({ code: 'USAGE', fix: expect.stringContaining('columns.exclude') });
    expect(await rows()).toHaveLength(10);
  });

  it.each(['yesterday', '2026-1-1', '1.5'])('says that %s is no value of a cursor', async (from) => {
    const { problem } = await loading.run('orders', { table, load: append }, { backfill: { ...backfill, from } });
    expect(problem).toMatchObject({ code: 'USAGE', detail: expect.stringContaining(from) });
  });
});
