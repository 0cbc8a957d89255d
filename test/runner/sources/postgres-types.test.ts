import { createHash, createHmac } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hmacPads } from '../../../runner/core/mask-key.ts';
import { MASK_INNER, MASK_OUTER, setMaskKey } from '../../../runner/sources/postgres/mask-key.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { Loading, MASK_KEY } from '../pipeline/loading.ts';
import { MISFIT_CASES, TYPE_CASES, TYPE_SETUP } from './postgres-type-cases.ts';

let server: PostgresServer;
let client: pg.Client;
let loading: Loading;

beforeAll(async () => {
  server = await startPostgres();
  client = await server.client();
  loading = new Loading(server);
  await client.query(TYPE_SETUP);
});

afterAll(async () => {
  await client?.end();
  await loading?.[Symbol.asyncDispose]();
  await server?.stop();
});

/** Rows are few here, so any share of them may be rejected. */
const quarantine = { maxRatio: 1 };
const rows = async (table: string, order = 'id') =>
  (await loading.query(`SELECT * EXCLUDE (_run_id, _extracted_at) FROM acme_raw.${table} ORDER BY ${order}`)) as Record<
    string,
    unknown
  >[];
const texts = async (table: string) =>
  (
    await loading.query(`SELECT COLUMNS(* EXCLUDE (_run_id, _extracted_at))::VARCHAR FROM acme_raw.${table} ORDER BY 1`)
  ).map((row) => Object.values(row));
const quarantined = (source: string) =>
  loading.query(
    `SELECT q.column_name, q.reason, q.row::VARCHAR AS "row" FROM acme_tributary._quarantine q
     JOIN acme_tributary._state s USING (source, run_id) WHERE source = '${source}' ORDER BY (q.row->>'id')::BIGINT`,
  );

describe('every type', () => {
  let row: Readonly<Record<string, unknown>>;
  let stored: ReadonlyMap<unknown, unknown>;

  beforeAll(async () => {
    const columns = TYPE_CASES.map(({ type }, i) => `c${i} ${type}`).join(', ');
    await client.query(`CREATE TABLE every (${columns})`);
    await client.query(`INSERT INTO every VALUES (${TYPE_CASES.map(({ value }) => value).join(', ')})`);
    await loading.load('every', { table: 'public.every' });
    const shown = TYPE_CASES.map(({ show }, i) => `${show === 'hex' ? `hex(c${i})` : `c${i}::VARCHAR`} AS c${i}`);
    row = (await loading.query(`SELECT ${shown.join(', ')} FROM acme_raw.every`))[0] ?? {};
    const types = await loading.query(
      `SELECT column_name AS name, data_type AS type FROM duckdb_columns() WHERE table_name = 'every'`,
    );
    stored = new Map(types.map(({ name, type }) => [name, type]));
  });

  it.each(TYPE_CASES.map((one, i) => [one.type, one.value.slice(0, 60), i] as const))(
    '%s of %s',
    (_type, _value, i) => {
      expect(row[`c${i}`]).toBe(TYPE_CASES[i]?.found);
      expect(stored.get(`c${i}`)).toBe(TYPE_CASES[i]?.stored);
    },
  );
});

