/** Databases whose texts are not all UTF-8: one that checks none, and one that says UTF8 over such bytes. */
import { createHash } from 'node:crypto';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { Loading } from '../pipeline/loading.ts';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(() => server?.stop());

const LATIN = `convert_from('\\x636166e9', 'SQL_ASCII')`;
const TABLE = `CREATE TABLE people (id int PRIMARY KEY, name text, doc jsonb, amount numeric(9,2), born date, raw bytea, at timestamptz);
  INSERT INTO people SELECT g, 'Łódź ' || g, '{"a": "ü"}', g + 0.5, '1999-12-31', '\\x00ff', now() - interval '1 day' FROM generate_series(1, 3000) g;
  UPDATE people SET name = ${LATIN} WHERE id = 7;
  UPDATE people SET name = repeat('long ', 9) || ${LATIN}, raw = NULL WHERE id = 8;
  UPDATE people SET doc = ('{"a": "' || ${LATIN} || '"}')::jsonb WHERE id = 9;
  UPDATE people SET name = ${LATIN}, born = 'infinity' WHERE id = 10`;

const table = 'public.people';
const load = { strategy: 'transactional' as const, mode: 'merge' as const, key: ['id'], cursor: 'at' };
const quarantine = { maxRows: 10, maxRatio: 1 };
const replay = { replay: true };

describe.each([
  ['SQL_ASCII', ''],
  [
    'UTF8 by name only',
    `UPDATE pg_database SET encoding = pg_char_to_encoding('UTF8') WHERE datname = current_database()`,
  ],
])('a database in %s', (encoding, relabel) => {
  const database = encoding === 'SQL_ASCII' ? 'ascii' : 'mislabelled';
  let client: pg.Client;
  let loading: Loading;

  beforeAll(async () => {
    const admin = await server.client();
    await admin.query(`CREATE DATABASE ${database} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`);
    await admin.end();
    client = await server.client({ database });
    await client.query('SET client_encoding TO SQL_ASCII');
    if (relabel !== '') await client.query(relabel);
  });

  beforeEach(async () => {
    await client.query(`DROP TABLE IF EXISTS people; ${TABLE}`);
    loading = new Loading({ ...server, database: database as 'postgres' });
  });

  afterEach(() => loading[Symbol.asyncDispose]());

  afterAll(() => client?.end());

  const kept = async () =>
    (await loading.query('SELECT count(*) AS n, sum(id)::VARCHAR AS ids FROM acme_raw.people'))[0];

  it('its rows that are not UTF-8 go to quarantine, all others are loaded', async () => {
    const { summary } = await loading.load('people', { table, load, quarantine });
    expect(summary.rows).toMatchObject({ extracted: 3000, loaded: 2996, quarantined: 4 });
    expect(await kept()).toEqual({ n: '2996', ids: String((3000 * 3001) / 2 - 7 - 8 - 9 - 10) });
    const found = await loading.query(
      `SELECT reason, "row" ->> 'name' AS name, "row" ->> 'doc' AS doc, "row" ->> 'amount' AS amount, "row" ->> 'born' AS born,
        "row" ->> 'raw' AS raw FROM acme_tributary._quarantine ORDER BY ("row" ->> 'id')::INT`,
    );
    const row = { name: 'caf\\xe9', doc: '{"a": "ü"}', amount: '7.50', born: '1999-12-31', raw: '\\x00ff' };
    expect(found).toEqual([
      { ...row, reason: 'VALUE_OUT_OF_RANGE: name: not valid UTF-8' },
      {
        ...row,
        ...{ reason: 'VALUE_OUT_OF_RANGE: name: not valid UTF-8', amount: '8.50', raw: null },
        name: `${'long '.repeat(9)}caf\\xe9`,
      },
      {
        ...row,
        ...{ reason: 'VALUE_OUT_OF_RANGE: doc: not valid UTF-8', amount: '9.50', name: 'Łódź 9' },
        doc: '{"a": "caf\\xe9"}',
      },
      {
        ...row,
        ...{ amount: '10.50', born: 'infinity' },
        reason: expect.stringMatching(/^VALUE_OUT_OF_RANGE: born: infinity .*; a text of the row is not valid UTF-8$/),
      },
    ]);
  });

  it('what was spelled out for people is never loaded', async () => {
    await loading.load('people', { table, load, quarantine });
    const nothing = await loading.load('people', { table, load, quarantine }, replay);
    expect(nothing.summary.rows).toMatchObject({ extracted: 4, loaded: 0, quarantined: 4 });
    const without = { columns: { exclude: ['born'] } };
    const still = await loading.load('people', { table, load, quarantine, ...without }, replay);
    expect(still.summary.rows).toMatchObject({ extracted: 4, loaded: 0, quarantined: 4 });
    const nullify = { columns: { unrepresentable: { name: 'nullify' as const } } };
    const some = await loading.load('people', { table, load, quarantine, ...nullify }, replay);
    expect(some.summary.rows).toMatchObject({ extracted: 4, loaded: 2, nullified: 2, quarantined: 2 });
    expect(
      await loading.query('SELECT name, amount::VARCHAR AS amount FROM acme_raw.people WHERE id IN (7, 8)'),
    ).toEqual([
      { name: null, amount: '7.50' },
      { name: null, amount: '8.50' },
    ]);
  });

  it('a masked one is loaded as the hash of its bytes', async () => {
    const masked = { columns: { mask: { name: 'sha256' as const } } };
    const { summary } = await loading.load('people', { table, load, quarantine, ...masked });
    expect(summary.rows).toMatchObject({ loaded: 2998, quarantined: 2 });
    const hash = createHash('sha256').update(Buffer.from('café', 'latin1')).digest('hex');
    expect(await loading.query('SELECT name FROM acme_raw.people WHERE id = 7')).toEqual([{ name: hash }]);
  });

  it('corrected at the source, they come with the next run', async () => {
    await loading.load('people', { table, load, quarantine });
    await client.query(
      `UPDATE people SET name = 'café', doc = '{}', born = '2000-01-01', at = now() WHERE id BETWEEN 7 AND 10`,
    );
    const { summary } = await loading.load('people', { table, load, quarantine });
    expect(summary.rows).toMatchObject({ inserted: 4, quarantined: 0 });
  });

  it('too many of them refuse the run, whichever reader met them', async () => {
    const { problem } = await loading.run('people', {
      table,
      load: { strategy: 'catalog' },
      quarantine: { maxRows: 3, maxRatio: 1 },
      execution: { readers: 2 },
    });
    expect(problem).toMatchObject({ code: 'QUARANTINE_OVERFLOW', detail: expect.stringContaining('the limit is 3') });
  });

  it('a key that is not UTF-8 is in no table, and a sweep of deletes goes past it', async () => {
    await client.query(`DROP TABLE IF EXISTS people; CREATE TABLE people (id text PRIMARY KEY, at timestamptz);
      INSERT INTO people SELECT 'k' || g, now() - interval '1 day' FROM generate_series(1, 30) g; INSERT INTO people VALUES (${LATIN}, now())`);
    const sweeping = { ...load, deletes: 'hard' as const };
    await loading.load('people', { table, load: sweeping, quarantine });
    await client.query(`DELETE FROM people WHERE id = 'k3'`);
    const { summary } = await loading.load('people', { table, load: sweeping, quarantine });
    expect(summary.rows).toMatchObject({ deleted: 1 });
    expect(await loading.query('SELECT count(*) AS n FROM acme_raw.people')).toEqual([{ n: '29' }]);
  });
});
