/** Whole replays: a real PostgreSQL whose rows do not fit at first. */
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
  await client.query(`DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int PRIMARY KEY, price numeric, day date,
      raw bytea, doc jsonb, tags text[], at timestamptz);
    INSERT INTO orders SELECT g, CASE WHEN g <= 4 THEN g + 0.5 ELSE g END, '2026-01-01',
      decode('00' || '6162', 'hex'), '{"a": "ü"}', '{x,NULL}', now() - interval '1 day' FROM generate_series(1, 20) g`);
});

afterEach(() => loading[Symbol.asyncDispose]());

afterAll(async () => {
  await client?.end();
  await server?.stop();
});

const table = 'public.orders';
const quarantine = { maxRows: 100, maxRatio: 1 };
const append = { strategy: 'transactional', mode: 'append', cursor: 'at' } as const;
const merge = { ...append, mode: 'merge' as const, key: ['id'] };
const whole = { columns: { types: { price: 'INT64' } } };
const exact = { columns: { types: { price: 'NUMERIC(30,1)' } } };
const replay = { replay: true };
const open = async () =>
  Number((await loading.query('SELECT count(*) AS n FROM acme_tributary._quarantine WHERE replayed_by IS NULL'))[0]?.n);

describe('a replay', () => {
  it.each([append, merge])('loads by $mode what fits after the type was corrected, once', async (load) => {
    const { summary } = await loading.load('orders', { table, load, quarantine, ...whole });
    expect(summary.rows).toMatchObject({ loaded: 16, quarantined: 4 });
    const again = await loading.load('orders', { table, load, quarantine, ...exact }, replay);
    expect(again.summary).toMatchObject({
      mode: 'replay',
      window: null,
      rows: { extracted: 4, staged: 4, loaded: 4, inserted: 4, quarantined: 0 },
      schemaChanges: [{ kind: 'widen', column: 'price' }],
      state: { cursor: summary.window?.to },
    });
    const asked = `SELECT id, price::VARCHAR AS price, day, hex(raw) AS raw, doc, tags, "at"::VARCHAR AS moment FROM acme_raw.orders ORDER BY id`;
    const { rows } =
      await client.query(`SELECT id::text, round(price, 1)::text AS price, day::text, '006162' AS raw, doc::text,
      to_json(tags)::text AS tags, at AT TIME ZONE 'UTC' || '+00' AS moment FROM orders ORDER BY orders.id`);
    expect(await loading.query(asked)).toEqual(rows);
    expect(await open()).toBe(0);
    const third = await loading.load('orders', { table, load, quarantine, ...exact }, replay);
    expect(third.summary.rows).toMatchObject({ extracted: 0, inserted: 0 });
    const runs = await loading.query('SELECT mode FROM acme_tributary._runs ORDER BY started_at');
    expect(runs.map(({ mode }) => mode)).toEqual(['cloud_run', 'replay']);
    await client.query(`INSERT INTO orders (id, price, at) VALUES (99, 1, now())`);
    const next = await loading.load('orders', { table, load, quarantine, ...exact });
    expect(next.summary.rows).toMatchObject({ extracted: 1, inserted: 1 });
  });

  it('leaves what still does not fit, and what the source has renewed since', async () => {
    await client.query(`UPDATE orders SET day = 'infinity' WHERE id = 20`);
    await loading.load('orders', { table, load: merge, quarantine, ...whole });
    await client.query(`UPDATE orders SET price = 100, at = now() WHERE id = 1`);
    await loading.load('orders', { table, load: merge, quarantine, ...whole });
    const { summary } = await loading.load('orders', { table, load: merge, quarantine, ...exact }, replay);
    expect(summary.rows).toMatchObject({ extracted: 5, inserted: 3, updated: 0, unchanged: 1, quarantined: 1 });
    expect(await loading.query('SELECT price::VARCHAR AS price FROM acme_raw.orders WHERE id = 1')).toEqual([
      { price: '100.0' },
    ]);
    const reason = `SELECT id, reason FROM (SELECT "row" ->> 'id' AS id, reason, replayed_by FROM acme_tributary._quarantine) WHERE replayed_by IS NULL`;
    expect(await loading.query(reason)).toEqual([
      { id: '20', reason: expect.stringContaining('VALUE_OUT_OF_RANGE: day: does not fit DATE') },
    ]);
    const nullify = { columns: { ...exact.columns, unrepresentable: { day: 'nullify' as const } } };
    const last = await loading.load('orders', { table, load: merge, quarantine, ...nullify }, replay);
    expect(last.summary.rows).toMatchObject({ inserted: 1, nullified: 1, quarantined: 0 });
    expect(await loading.query('SELECT hex(raw) AS raw, day FROM acme_raw.orders WHERE id = 20')).toEqual([
      { raw: '006162', day: null },
    ]);
  });

  it('never loads what was not masked when it was quarantined', async () => {
    await client.query(`ALTER TABLE orders ADD COLUMN mail text; UPDATE orders SET mail = 'a@example.com'`);
    await loading.load('orders', { table, load: append, quarantine, ...whole });
    const masked = (mail: 'null' | 'redact' | 'hmac-sha256') => ({ columns: { ...exact.columns, mask: { mail } } });
    for (const mask of ['null', 'redact', 'hmac-sha256'] as const) {
      const { summary } = await loading.load('orders', { table, load: append, quarantine, ...masked(mask) }, replay);
      expect(summary.rows).toMatchObject({ loaded: 0, quarantined: 4 });
    }
  });

  it('keeps to the quality tests of rows', async () => {
    const load = append;
    await loading.load('orders', { table, load, quarantine, ...whole });
    const quality = [
      { test: 'row_count' as const, min: 1000 },
      { test: 'range' as const, column: 'price', max: 3 },
    ];
    const refused = await loading.run('orders', { table, load, quarantine, quality, ...exact }, replay);
    expect(refused.problem?.code).toBe('QUALITY_FAILED');
    expect(await open()).toBe(4);
    const columns = await loading.query(`SELECT data_type AS t FROM duckdb_columns() WHERE column_name = 'price'`);
    expect(columns).toEqual([{ t: 'BIGINT' }]);
  });

  it('is nothing for a source that each run reads whole', async () => {
    const { problem } = await loading.run('orders', { table }, replay);
    expect(problem).toMatchObject({ code: 'USAGE', fix: 'Run it: tributary run acme orders' });
  });
});