describe('a value that no type holds', () => {
  const columns = MISFIT_CASES.map((_, i) => `c${i}`);

  beforeAll(async () => {
    await client.query(
      `CREATE TABLE misfits (id int, note text, ${MISFIT_CASES.map(({ type }, i) => `c${i} ${type}`).join(', ')})`,
    );
    for (const [i, { value }] of MISFIT_CASES.entries())
      await client.query(`INSERT INTO misfits (id, note, c${i}) VALUES (${i}, 'row "${i}"', ${value})`);
    await client.query(`INSERT INTO misfits (id, note) VALUES (1000, 'fits')`);
  });

  it('sends the row to quarantine as JSON with the reason', async () => {
    const { summary } = await loading.load('misfits', { table: 'public.misfits', quarantine });
    expect(summary.rows).toMatchObject({
      extracted: MISFIT_CASES.length + 1,
      loaded: 1,
      quarantined: MISFIT_CASES.length,
    });
    expect(await rows('misfits')).toMatchObject([{ id: '1000', note: 'fits' }]);
    const found = await quarantined('misfits');
    expect(found).toHaveLength(MISFIT_CASES.length);
    for (const [i, { text, reason }] of MISFIT_CASES.entries()) {
      expect(found[i]).toMatchObject({ column_name: `c${i}`, reason: expect.stringMatching(reason) });
      expect(found[i]?.reason).toMatch(/^VALUE_OUT_OF_RANGE: c\d+: /);
      const original = JSON.parse(String(found[i]?.row));
      expect(original).toMatchObject({ id: String(i), note: `row "${i}"`, [`c${i}`]: text });
      expect(Object.keys(original)).toEqual(['id', 'note', ...columns]);
    }
  });

  it('becomes a counted NULL where the tenant file says so', async () => {
    const nullify = Object.fromEntries(columns.map((name) => [name, 'nullify' as const]));
    const { summary } = await loading.load('nullified', {
      table: 'public.misfits',
      columns: { unrepresentable: nullify },
    });
    const count = MISFIT_CASES.length;
    expect(summary.rows).toMatchObject({ loaded: count + 1, quarantined: 0, nullified: count });
    for (const row of await rows('nullified'))
      expect(columns.map((name) => row[name])).toEqual(columns.map(() => null));
  });

  it('fails the run above the threshold, with nothing loaded', async () => {
    const strict = await loading.run('strict', { table: 'public.misfits', quarantine: { maxRows: 3, maxRatio: 1 } });
    expect(strict.problem?.code).toBe('QUARANTINE_OVERFLOW');
    expect(await loading.query(`SELECT 1 FROM duckdb_tables() WHERE table_name LIKE '%strict%'`)).toEqual([]);
  });

  it('stops the reader long before it has read everything', async () => {
    await client.query(`CREATE TABLE endless AS SELECT 'NaN'::numeric AS n FROM generate_series(1, 300000)`);
    const outcome = await loading.run('endless', { table: 'public.endless', quarantine: { maxRows: 10, maxRatio: 1 } });
    expect(outcome.problem?.code).toBe('QUARANTINE_OVERFLOW');
    expect(outcome.problem?.detail).toContain('NaN');
  });
});

describe('names', () => {
  it('that are quoted, not ASCII, equal but for case, or reserved arrive under safe ones', async () => {
    await client.query(`CREATE SCHEMA "Größe"; CREATE TABLE "Größe"."Bestell ""Nr"".x"
      ("Id" int, "a""b" text, "zażółć" text, "select" int, "A" int, "a" int, "_run_id" int, "🙂" int, "x'y\\" int)`);
    await client.query(`INSERT INTO "Größe"."Bestell ""Nr"".x" VALUES (1, 'q', 'ż', 2, 3, 4, 5, 6, 7)`);
    await loading.load('names', { table: '"Größe"."Bestell ""Nr"".x"' });
    const [row] = await rows('names', '1');
    expect(Object.values(row ?? {})).toEqual(['1', 'q', 'ż', '2', '3', '4', '5', '6', '7']);
    expect(Object.keys(row ?? {})).toEqual(expect.arrayContaining(['Id', 'a_b', 'zazolc', 'select', 'a', 'c_run_id']));
  });

  it('of generated and identity columns are read like others, of dropped ones not', async () => {
    await client.query(`CREATE TABLE generated (id int GENERATED ALWAYS AS IDENTITY, gone text, n int,
      twice int GENERATED ALWAYS AS (n * 2) STORED); ALTER TABLE generated DROP COLUMN gone;
      INSERT INTO generated (n) VALUES (21)`);
    await loading.load('generated', { table: 'generated' });
    expect(await rows('generated')).toEqual([{ id: '1', n: '21', twice: '42' }]);
  });
});

