import fc from 'fast-check';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { brand, type MysqlServer, series, startMysql } from '../../servers/mysql.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { Loading } from '../pipeline/loading.ts';

describeWith(['mariadb'], 'MySQL: decoder', () => {
  let server: MysqlServer;
  let client: Connection;

  beforeAll(async () => {
    server = await startMysql();
    client = await server.client();
    await client.query("SET sql_mode = '', time_zone = '+00:00'");
  });

  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  const digits = (most: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: most });
  const insert = async (table: string, values: readonly string[]) => {
    for (let i = 0; i < values.length; i += 1000) {
      const rows = values.slice(i, i + 1000).map((value, row) => `(${i + row}, ${value})`);
      await client.query(`INSERT INTO ${table} VALUES ${rows.join(', ')}`);
    }
  };

  it.each<readonly [number, number]>([
    [5, 2],
    [15, 0],
    [15, 15],
    [16, 3],
    [18, 9],
    [30, 10],
    [38, 0],
    ...(brand === 'MariaDB' ? ([[38, 38]] as const) : []),
    [65, 30],
  ])('decimal(%d,%d) is exact, or the row is rejected', async (precision, scale) => {
    await using loading = new Loading(server);
    const one = fc
      .tuple(fc.boolean(), digits(precision - scale), digits(scale))
      .map(([negative, whole, fraction]) => `${negative ? '-' : ''}${whole || '0'}.${fraction || '0'}`);
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 2500, maxLength: 2500, size: 'max' }), async (numbers) => {
        await client.query(
          `DROP TABLE IF EXISTS numbers; CREATE TABLE numbers (id int, n decimal(${precision},${scale}))`,
        );
        await insert('numbers', numbers);
        const source = { table: 'numbers', quarantine: { maxRows: 100_000, maxRatio: 1 } };
        const { summary } = await loading.load('numbers', source, { yes: true });
        const [theirs] = await client.query('SELECT id, CAST(n AS CHAR) AS n FROM numbers ORDER BY id');
        const kept = Math.min(scale, precision <= 38 ? scale : 19);
        const wanted = (theirs as { id: number; n: string }[]).flatMap(({ id, n }) => {
          const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(n) ?? [];
          const fits = whole.replace(/^0+/, '').length <= 38 - kept && /^0*$/.test(fraction.slice(kept));
          if (!fits) return [];
          const value = BigInt(`${whole}${fraction.slice(0, kept)}`);
          return [{ id, n: String(sign === '-' ? -value : value) }];
        });
        const found = await loading.query(`SELECT id::INT AS id, n::VARCHAR AS n FROM acme_raw.numbers ORDER BY id`);
        expect(found.map(({ id, n }) => ({ id, n: unscaledText(String(n), kept) }))).toEqual(wanted);
        expect(summary.rows.quarantined).toBe(numbers.length - wanted.length);
      }),
      { numRuns: 1, endOnFailure: true },
    );
  });

  it('moments of all years are exact, and days that are none are NULL', async () => {
    await using loading = new Loading(server);
    const two = (most: number) => fc.integer({ min: 0, max: most }).map((n) => String(n).padStart(2, '0'));
    const one = fc
      .tuple(
        fc.integer({ min: 0, max: 9999 }),
        two(12),
        two(31),
        two(23),
        two(59),
        two(59),
        fc.integer({ min: 0, max: 999_999 }),
      )
      .map(([year, month, day, h, m, s, us]) => {
        return `'${String(year).padStart(4, '0')}-${month}-${day} ${h}:${m}:${s}.${String(us).padStart(6, '0')}'`;
      });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 5000, maxLength: 5000, size: 'max' }), async (moments) => {
        await client.query("SET sql_mode = 'ALLOW_INVALID_DATES'");
        await client.query(
          'DROP TABLE IF EXISTS moments; CREATE TABLE moments (id int, at datetime(6), day date AS (at) STORED)',
        );
        for (let i = 0; i < moments.length; i += 1000) {
          const rows = moments.slice(i, i + 1000).map((value, row) => `(${i + row}, ${value})`);
          await client.query(`INSERT INTO moments (id, at) VALUES ${rows.join(', ')}`);
        }
        await loading.load('moments', { table: 'moments' }, { yes: true });
        const found = await loading.query(
          'SELECT id::INT AS id, strftime("at", \'%Y-%m-%d %H:%M:%S.%f\') AS "at", day::VARCHAR AS day FROM acme_raw.moments ORDER BY id',
        );
        const [theirs] = await client.query(
          'SELECT id, CAST(at AS CHAR) AS at, CAST(day AS CHAR) AS day FROM moments ORDER BY id',
        );
        const wanted = (theirs as { id: number; at: string; day: string }[]).map(({ id, at, day }) => {
          return { id, at: isDay(at.slice(0, 10)) ? at : null, day: isDay(day) ? day : null };
        });
        expect(found).toEqual(wanted);
        expect(wanted.some(({ at }) => at === null)).toBe(true);
      }),
      { numRuns: 2, endOnFailure: true },
    );
  });

  it('gives the same table of 300 columns, with NULLs and rejected rows in between, by the fast and by the safe way', async () => {
    const kinds = [
      (c: number) => [`c${c} bigint`, `IF((seq + ${c}) % 7 = 0, NULL, CAST(seq AS SIGNED) * ${c} - 5000)`],
      (c: number) => [`c${c} text`, `IF((seq + ${c}) % 5 = 0, NULL, REPEAT(CONCAT('é', seq), (seq + ${c}) % 9))`],
      (c: number) => [`c${c} decimal(14,3)`, `IF((seq + ${c}) % 3 = 0, NULL, seq * ${c}.25 - 7000)`],
      (c: number) => [`c${c} datetime(6)`, `IF(seq % 4 = 0, NULL, '2000-01-01' + INTERVAL seq * ${c} SECOND)`],
      (c: number) => [`c${c} int unsigned`, `IF(seq % 6 = 0, NULL, seq + ${c})`],
      (c: number) => [`c${c} double`, `IF((seq + ${c}) % 2 = 0, NULL, seq / 4)`],
    ];
    const list = Array.from({ length: 300 }, (_, c) => kinds[c % kinds.length]?.(c) ?? []);
    await client.query(
      `CREATE TABLE wide (id int, hard time, ${list.map(([type]) => type).join(', ')}) ROW_FORMAT=DYNAMIC`,
    );
    await client.query(
      `INSERT INTO wide SELECT seq, IF(seq % 97 = 0 OR seq BETWEEN 2040 AND 2060, '99:00:00', '01:00:00'),
       ${list.map(([, value]) => value).join(', ')} FROM ${series(1, 5000)}`,
    );
    const tables = [];
    for (const vectorPath of ['fast', 'safe'] as const) {
      await using loading = new Loading(server, { vectorPath });
      const { summary } = await loading.load('wide', { table: 'wide', quarantine: { maxRows: 5000, maxRatio: 1 } });
      expect(summary.vectorPath).toBe(vectorPath);
      expect(summary.rows.loaded + summary.rows.quarantined).toBe(5000);
      tables.push(await loading.query('SELECT * EXCLUDE (_run_id, _extracted_at) FROM acme_raw.wide ORDER BY id'));
    }
    expect(tables[0]).toEqual(tables[1]);
    const [theirs] = await client.query(
      `SELECT id, SHA2(CONCAT_WS('|', ${list.map((_, c) => theirText(c)).join(', ')}), 256) AS sum FROM wide WHERE hard < '24:00' ORDER BY id`,
    );
    await using loading = new Loading(server);
    await loading.load('wide', { table: 'wide', quarantine: { maxRows: 5000, maxRatio: 1 } });
    const found = await loading.query(
      `SELECT id::INT AS id, sha256(concat_ws('|', ${list.map((_, c) => ourText(c)).join(', ')})) AS sum FROM acme_raw.wide ORDER BY id`,
    );
    expect(found).toEqual((theirs as object[]).map((row) => ({ ...row })));
  });
});

/** A decimal without its point. */
function unscaledText(text: string, scale: number): string {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const value = BigInt(`${whole}${fraction.padEnd(scale, '0')}`);
  return String(text.startsWith('-') ? -value : value);
}

function isDay(date: string): boolean {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number);
  if (year === 0 || month === 0 || day === 0) return false;
  const moment = new Date(Date.UTC(2000, month - 1, day));
  moment.setUTCFullYear(year, month - 1, day);
  return moment.getUTCMonth() === month - 1 && moment.getUTCDate() === day;
}

function theirText(c: number): string {
  if (c % 6 === 3) return `COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', c${c}), '∅')`;
  return c % 6 === 5 ? `COALESCE(CAST(c${c} * 4 AS SIGNED), '∅')` : `COALESCE(c${c}, '∅')`;
}

function ourText(c: number): string {
  if (c % 6 === 3) return `coalesce(epoch_us(c${c})::VARCHAR, '∅')`;
  return c % 6 === 5 ? `coalesce((c${c} * 4)::BIGINT::VARCHAR, '∅')` : `coalesce(c${c}::VARCHAR, '∅')`;
}
