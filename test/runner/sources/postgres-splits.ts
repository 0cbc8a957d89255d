/** PostgreSQL for the suite of reads in pieces. */
import { openPostgres } from '../../../runner/sources/postgres/index.ts';
import type { ConnectionOf } from '../../../tenants/schema/connection.ts';
import type { SplitsCase, SplitsFixture } from '../../contracts/source-splits.ts';
import { startPostgres } from '../../servers/postgres.ts';

const TABLES = `
  CREATE TABLE orders (id int PRIMARY KEY, note text, at timestamptz, amount numeric(12,2), raw bytea);
  INSERT INTO orders SELECT g, repeat(md5(g::text), 1 + g % 5), CASE WHEN g % 97 = 0 THEN NULL
    ELSE timestamptz '2026-01-01' + g * interval '1 minute 1 microsecond' END, g / 7.0, decode(md5(g::text), 'hex')
    FROM generate_series(1, 6000) g;
  CREATE INDEX ON orders (at);
  CREATE TABLE none (id int PRIMARY KEY, note text);
  CREATE TABLE one (id int PRIMARY KEY, note text);
  INSERT INTO one VALUES (1, 'alone');
  CREATE TABLE parts (id int, region text, note text) PARTITION BY LIST (region);
  CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
  CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b') PARTITION BY RANGE (id);
  CREATE TABLE parts_b1 PARTITION OF parts_b FOR VALUES FROM (0) TO (20);
  CREATE TABLE parts_b2 PARTITION OF parts_b FOR VALUES FROM (20) TO (100000);
  INSERT INTO parts SELECT g, CASE WHEN g % 3 = 0 THEN 'b' ELSE 'a' END, repeat('x', 100) FROM generate_series(1, 4000) g;
  CREATE TABLE skewed (id serial PRIMARY KEY, seq bigint, note text);
  INSERT INTO skewed (seq, note) SELECT CASE WHEN g <= 1500 THEN -5 WHEN g <= 1900 THEN g ELSE 9e18::bigint + g END, g::text
    FROM generate_series(1, 2000) g;
  INSERT INTO skewed (seq, note) SELECT NULL, 'no seq' FROM generate_series(1, 7);
  CREATE INDEX ON skewed (seq);
  CREATE VIEW recent AS SELECT id, at, upper(note) AS note FROM orders WHERE id <= 5000;
  CREATE MATERIALIZED VIEW kept AS SELECT id, note FROM orders;
  CREATE TABLE words (word text COLLATE "C" PRIMARY KEY, note text, hidden text);
  INSERT INTO words SELECT CASE WHEN g % 2 = 0 THEN 'same-start-' || md5(g::text) ELSE chr(100 + g % 2000) || '''\\"' || g END,
    g::text, 'hidden' FROM generate_series(1, 3000) g;
  CREATE TABLE tokens (token uuid PRIMARY KEY, note text, hidden text);
  INSERT INTO tokens SELECT md5(g::text)::uuid, g::text, 'hidden' FROM generate_series(1, 3000) g;
  CREATE TABLE pairs (a numeric, b int, note text, hidden text, PRIMARY KEY (a, b));
  INSERT INTO pairs SELECT (g / 100) / 10.0, g, g::text, 'hidden' FROM generate_series(1, 3000) g;
  CREATE FUNCTION drawn() RETURNS SETOF orders LANGUAGE sql VOLATILE ROWS 6000 AS
    $$ SELECT * FROM orders WHERE random() < 0.5 $$;
  CREATE ROLE clerk LOGIN PASSWORD 'clerk';
  GRANT SELECT (word, note) ON words TO clerk; GRANT SELECT (token, note) ON tokens TO clerk;
  GRANT SELECT (a, b, note) ON pairs TO clerk; GRANT SELECT (note) ON orders TO clerk;
  ANALYZE`;

const WRITES = `
  INSERT INTO orders SELECT max(id) + 1, 'new', clock_timestamp(), 1, '' FROM orders;
  UPDATE orders SET note = note || '!' WHERE id % 300 = 1;
  DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE id % 300 = 2 ORDER BY id LIMIT 3);
  UPDATE orders SET at = NULL WHERE id % 300 = 3; UPDATE orders SET at = now() WHERE at IS NULL AND id % 2 = 0;
  INSERT INTO parts SELECT max(id) + 1, 'a', 'new' FROM parts; DELETE FROM parts WHERE id % 100 = 7;
  UPDATE words SET word = word || 'z' WHERE length(note) = 2;
  DELETE FROM tokens WHERE note LIKE '%77'`;

const SEVERAL = 3;

