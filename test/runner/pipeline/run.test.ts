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
  await client.query(`DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int PRIMARY KEY, note text, at timestamptz);
    INSERT INTO orders SELECT g, 'n' || g, now() - interval '1 day' FROM generate_series(1, 100) g`);
});

afterEach(() => loading[Symbol.asyncDispose]());

afterAll(async () => {
  await client?.end();
  await server?.stop();
});

const table = 'public.orders';
const cursor = { strategy: 'transactional', cursor: 'at' } as const;
const merge = { ...cursor, mode: 'merge' as const, key: ['id'] };
const append = { ...cursor, mode: 'append' as const };
const count = async () => Number((await loading.query('SELECT count(*) AS n FROM acme_raw.orders'))[0]?.n);

describe('a transactional source', () => {
  it('appends what is new since the last run, ties and rows without a cursor once', async () => {
    await client.query(`INSERT INTO orders VALUES (500, 'no time', NULL), (501, 'no time', NULL)`);
    expect((await loading.load('orders', { table, load: append })).summary.rows.inserted).toBe(102);
    expect((await loading.load('orders', { table, load: append })).summary.rows).toMatchObject({
      inserted: 0,
      unchanged: 2,
    });
    await client.query(`INSERT INTO orders SELECT g, 'tie', now() FROM generate_series(101, 110) g`);
    await client.query(`INSERT INTO orders VALUES (502, 'no time', NULL)`);
    const { summary } = await loading.load('orders', { table, load: append });
    expect(summary.rows).toMatchObject({ extracted: 13, inserted: 11, unchanged: 2 });
    expect(await count()).toBe(113);
  });

  it('gives rows without a cursor the values of a new column, and does not append them again', async () => {
    await client.query(`INSERT INTO orders VALUES (500, 'no time', NULL), (501, 'no time', NULL)`);
    await loading.load('orders', { table, load: append });
    await client.query(`ALTER TABLE orders ADD COLUMN extra text DEFAULT 'e'`);
    const grown = await loading.load('orders', { table, load: append });
    expect(grown.summary.rows).toMatchObject({ extracted: 2, inserted: 0, updated: 2 });
    const again = await loading.load('orders', { table, load: append });
    expect(again.summary.rows).toMatchObject({ extracted: 2, inserted: 0, unchanged: 2 });
    expect(await count()).toBe(102);
  });

  it('merges changes, sweeps deletes, and stops before it deletes too many', async () => {
    const load = { ...merge, deletes: 'hard' as const };
    await loading.load('orders', { table, load });
    await client.query(`UPDATE orders SET note = 'new', at = now() WHERE id <= 3; DELETE FROM orders WHERE id = 9`);
    const { summary } = await loading.load('orders', { table, load });
    expect(summary.rows).toMatchObject({ extracted: 3, updated: 3, deleted: 1, inserted: 0 });
    await client.query('DELETE FROM orders WHERE id > 50');
    expect(await loading.run('orders', { table, load })).toMatchObject({
      status: 'refused',
      problem: { code: 'BRAKE_DELETES' },
    });
    expect(await count()).toBe(99);
    await loading.load('orders', { table, load }, { yes: true });
    expect(await count()).toBe(49);
  });

  it('follows a new column and a wider one', async () => {
    await loading.load('orders', { table, load: merge });
    await client.query(`ALTER TABLE orders ADD COLUMN extra jsonb; ALTER TABLE orders ALTER COLUMN id TYPE numeric(20,0);
      INSERT INTO orders VALUES (12345678901234567890, 'big', now(), '{"a":1}')`);
    const { summary } = await loading.load('orders', { table, load: merge });
    expect(summary.schemaChanges.map(({ kind }) => kind)).toEqual(['widen', 'add']);
    expect(await loading.query(`SELECT id, extra FROM acme_raw.orders WHERE note = 'big'`)).toEqual([
      { id: '12345678901234567890', extra: '{"a": 1}' },
    ]);
  });
});

