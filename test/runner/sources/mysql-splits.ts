/** MariaDB for the suite of reads in pieces. */
import { openMysql } from '../../../runner/sources/mysql/index.ts';
import type { ConnectionOf } from '../../../tenants/schema/connection.ts';
import type { SplitsCase, SplitsFixture } from '../../contracts/source-splits.ts';
import { series, startMysql } from '../../servers/mysql.ts';

const AT = `TIMESTAMP'2026-01-01 00:00:00' + INTERVAL seq SECOND`;

const TABLES = `SET time_zone = '+00:00'; SET sql_mode = '';
  CREATE TABLE orders (id int PRIMARY KEY, note text, at timestamp(6) NULL, amount decimal(12,2), raw blob, KEY (at));
  INSERT INTO orders SELECT seq, REPEAT(MD5(seq), 1 + seq % 5), IF(seq % 97 = 0, NULL, ${AT}), seq / 7, UNHEX(MD5(seq))
    FROM ${series(1, 6000)};
  CREATE TABLE none (id int PRIMARY KEY, at datetime, KEY (at));
  CREATE TABLE one (id int PRIMARY KEY, at datetime, KEY (at));
  INSERT INTO one VALUES (1, '2026-01-01 00:00:00');
  CREATE TABLE skewed (id bigint unsigned PRIMARY KEY, at datetime);
  INSERT INTO skewed SELECT IF(seq <= 1800, seq, 18446744073709551000 + seq % 500), ${AT} FROM ${series(1, 2000)};
  CREATE TABLE few (id int, seq bigint NULL, KEY (seq));
  INSERT INTO few SELECT seq, CASE WHEN seq <= 1500 THEN -5 WHEN seq <= 1900 THEN seq ELSE 9000000000000000000 END FROM ${series(1, 2000)};
  INSERT INTO few SELECT seq, NULL FROM ${series(2001, 2007)};
  CREATE TABLE words (word varchar(80) PRIMARY KEY, at datetime(3) NOT NULL);
  INSERT INTO words SELECT IF(seq % 2 = 0, CONCAT('Same-Start-', MD5(seq)), CONCAT(CHAR(200 + seq % 200 USING latin1), '''\\\\"', seq)), ${AT}
    FROM ${series(1, 3000)};
  CREATE TABLE tokens (token binary(16) PRIMARY KEY, at datetime);
  INSERT INTO tokens SELECT UNHEX(MD5(seq)), IF(seq % 100 = 0, '0000-00-00', IF(seq % 101 = 0, NULL, ${AT})) FROM ${series(1, 3000)};
  CREATE TABLE pairs (value decimal(10,2), b int, at datetime, PRIMARY KEY (value, b));
  INSERT INTO pairs SELECT FLOOR(seq / 100) / 10, seq, ${AT} FROM ${series(1, 3000)};
  CREATE TABLE heap (id int, kind enum('b', 'a'), at datetime, KEY (kind));
  INSERT INTO heap VALUES (1, 'b', '2026-01-01 00:00:00');
  CREATE VIEW recent AS SELECT id, at FROM orders;
  ANALYZE TABLE orders, skewed, few, words, tokens, pairs`;

/** What writers do: what they change moves past the bound. */
const WRITES = `
  INSERT INTO orders SELECT MAX(id) + 1, 'new', NOW(6), 1, '' FROM orders;
  UPDATE orders SET note = CONCAT(note, '!'), at = NOW(6) WHERE id % 300 = 1;
  INSERT INTO words SELECT CONCAT('new', COUNT(*)), NOW(3) FROM words;
  UPDATE words SET at = NOW(3) WHERE word LIKE '%7'`;

const SEVERAL = 3;

export const TITLES = [
  'a whole window by the key, with the rows that have no cursor',
  'a small window by its cursor, with the rows that have none',
  'a table without rows',
  'a table of one row',
  'a key of numbers that lie far apart',
  'a cursor of few different values, and no key',
  'a key of texts',
  'a key of bytes, with zero dates as cursor',
  'the first of the columns of a key',
] as const;

function cases(write: () => Promise<unknown>): Record<(typeof TITLES)[number], Omit<SplitsCase, 'name'>> {
  const many = { unity: 'bound', cursor: 'at', most: SEVERAL, least: SEVERAL } as const;
  return {
    'a whole window by the key, with the rows that have no cursor': {
      ...{ ...many, object: { table: 'src.orders' }, nullCursors: true, write },
    },
    'a small window by its cursor, with the rows that have none': {
      ...{ ...many, object: { table: 'orders' }, from: '2026-01-01 01:30:00+00', nullCursors: true },
    },
    'a table without rows': { ...many, object: { table: 'none' }, least: 1, rows: 0 },
    'a table of one row': { ...many, object: { table: 'one' }, least: 1, rows: 1 },
    'a key of numbers that lie far apart': { ...many, object: { table: 'skewed' }, rows: 2000 },
    'a cursor of few different values, and no key': {
      ...{ ...many, object: { table: 'few' }, cursor: 'seq', least: 2, nullCursors: true, rows: 2007 },
    },
    'a key of texts': { ...many, object: { table: 'words' }, write },
    'a key of bytes, with zero dates as cursor': {
      ...{ ...many, object: { table: 'tokens' }, nullCursors: true, rows: 3000, lenient: true },
    },
    'the first of the columns of a key': { ...many, object: { table: 'pairs' }, rows: 3000 },
  };
}

export async function startMysqlSplits(): Promise<SplitsFixture> {
  const server = await startMysql();
  const client = await server.client();
  await client.query(TABLES);
  const { host, port, database, user, password } = server;
  const connection: ConnectionOf<'mysql'> = {
    ...{ kind: 'mysql', tls: 'disable', secret: 'main' },
    ...{ host, port, database, user },
  };
  return {
    open: async () =>
      openMysql(
        { tenant: 'acme', name: 'main', connection, secrets: { get: async () => password } },
        { pieceRows: 100 },
      ),
    cases: Object.entries(cases(() => client.query(WRITES))).map(([name, facts]) => ({ name, ...facts })),
    refused: [
      { name: 'no cursor', object: { table: 'orders' }, why: /cannot share a snapshot of MySQL.*PostgreSQL/ },
      { name: 'a view', object: { table: 'recent' }, cursor: 'at', why: /result of the view anew/ },
      { name: 'a query', object: { query: 'SELECT * FROM orders' }, cursor: 'at', why: /result of the query anew/ },
      { name: 'no index', object: { table: 'heap' }, cursor: 'at', why: /neither at nor a key has an index/ },
    ],
    cut: async () => {
      const [found] = await client.query(
        "SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND user = 'owner'",
      );
      for (const { id } of found as { id: number }[])
        await client.query(`KILL CONNECTION ${id}`).catch(() => undefined);
    },
    async [Symbol.asyncDispose]() {
      await client.end();
      await server.stop();
    },
  };
}