/** What the owner reads, of tables, views and queries. */
export const OWNER_TITLES = [
  'a table by its pages',
  'an empty table',
  'a table of one row',
  'a partitioned table, whose parts are uneven',
  'a materialized view',
  'a small window by its cursor, with the rows that have none',
  'a whole window, with the rows that have none',
  'a window of few different values',
  'a window of a view',
  'a window of a query',
] as const;

/** What a user reads who sees some columns only. */
export const CLERK_TITLES = ['a key of texts', 'a key of uuids', 'the first of the columns of a key'] as const;

type CaseFacts = Omit<SplitsCase, 'name'>;

function ownerCases(write: () => Promise<unknown>): Record<(typeof OWNER_TITLES)[number], CaseFacts> {
  const many = { unity: 'snapshot', most: SEVERAL, least: SEVERAL, write } as const;
  const few = { unity: 'snapshot', most: SEVERAL, least: 1 } as const;
  const orders = { table: 'public.orders' };
  return {
    'a table by its pages': { ...many, object: orders, rows: 6000 },
    'an empty table': { ...few, object: { table: 'public.none' }, rows: 0 },
    'a table of one row': { ...few, object: { table: 'public.one' }, rows: 1 },
    'a partitioned table, whose parts are uneven': { ...many, object: { table: 'parts' } },
    'a materialized view': { ...many, object: { table: 'kept' }, rows: 6000 },
    'a small window by its cursor, with the rows that have none': {
      ...{ ...many, object: orders, cursor: 'at', from: '2026-01-04 14:00:00+00', nullCursors: true },
    },
    'a whole window, with the rows that have none': { ...many, object: orders, cursor: 'at', nullCursors: true },
    'a window of few different values': {
      ...{ ...few, least: 2, object: { query: 'SELECT * FROM skewed' }, cursor: 'seq', nullCursors: true, rows: 2007 },
    },
    'a window of a view': { ...many, object: { table: 'recent' }, cursor: 'at' },
    'a window of a query': {
      ...{ ...many, object: { query: 'SELECT o.id, o.at, o.amount FROM orders o JOIN kept USING (id)' }, cursor: 'at' },
    },
  };
}

function clerkCases(write: () => Promise<unknown>): Record<(typeof CLERK_TITLES)[number], CaseFacts> {
  const many = { unity: 'snapshot', most: SEVERAL, least: SEVERAL, write } as const;
  return {
    'a key of texts': { ...many, object: { table: 'words' } },
    'a key of uuids': { ...many, object: { table: 'tokens' } },
    'the first of the columns of a key': { ...many, object: { table: 'pairs' }, rows: 3000 },
  };
}

export async function startPostgresSplits(as: 'owner' | 'clerk'): Promise<SplitsFixture> {
  const server = await startPostgres();
  const client = await server.client();
  await client.query(TABLES);
  const { host, port, database } = server;
  const user = as === 'owner' ? server.user : 'clerk';
  const connection: ConnectionOf<'postgres'> = {
    ...{ kind: 'postgres', tls: 'disable', secret: 'main' },
    ...{ host, port, database, user },
  };
  const write = () => client.query(WRITES);
  const cases = as === 'owner' ? ownerCases(write) : clerkCases(write);
  const limited = 'SELECT id, at FROM orders ORDER BY id LIMIT 500';
  return {
    open: async () =>
      openPostgres(
        {
          ...{ tenant: 'acme', name: 'main', connection },
          secrets: { get: async () => (as === 'owner' ? server.password : 'clerk') },
        },
        { pieceRows: 100 },
      ),
    cases: Object.entries(cases).map(([name, facts]) => ({ name, ...facts })),
    refused:
      as === 'owner'
        ? [
            { name: 'a view without a cursor', object: { table: 'recent' }, why: /no pages, and without a cursor/ },
            { name: 'a query without a cursor', object: { query: 'SELECT * FROM orders' }, why: /without a cursor/ },
            {
              name: 'a query of some rows',
              object: { query: limited },
              cursor: 'at',
              why: /all rows together \(Limit\)/,
            },
            {
              ...{ name: 'a volatile function', cursor: 'at', why: /drawn\(\) may give other rows/ },
              object: { query: 'SELECT * FROM drawn()' },
            },
            {
              ...{ name: 'a query that numbers rows', cursor: 'at', why: /\(WindowAgg\)/ },
              object: { query: 'SELECT id, at, row_number() OVER (ORDER BY at) AS n FROM orders' },
            },
          ]
        : [
            {
              name: 'no key that is seen',
              object: { table: 'orders' },
              why: /may not read where its rows lie, and it has no key/,
            },
          ],
    cut: async () => {
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tributary reader'`,
      );
    },
    async [Symbol.asyncDispose]() {
      await client.end();
      await server.stop();
    },
  };
}