describe('a table', () => {
  it('without rows, with one row, and of NULLs only', async () => {
    await client.query(`CREATE TABLE nobody (a int, b text, c numeric); CREATE TABLE single AS SELECT 1 AS a, 'x' AS b;
      CREATE TABLE nulls (a int, b text, c numeric, d timestamptz, e bytea, f jsonb, g bool);
      INSERT INTO nulls SELECT FROM generate_series(1, 5000)`);
    const { summary } = await loading.load('nobody', { table: 'nobody' });
    expect(summary.rows.extracted).toBe(0);
    expect(await loading.query('SELECT count(*)::INT AS n FROM acme_raw.nobody')).toEqual([{ n: 0 }]);
    await loading.load('single', { table: 'single' });
    expect(await texts('single')).toEqual([['1', 'x']]);
    await loading.load('nulls', { table: 'nulls' });
    const counts =
      'count(*)::INT n, (count(a) + count(b) + count(c) + count(d) + count(e) + count(f) + count(g))::INT m';
    expect(await loading.query(`SELECT ${counts} FROM acme_raw.nulls`)).toEqual([{ n: 5000, m: 0 }]);
  });

  it('of 300 columns arrives value by value', async () => {
    const kinds = [
      (c: number) => `CASE WHEN (g + ${c}) % 7 <> 0 THEN g * ${c} - 5000 END AS c${c}`,
      (c: number) => `CASE WHEN (g + ${c}) % 5 <> 0 THEN repeat('é' || g, (g + ${c}) % 9) END AS c${c}`,
      (c: number) => `(CASE WHEN (g + ${c}) % 3 <> 0 THEN g * ${c}.25 - 7000 END)::numeric(14,3) AS c${c}`,
      (c: number) =>
        `CASE WHEN g % 4 <> 0 THEN '2000-01-01'::timestamp + g * ${c} * interval '1.000001 s' END AS c${c}`,
      (c: number) => `CASE WHEN g % 6 <> 0 THEN md5((g + ${c})::text)::uuid END AS c${c}`,
      (c: number) => `(g + ${c}) % 2 = 0 AS c${c}`,
    ];
    const list = Array.from({ length: 300 }, (_, c) => kinds[c % kinds.length]?.(c)).join(', ');
    await client.query(`CREATE TABLE wide AS SELECT g AS id, ${list} FROM generate_series(1, 5000) g`);
    const { summary } = await loading.load('wide', { table: 'wide' });
    expect(summary.rows.loaded).toBe(5000);
    const text = (c: number, stamp: string, bool: string) =>
      c % 6 === 3 ? stamp : c % 6 === 5 ? bool : `CAST(c${c} AS varchar)`;
    const all = (stamp: (c: number) => string, bool: (c: number) => string) =>
      `md5(concat_ws('|', ${Array.from({ length: 300 }, (_, c) => `coalesce(${text(c, stamp(c), bool(c))}, '∅')`).join(', ')}))`;
    const theirs = await client.query(
      // A function takes 100 arguments in PostgreSQL: an array takes more.
      `SELECT id, md5(array_to_string(ARRAY[${Array.from(
        { length: 300 },
        (_, c) => `coalesce(${text(c, `trim_scale(extract(epoch FROM c${c}) * 1000000)::text`, `c${c}::text`)}, '∅')`,
      ).join(', ')}], '|')) AS sum FROM wide ORDER BY id`,
    );
    const ours = await loading.query(
      `SELECT id::INT AS id, ${all(
        (c) => `CAST(epoch_us(c${c}) AS varchar)`,
        (c) => `CAST(c${c} AS varchar)`,
      )} AS sum FROM acme_raw.wide ORDER BY id`,
    );
    expect(ours).toEqual(theirs.rows);
  });
});