describe('a table that another strategy loaded', () => {
  const daily = { strategy: 'catalog', history: 'daily' } as const;
  const replace = { strategy: 'catalog' } as const;

  it.each([
    ['replace → daily', replace, daily],
    ['merge → daily', merge, daily],
    ['daily → replace', daily, replace],
    ['daily → merge', daily, merge],
    ['daily → append', daily, append],
    ['replace → append', replace, append],
  ])('%s is refused before anything is read', async (_, first, second) => {
    await loading.load('orders', { table, load: first });
    const { problem } = await loading.run('orders', { table, load: second });
    expect(problem).toMatchObject({ code: 'STRATEGY_SWITCHED', fix: expect.stringContaining('destination') });
    expect(await count()).toBe(100);
    expect(await loading.query('SELECT count(*) AS n FROM acme_tributary._runs')).toEqual([{ n: '1' }]);
    await loading.load('orders', { table, load: second, destination: { table: 'anew' } });
    expect((await loading.query('SELECT count(*) AS n FROM acme_raw.anew'))[0]?.n).toBe('100');
  });

  it.each([
    ['replace → merge', replace, merge],
    ['merge → append', merge, append],
    ['append → merge', append, merge],
    ['merge → replace', merge, replace],
  ])('%s goes on', async (_, first, second) => {
    await loading.load('orders', { table, load: first });
    await client.query(`INSERT INTO orders VALUES (101, 'new', now())`);
    await loading.load('orders', { table, load: second });
    expect(await count()).toBe(101);
  });
});

describe('a merge by a key that is new to the table', () => {
  const versions = `UPDATE orders SET note = 'v2', at = now() WHERE id = 1`;
  const refused = { code: 'STRATEGY_SWITCHED', detail: expect.stringContaining('the same id') };

  it('is refused where several rows have it', async () => {
    await loading.load('orders', { table, load: append });
    await client.query(versions);
    await loading.load('orders', { table, load: append });
    expect(await loading.run('orders', { table, load: merge })).toMatchObject({ problem: refused });
    expect(await count()).toBe(101);
    await loading.load('orders', { table, load: append });
    await loading.load('orders', { table, load: merge, destination: { table: 'anew' } });
    expect((await loading.query('SELECT count(*) AS n FROM acme_raw.anew'))[0]?.n).toBe('100');
  });

  it('is refused where the key became narrower, and goes on where each row has its own', async () => {
    await client.query(`ALTER TABLE orders DROP CONSTRAINT orders_pkey; INSERT INTO orders VALUES (1, 'other', now())`);
    const wide = { ...merge, key: ['note', 'id'] };
    await loading.load('orders', { table, load: wide });
    expect(await loading.run('orders', { table, load: merge })).toMatchObject({ problem: refused });
    const { summary } = await loading.load('orders', { table, load: { ...merge, key: ['note'] } });
    expect(summary.rows).toMatchObject({ extracted: 0, inserted: 0 });
  });

  it('is refused where the table has no such column', async () => {
    await loading.load('orders', { table, load: append, columns: { exclude: ['id'] } });
    const { problem } = await loading.run('orders', { table, load: merge });
    expect(problem).toMatchObject({ code: 'STRATEGY_SWITCHED', detail: expect.stringContaining('no id') });
  });
});

describe('a catalog source', () => {
  it('gives the same table with several readers', async () => {
    await client.query(`INSERT INTO orders SELECT g, repeat('x', g % 50), now() FROM generate_series(101, 60000) g`);
    const sums = [];
    for (const readers of [1, 2, 4]) {
      await loading.load('orders', { table, execution: { readers } });
      const sum = `SELECT count(*) AS n, sum(hash(id, note, "at")) AS h FROM acme_raw.orders`;
      sums.push((await loading.query(sum))[0]);
    }
    expect(sums).toEqual([sums[0], sums[0], sums[0]]);
    expect(sums[0]?.n).toBe('60000');
  });

  it('stops at an empty or a shrunken snapshot, and goes on when told', async () => {
    await loading.load('orders', { table });
    await client.query('DELETE FROM orders WHERE id > 20');
    expect((await loading.run('orders', { table })).problem?.code).toBe('BRAKE_SHRINK');
    await client.query('DELETE FROM orders');
    expect((await loading.run('orders', { table })).problem?.code).toBe('BRAKE_EMPTY');
    expect(await count()).toBe(100);
    await loading.load('orders', { table }, { yes: true });
    expect(await count()).toBe(0);
  });

  it('commits nothing when a quality test fails', async () => {
    const quality = [{ test: 'accepted_values' as const, column: 'note', values: ['n1'] }];
    const { problem } = await loading.run('orders', { table, quality });
    expect(problem).toMatchObject({ code: 'QUALITY_FAILED', detail: expect.stringContaining('99') });
    expect(await loading.query(`SELECT 1 FROM duckdb_tables() WHERE table_name LIKE '%orders%'`)).toEqual([]);
  });
});
