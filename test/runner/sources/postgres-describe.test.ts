import type pg from 'pg';
import { afterAll, beforeAll, expect, it, describe as suite } from 'vitest';
import type { DatabaseConnection } from '../../../runner/core/database.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { describe } from '../../../runner/sources/postgres/describe.ts';
import { discover } from '../../../runner/sources/postgres/discover.ts';
import { displayName, parseTableName, quoteLiteral, subquery } from '../../../runner/sources/postgres/identifier.ts';
import { sampleRows } from '../../../runner/sources/postgres/sample.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';

let server: PostgresServer;
let client: pg.Client;
let spec: DatabaseConnection;

beforeAll(async () => {
  server = await startPostgres();
  client = await server.client();
  const { host, port, database, user } = server;
  spec = { host, port, database, user, tls: 'disable', name: 'main', tenant: 'acme' };
  await client.query(`CREATE SCHEMA sales; CREATE TYPE sales.mood AS ENUM ('sad', 'ok', 'glad');
    CREATE DOMAIN sales.price AS numeric(12,2) NOT NULL; CREATE DOMAIN sales.net AS sales.price;
    CREATE TABLE sales.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, price sales.net, mood sales.mood,
      tags text[], rates numeric(5,1)[], kind smallint NOT NULL, created_at timestamp(3) NOT NULL,
      updated_at timestamptz NOT NULL);
    CREATE INDEX ON sales.orders (updated_at); COMMENT ON TABLE sales.orders IS 'All orders';
    COMMENT ON COLUMN sales.orders.mood IS 'How it went';
    INSERT INTO sales.orders (price, kind, created_at, updated_at) SELECT 1, 1, now(), now() FROM generate_series(1, 500);
    CREATE TABLE sales."Order.Lines" (a int NOT NULL, b int NOT NULL, c date, UNIQUE (a, b));
    CREATE TABLE sales.events (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE sales.events_1 PARTITION OF sales.events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE TABLE sales.events_2 PARTITION OF sales.events FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
    INSERT INTO sales.events SELECT '2020-06-01' FROM generate_series(1, 300);
    CREATE VIEW sales.recent AS SELECT * FROM sales.orders; CREATE MATERIALIZED VIEW sales.kept AS SELECT 1 AS one;
    CREATE TABLE sales.fresh AS SELECT g FROM generate_series(1, 10) g; ALTER TABLE sales.fresh SET (autovacuum_enabled = off);
    CREATE TEMP TABLE gone (x int);`);
  await client.query('ANALYZE sales.orders; ANALYZE sales.events; ANALYZE sales.kept');
});

afterAll(async () => {
  await client?.end();
  await server?.stop();
});

suite('names', () => {
  it('are read as SQL reads them', () => {
    expect(parseTableName('Sales.Orders')).toEqual({ schema: 'sales', table: 'orders' });
    expect(parseTableName('"a""b"."C.d"')).toEqual({ schema: 'a"b', table: 'C.d' });
    expect(parseTableName('orders')).toEqual({ table: 'orders' });
    expect(displayName({ schema: 'sales', table: 'C.d' })).toBe('sales."C.d"');
    for (const text of ['', 'a.b.c', 'a.', '.a', '"a', 'a"b"']) expect(() => parseTableName(text)).toThrow('USAGE');
  });

  it('and literals are quoted', async () => {
    const odd = `it's \\ "odd"`;
    expect((await client.query(`SELECT ${quoteLiteral(odd)} AS v`)).rows[0].v).toBe(odd);
  });

  it('keep queries that write out', () => {
    expect(subquery('-- note\n SELECT 1;  ')).toBe('(\n-- note\n SELECT 1\n)');
    expect(() => subquery('DELETE FROM x')).toThrow('SOURCE_QUERY_WRITES');
  });
});

suite('discover', () => {
  it('lists what can be read, with partitions counted', async () => {
    const found = new Map((await discover(client)).map((object) => [object.name, object]));
    expect([...found.keys()]).toEqual(
      ['sales."Order.Lines"', 'sales.events', 'sales.fresh', 'sales.kept', 'sales.orders', 'sales.recent'].sort(),
    );
    expect(found.get('sales.events')).toMatchObject({ kind: 'partitioned table', partitions: 2, rows: 300 });
    expect(found.get('sales.orders')).toMatchObject({ rows: 500, comment: 'All orders' });
    expect(found.get('sales.recent')).toMatchObject({ kind: 'view', rows: null, bytes: null });
    expect(found.get('sales.fresh')?.rows).toBeNull();
  });
});

suite('describe', () => {
  it('gives columns, key and ranked cursors', async () => {
    const shape = await describe(client, { table: 'sales.orders' }, spec);
    expect(shape).toMatchObject({ kind: 'table', rows: 500, key: ['id'] });
    const column = (name: string) => shape.columns.find((one) => one.name === name);
    expect(column('price')).toMatchObject({
      sourceType: 'sales.net',
      logical: { kind: 'NUMERIC', precision: 12, scale: 2 },
      nullable: false,
    });
    expect(column('mood')).toMatchObject({ labels: ['sad', 'ok', 'glad'], comment: 'How it went' });
    expect(column('rates')?.sourceType).toBe('numeric(5,1)[]');
    expect(shape.cursorCandidates.map((one) => one.column)).toEqual(['updated_at', 'id', 'created_at', 'kind']);
    expect(shape.cursorCandidates[0]?.reason).toContain('indexed, not null, timestamp with time zone');
  });

  it('takes a unique index where there is no primary key', async () => {
    expect((await describe(client, { table: 'sales."Order.Lines"' }, spec)).key).toEqual(['a', 'b']);
  });

  it('suggests what was meant', async () => {
    const miss = (table: string) => describe(client, { table }, spec).catch((error) => problemOf(error));
    expect(await miss('sales.order')).toMatchObject({ code: 'SOURCE_OBJECT_MISSING' });
    expect(((await miss('sales.order')) as { detail: string }).detail).toContain('Did you mean sales.orders?');
    expect(((await miss('public.ordres')) as { detail: string }).detail).toContain('sales.orders');
    expect(((await miss('sales.Order.Lines')) as { code: string }).code).toBe('USAGE');
  });

  it('describes a query without running it', async () => {
    const shape = await describe(
      client,
      { query: 'SELECT id, price, pg_sleep(60)::text AS z FROM sales.orders;' },
      spec,
    );
    expect(shape.columns.map(({ sourceType }) => sourceType)).toEqual(['bigint', 'numeric(12,2)', 'text']);
    const refused = async (query: string) => problemOf(await describe(client, { query }, spec).catch((error) => error));
    expect((await refused('SELECT 1 AS a, 2 AS a')).detail).toContain('two columns named "a"');
    expect((await refused('SELECT 1) x; DROP TABLE sales.orders; SELECT (1')).code).toBe('SOURCE_QUERY_INVALID');
    expect((await refused('WITH d AS (DELETE FROM sales.orders RETURNING 1) SELECT * FROM d')).code).toBe(
      'SOURCE_QUERY_WRITES',
    );
    expect((await refused('SELECT nope FROM sales.orders')).code).toBe('SOURCE_COLUMN_MISSING');
    expect((await refused('SELECT * FROM nope')).code).toBe('SOURCE_OBJECT_MISSING');
  });

  it('samples texts', async () => {
    expect(await sampleRows(client, 'id::text, mood::text, true', 'sales.orders', 2)).toEqual([
      ['1', null, 't'],
      ['2', null, 't'],
    ]);
  });
});