describe('masks', () => {
  it('are what node:crypto computes, and hide the value in quarantine too', async () => {
    await client.query(`CREATE TABLE people (id int, email text, phone text, name text, born date, score numeric);
      INSERT INTO people VALUES (1, 'ümit@example.com', '+48 1', 'Ann', '1990-01-01', 1), (2, NULL, NULL, NULL, NULL, 2),
        (3, '', '', '', '2000-02-29', 3), (4, 'secret@example.com', '5', 'Bob', '1980-01-01', 'NaN')`);
    const mask = { email: 'hmac-sha256', phone: 'sha256', name: 'redact', born: 'null' } as const;
    await client.query("ALTER SYSTEM SET log_statement = 'all'");
    await client.query('SELECT pg_reload_conf()');
    await loading.load('people', { table: 'people', columns: { mask }, quarantine });
    const logged = (await server.log()).toLowerCase();
    expect(logged).toContain('copy (select');
    const { inner, outer } = hmacPads(MASK_KEY);
    for (const secret of [MASK_KEY, Buffer.from(MASK_KEY).toString('hex'), inner, outer])
      expect(logged).not.toContain(secret);
    const hmac = (text: string) => createHmac('sha256', MASK_KEY).update(text).digest('hex');
    const sha = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(await rows('people')).toMatchObject([
      { id: '1', email: hmac('ümit@example.com'), phone: sha('+48 1'), name: '***', born: null },
      { id: '2', email: null, phone: null, name: null, born: null },
      { id: '3', email: hmac(''), phone: sha(''), name: '***', born: null },
    ]);
    const [rejected] = await quarantined('people');
    expect(JSON.parse(String(rejected?.row))).toMatchObject({
      email: hmac('secret@example.com'),
      name: '***',
      born: null,
    });
  });
});

it('the key of masks is taken by a server without random UUIDs too', async () => {
  const { inner, outer } = hmacPads(MASK_KEY);
  for (const has of [true, false]) {
    const query = (sql: string) => (sql.includes('to_regprocedure') && !has ? { rows: [{ has }] } : client.query(sql));
    await client.query('BEGIN');
    await setMaskKey({ query } as unknown as pg.Client, MASK_KEY);
    const held = await client.query(
      `SELECT current_setting('${MASK_INNER}') AS i, current_setting('${MASK_OUTER}') AS o`,
    );
    await client.query('COMMIT');
    expect(held.rows).toEqual([{ i: inner, o: outer }]);
  }
});

