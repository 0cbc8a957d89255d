import { createHash, createHmac } from 'node:crypto';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hmacPads } from '../../../runner/core/mask-key.ts';
import { MASK_INNER, MASK_OUTER, setMaskKey } from '../../../runner/sources/mysql/mask-key.ts';
import { brand, type MysqlServer, startMysql } from '../../servers/mysql.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { Loading, MASK_KEY } from '../pipeline/loading.ts';
import { MARIADB_CASES, MISFIT_CASES, TYPE_CASES } from './mysql-type-cases.ts';

describeWith(['mariadb'], 'MySQL: types', () => {
  let server: MysqlServer;
  let client: Connection;
  let loading: Loading;

  beforeAll(async () => {
    server = await startMysql();
    client = await server.client();
    loading = new Loading(server);
    await client.query("SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'");
  });

  afterAll(async () => {
    await client?.end();
    await loading?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  /** Rows are few here, so any share of them may be rejected. */
  const quarantine = { maxRatio: 1 };
  const texts = async (table: string) =>
    (
      await loading.query(
        `SELECT COLUMNS(* EXCLUDE (_run_id, _extracted_at))::VARCHAR FROM acme_raw.${table} ORDER BY 1`,
      )
    ).map((row) => Object.values(row));
  const quarantined = (source: string) =>
    loading.query(
      `SELECT q.column_name, q.reason, q.row::VARCHAR AS "row" FROM acme_tributary._quarantine q
       JOIN acme_tributary._state s USING (source, run_id) WHERE source = '${source}' ORDER BY (q.row->>'id')::BIGINT`,
    );

  describe('every type', () => {
    const cases = [...TYPE_CASES, ...(brand === 'MariaDB' ? MARIADB_CASES : [])];
    const load = async (name: string, object: { table: string } | { query: string }) => {
      await loading.load(name, object);
      const shown = cases.map(({ show }, i) => `${show === 'hex' ? `hex(c${i})` : `c${i}::VARCHAR`} AS c${i}`);
      const row = (await loading.query(`SELECT ${shown.join(', ')} FROM acme_raw.${name}`))[0] ?? {};
      const types = await loading.query(
        `SELECT column_name AS name, data_type AS type FROM duckdb_columns() WHERE table_name = '${name}'`,
      );
      return { row, stored: new Map(types.map((one) => [one.name, one.type])) };
    };
    const all: Record<string, Awaited<ReturnType<typeof load>>> = {};

    beforeAll(async () => {
      await client.query(`CREATE TABLE every (${cases.map(({ type }, i) => `c${i} ${type}`).join(', ')})`);
      const names = cases.map((_, i) => `c${i}`).join(', ');
      await client.query(`INSERT INTO every (${names}) VALUES (${cases.map(({ value }) => value).join(', ')})`);
      all.table = await load('every', { table: 'every' });
      all.query = await load('asked', { query: `SELECT ${names} FROM every` });
    });

    it.each(cases.map((one, i) => [one.type, one.value.slice(0, 60), i] as const))('%s of %s', (_type, _value, i) => {
      expect(all.table?.row[`c${i}`]).toBe(cases[i]?.found);
      expect(all.table?.stored.get(`c${i}`)).toBe(cases[i]?.stored);
    });

    it('is the same by a query', () => {
      expect(all.query?.row).toEqual(all.table?.row);
      expect(all.query?.stored).toEqual(all.table?.stored);
    });
  });

  describe('a value that no type holds', () => {
    const columns = MISFIT_CASES.map((_, i) => `c${i}`);
    const policy = (value: 'quarantine' | 'nullify') => Object.fromEntries(columns.map((name) => [name, value]));

    beforeAll(async () => {
      const list = MISFIT_CASES.map(({ type }, i) => `c${i} ${type}`).join(', ');
      await client.query(`CREATE TABLE misfits (id int, note text, ${list})`);
      for (const [i, { value }] of MISFIT_CASES.entries()) {
        await client.query(`INSERT INTO misfits (id, note, c${i}) VALUES (${i}, 'row "${i}"', ${value})`);
      }
      await client.query(`INSERT INTO misfits (id, note) VALUES (1000, 'fits')`);
    });

    it('sends the row to quarantine where the tenant file says so', async () => {
      const { summary } = await loading.load('misfits', {
        table: 'misfits',
        quarantine,
        columns: { unrepresentable: policy('quarantine') },
      });
      const count = MISFIT_CASES.length;
      expect(summary.rows).toMatchObject({ extracted: count + 1, loaded: 1, quarantined: count });
      const found = await quarantined('misfits');
      expect(found).toHaveLength(count);
      for (const [i, { text, reason }] of MISFIT_CASES.entries()) {
        expect(found[i]).toMatchObject({ column_name: `c${i}`, reason: expect.stringMatching(reason) });
        const original = JSON.parse(String(found[i]?.row));
        expect(original).toMatchObject({ id: String(i), note: `row "${i}"`, [`c${i}`]: text });
        expect(Object.keys(original)).toEqual(['id', 'note', ...columns]);
      }
    });

    it('becomes a counted NULL where the tenant file says so', async () => {
      const { summary } = await loading.load('nullified', {
        table: 'misfits',
        columns: { unrepresentable: policy('nullify') },
      });
      const count = MISFIT_CASES.length;
      expect(summary.rows).toMatchObject({ loaded: count + 1, quarantined: 0, nullified: count });
    });

    it('is NULL by itself where it is a zero date, also in a column that is NOT NULL', async () => {
      await client.query(`CREATE TABLE zeros (id int PRIMARY KEY, day date NOT NULL, at datetime NOT NULL);
        INSERT INTO zeros VALUES (1, '0000-00-00', '0000-00-00'), (2, '2026-01-02', '2026-01-02 03:04:05'), (3, '2025-00-15', '2026-01-01')`);
      const { summary } = await loading.load('zeros', { table: 'zeros' });
      expect(summary.rows).toMatchObject({ loaded: 3, quarantined: 0, nullified: 3 });
      expect(await texts('zeros')).toEqual([
        ['1', null, null],
        ['2', '2026-01-02', '2026-01-02 03:04:05'],
        ['3', null, '2026-01-01 00:00:00'],
      ]);
    });
  });

  it('as STRING is what the server prints', async () => {
    await client.query(`CREATE TABLE printed (id int, t time, d decimal(65,30), day date, b blob, n bigint unsigned, f bit(3));
      INSERT INTO printed VALUES (1, '-838:59:59', 1.5, '0000-00-00', 'bytes', 18446744073709551615, b'101')`);
    const types = { t: 'STRING', d: 'STRING', day: 'STRING', b: 'STRING', n: 'STRING', f: 'STRING' };
    await loading.load('printed', { table: 'printed', columns: { types } });
    expect(await texts('printed')).toEqual([
      ['1', '-838:59:59', `1.5${'0'.repeat(29)}`, '0000-00-00', 'bytes', '18446744073709551615', '5'],
    ]);
  });

  it('quarantines bytes that are no text where text is asked for', async () => {
    await client.query(
      `CREATE TABLE raw_bytes (id int, b blob); INSERT INTO raw_bytes VALUES (1, x'636166e9'), (2, 'fine')`,
    );
    const { summary } = await loading.load('raw', {
      table: 'raw_bytes',
      columns: { types: { b: 'STRING' } },
      quarantine,
    });
    expect(summary.rows).toMatchObject({ loaded: 1, quarantined: 1 });
    expect(await texts('raw')).toEqual([['2', 'fine']]);
  });

  it('masks as node:crypto does, and keeps the key out of the statements', async () => {
    await client.query(`CREATE TABLE hidden (id int, email text CHARACTER SET latin1, phone text, name text, born date);
      INSERT INTO hidden VALUES (1, 'ümit@example.com', '+48 1', 'Ann', '1990-01-01'), (2, NULL, NULL, NULL, NULL), (3, '', '', '', '2000-02-29')`);
    const mask = { email: 'hmac-sha256', phone: 'sha256', name: 'redact', born: 'null' } as const;
    await client.query("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = ON");
    await loading.load('hidden', { table: 'hidden', columns: { mask } });
    await client.query('SET GLOBAL general_log = OFF');
    const [logged] = await client.query('SELECT CONVERT(argument USING utf8mb4) AS statement FROM mysql.general_log');
    const statements = (logged as { statement: string }[])
      .map(({ statement }) => statement)
      .join('\n')
      .toLowerCase();
    expect(statements).toContain('`hidden`');
    const { inner, outer } = hmacPads(MASK_KEY);
    for (const secret of [MASK_KEY, Buffer.from(MASK_KEY).toString('hex'), inner, outer])
      expect(statements).not.toContain(secret);
    const hmac = (text: string) => createHmac('sha256', MASK_KEY).update(text).digest('hex');
    const sha = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(await texts('hidden')).toEqual([
      ['1', hmac('ümit@example.com'), sha('+48 1'), '***', null],
      ['2', null, null, null, null],
      ['3', hmac(''), sha(''), '***', null],
    ]);
  });

  it('takes the key of masks whatever the server can do, and however it encrypts by itself', async () => {
    const { inner, outer } = hmacPads(MASK_KEY);
    const [modes] = await client.query("SHOW VARIABLES LIKE 'block_encryption_mode'");
    for (const old of [false, true]) {
      const session = await server.client();
      const query = session.query.bind(session);
      if ((modes as unknown[]).length > 0) await query("SET block_encryption_mode = 'aes-256-cbc'");
      const refusing = (sql: string, values?: unknown[]) =>
        sql.includes('RANDOM_BYTES') ? Promise.reject(Object.assign(new Error(), { errno: 1305 })) : query(sql, values);
      await setMaskKey({ client: old ? ({ query: refusing } as unknown as Connection) : session }, MASK_KEY);
      const [held] = await query(`SELECT LOWER(HEX(${MASK_INNER})) AS i, LOWER(HEX(${MASK_OUTER})) AS o`);
      await session.end();
      expect(held).toEqual([{ i: inner, o: outer }]);
    }
  });

  it('reads the same whatever the sql_mode of the server is', async () => {
    await client.query(`CREATE TABLE modes (id int, padded char(8), day date, n int);
      INSERT INTO modes VALUES (1, 'ab', '0000-00-00', 3)`);
    const modes = ['ANSI', 'TRADITIONAL', 'PAD_CHAR_TO_FULL_LENGTH', 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'];
    if (brand === 'MariaDB') modes.push('ORACLE');
    for (const [i, mode] of modes.entries()) {
      await client.query(`SET GLOBAL sql_mode = '${mode}'`);
      await loading.load(`mode${i}`, { table: 'modes' });
      expect(await texts(`mode${i}`), mode).toEqual([['1', 'ab', null, '3']]);
    }
    await client.query('SET GLOBAL sql_mode = DEFAULT');
  });

  it('reads values at and above 16 MB, where packets are split, and one of 50 MB', async () => {
    const sizes = [16_777_210, 16_777_211, 16_777_212, 16_777_215, 33_554_420, 50_000_000];
    await client.query('CREATE TABLE huge (id int, body longblob, tail text)');
    for (const [i, size] of sizes.entries()) {
      await client.query(
        `INSERT INTO huge VALUES (${i}, LEFT(REPEAT(SHA2('${i}', 256), ${Math.ceil(size / 64)}), ${size}), 'after ${i}')`,
      );
    }
    const { summary } = await loading.load('huge', { table: 'huge' });
    expect(summary.rows.loaded).toBe(sizes.length);
    const found = await loading.query(
      'SELECT id::INT AS id, octet_length(body)::INT AS size, sha256(body) AS sum, tail FROM acme_raw.huge ORDER BY id',
    );
    const [theirs] = await client.query(
      'SELECT id, LENGTH(body) AS size, SHA2(body, 256) AS sum, tail FROM huge ORDER BY id',
    );
    expect(found).toEqual((theirs as object[]).map((row) => ({ ...row })));
  });
});