describe('columns.types', () => {
  it('STRING keeps what no number holds', async () => {
    await client.query(`CREATE TABLE huge (id int, n numeric, j jsonb, t text[], at timestamptz);
      INSERT INTO huge VALUES (1, '1e60', '{"a": 1}', '{a,"b c"}', '2020-01-01 00:00:00+00'), (2, 'NaN', NULL, NULL, 'infinity'),
        (3, '0.123456789012345678901234567890', '1', '{}', NULL)`);
    const types = { n: 'STRING', j: 'STRING', t: 'STRING', at: 'STRING' };
    await loading.load('huge', { table: 'huge', columns: { types } });
    expect(await rows('huge')).toEqual([
      { id: '1', n: `1${'0'.repeat(60)}`, j: '{"a": 1}', t: '{a,"b c"}', at: '2020-01-01 00:00:00+00' },
      { id: '2', n: 'NaN', j: null, t: null, at: 'infinity' },
      { id: '3', n: '0.123456789012345678901234567890', j: '1', t: '{}', at: null },
    ]);
  });

  it('INT64 on a text column quarantines what is no integer', async () => {
    await client.query(`CREATE TABLE quantities (id int, qty text, price numeric, raw bytea);
      INSERT INTO quantities VALUES (1, '42', 1.10, '\\x00'), (2, 'n/a', 2.20, '\\x0a'), (3, NULL, 3.30, NULL), (4, ' -7 ', 4, ''),
        (5, '1.5', 123456789012345678901.123456789, NULL), (6, '9223372036854775808', 6, NULL), (7, '', 7, NULL)`);
    const { summary } = await loading.load('quantities', {
      table: 'quantities',
      columns: { types: { qty: 'INT64' } },
      quarantine,
    });
    expect(summary.rows).toMatchObject({ extracted: 7, loaded: 3, quarantined: 4 });
    expect((await rows('quantities')).map(({ id, qty }) => [id, qty])).toEqual([
      ['1', '42'],
      ['3', null],
      ['4', '-7'],
    ]);
    const found = await quarantined('quantities');
    expect(found.map(({ column_name }) => column_name)).toEqual(['qty', 'qty', 'qty', 'qty']);
    expect(found[0]?.reason).toBe('VALUE_NOT_CASTABLE: qty is not INT64 (a whole number of 64 bits)');
    expect(JSON.parse(String(found[0]?.row))).toMatchObject({ id: '2', qty: 'n/a', price: '2.200000000' });
    expect(JSON.parse(String(found[1]?.row)).price).toBe('123456789012345678901.123456789');
  });

  it('never round', async () => {
    await client.query(`CREATE TABLE amounts (id int, a numeric, b text, c numeric(12,2), d double precision);
      INSERT INTO amounts VALUES (1, 1.25, '1.250', 2.00, 3), (2, 1.255, '1', 1, 1), (3, 1, '1.255', 1, 1),
        (4, 1, '1', 1.5, 1), (5, 1, '1', 1, 1.5)`);
    const types = { a: 'NUMERIC(12,2)', b: 'NUMERIC(12,2)', c: 'INT64', d: 'INT64' };
    await loading.load('amounts', { table: 'amounts', columns: { types }, quarantine });
    expect(await texts('amounts')).toEqual([['1', '1.25', '1.25', '2', '3']]);
    expect((await quarantined('amounts')).map(({ column_name }) => column_name)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('never drop a time of day, a zone, a digit or the meaning of a word', async () => {
    await client.query(`CREATE TABLE moments (id int, day text, at timestamptz, local text, ok text, n jsonb);
      INSERT INTO moments VALUES (1, '2026-01-01', '2026-01-01 00:00:00+00', '2026-01-01 12:00:00.5', 'true', '[1]'),
        (2, '2026-01-01 12:00:00', NULL, NULL, NULL, NULL), (3, NULL, '2026-01-01 12:00:00+00', NULL, NULL, NULL),
        (4, NULL, NULL, '2026-01-01 12:00:00+02', NULL, NULL), (5, NULL, NULL, NULL, 'yes', NULL), (6, NULL, NULL, NULL, NULL, '[1.5]')`);
    const types = { day: 'DATE', at: 'DATE', local: 'DATETIME', ok: 'BOOL', n: 'ARRAY<INT64>' };
    await loading.load('moments', { table: 'moments', columns: { types }, quarantine });
    expect(await texts('moments')).toEqual([['1', '2026-01-01', '2026-01-01', '2026-01-01 12:00:00.5', 'true', '[1]']]);
    const found = await quarantined('moments');
    expect(found.map(({ column_name }) => column_name)).toEqual(['day', 'at', 'local', 'ok', 'n']);
    expect(found[0]?.reason).toContain('without a time of day');
  });

  it('give arrays, times and JSON where the value is one', async () => {
    await client.query(`CREATE TABLE shaped (id int, tags text[], at text, body text);
      INSERT INTO shaped VALUES (1, '{a,b}', '2020-01-02 03:04:05+00', '{"a":1}'), (2, '{}', 'soon', '1'), (3, NULL, NULL, '{')`);
    const types = { tags: 'ARRAY<STRING>', at: 'TIMESTAMP', body: 'JSON' };
    await loading.load('shaped', { table: 'shaped', columns: { types }, quarantine });
    expect(await texts('shaped')).toEqual([['1', '[a, b]', '2020-01-02 03:04:05+00', '{"a":1}']]);
    expect((await quarantined('shaped')).map(({ column_name }) => column_name)).toEqual(['at', 'body']);
  });
});
