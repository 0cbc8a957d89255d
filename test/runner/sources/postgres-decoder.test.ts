import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { Loading } from '../pipeline/loading.ts';

let server: PostgresServer;
let client: pg.Client;

beforeAll(async () => {
  server = await startPostgres();
  client = await server.client();
});

afterAll(async () => {
  await client?.end();
  await server?.stop();
});

/** Digits with a point somewhere, in the shapes where a decoder of groups of four digits could slip. */
const numeric = fc
  .tuple(
    fc.boolean(),
    fc.oneof(
      fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 42 }),
      fc.constantFrom('', '9999', '10000', '99999999', '100000000', '65535', '65536', '4294967295', '4294967296'),
    ),
    fc.oneof(
      { weight: 3, arbitrary: fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 12 }) },
      fc.string({ unit: fc.constantFrom(...'0009'), maxLength: 24 }),
      fc.constantFrom('', '0001', '00000001', '9999', '99999999', '999999999', '5', '50', '05'),
    ),
  )
  .map(([negative, whole, fraction]) => `${negative ? '-' : ''}${whole || '0'}${fraction && `.${fraction}`}`);

/** The value at this scale in 38 digits, by hand; `null` where it does not fit. */
function expected(text: string, scale: number): string | null {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const kept = fraction.replace(/0+$/, '');
  const digits = whole.replace(/^0+/, '');
  if (kept.length > scale || digits.length > 38 - scale) return null;
  const zero = digits === '' && kept === '';
  return `${zero ? '' : sign}${digits || '0'}${scale === 0 ? '' : `.${kept.padEnd(scale, '0')}`}`;
}

/** The columns that the same numbers are put through; `declared` by the source or left free. */
const COLUMNS = [
  { declared: 'numeric', scale: 9 },
  { declared: 'numeric(38,0)', scale: 0 },
  { declared: 'numeric(30,2)', scale: 2 },
  { declared: 'numeric(38,8)', scale: 8 },
  { declared: 'numeric(38,11)', scale: 11 },
  { declared: 'numeric(38,20)', scale: 20 },
  { declared: 'numeric(60,30)', scale: 19 },
] as const;

it.each(COLUMNS)('$declared is exact, or the row is rejected', async ({ declared, scale }) => {
  await using loading = new Loading(server);
  await fc.assert(
    fc.asyncProperty(fc.array(numeric, { minLength: 3000, maxLength: 3000, size: 'max' }), async (numbers) => {
      await client.query('DROP TABLE IF EXISTS numbers');
      await client.query(`CREATE TABLE numbers (id int, n ${declared})`);
      // What the declared type itself refuses or rounds at the source is not put in.
      const stored = declared === 'numeric' ? numbers : numbers.filter((text) => fits(text, declared));
      await client.query('INSERT INTO numbers SELECT * FROM unnest($1::int[], $2::numeric[])', [
        stored.map((_, i) => i),
        stored,
      ]);
      const { summary } = await loading.load(
        'numbers',
        { table: 'numbers', quarantine: { maxRows: 100_000, maxRatio: 1 } },
        { yes: true },
      );
      const rows = await loading.query('SELECT id::INT AS id, n::VARCHAR AS n FROM acme_raw.numbers ORDER BY id');
      const wanted = stored.map((text, id) => ({ id, n: expected(text, scale) })).filter(({ n }) => n !== null);
      expect(rows).toEqual(wanted);
      expect(summary.rows.quarantined).toBe(stored.length - wanted.length);
    }),
    { numRuns: 3, endOnFailure: true },
  );
});

function fits(text: string, declared: string): boolean {
  const [, precision = 0, scale = 0] = /\((\d+),(\d+)\)/.exec(declared)?.map(Number) ?? [];
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  return whole.replace(/^0+/, '').length <= precision - scale && fraction.replace(/0+$/, '').length <= scale;
}

it('gives the same table by the fast and by the safe way, with rejected rows in between', async () => {
  await client.query(`CREATE TABLE mixed AS SELECT g::int8 AS id,
    CASE g % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN repeat('é', g % 20) WHEN 3 THEN 'SKU' || g ELSE repeat('x', g % 300) END AS sku,
    CASE WHEN g % 97 = 0 OR g BETWEEN 2040 AND 2060 OR g % 2048 = 1 THEN 'NaN' ELSE -g * 10000.5 END::numeric AS price,
    CASE g % 6 WHEN 0 THEN NULL WHEN 1 THEN E'a\\nb,"c"\\t\\\\N' WHEN 2 THEN '日本語テキスト🙂' || g WHEN 4 THEN repeat('z', g % 3000) ELSE '\\N' END AS note,
    CASE WHEN g % 4 = 0 THEN NULL ELSE jsonb_build_object('k', g, 'ü', repeat('y', g % 50)) END AS attrs,
    CASE WHEN g % 3 = 0 THEN NULL ELSE decode(repeat('00ff', g % 40), 'hex') END AS raw,
    md5(g::text)::uuid AS token, g % 2 = 0 AS gift, '2020-01-01'::timestamptz + g * interval '1.000003 s' AS moment
    FROM generate_series(1, 40000) g`);
  const source = { table: 'mixed', quarantine: { maxRows: 5000, maxRatio: 1 } };
  const tables = [];
  for (const vectorPath of ['fast', 'safe'] as const) {
    await using loading = new Loading(server, { vectorPath });
    const { summary } = await loading.load('mixed', source);
    expect(summary.vectorPath).toBe(vectorPath);
    const table = await loading.query(`SELECT id, sku, price, note, attrs, hex(raw) AS raw, token, gift, moment
      FROM acme_raw.mixed ORDER BY id`);
    const rejected = await loading.query(`SELECT reason, "row" FROM acme_tributary._quarantine ORDER BY 2`);
    expect(table.length + rejected.length).toBe(40_000);
    tables.push({ table, rejected });
  }
  const { rows } = await client.query(`SELECT id::text, sku, trunc(price, 9)::text AS price, note, attrs::text,
    upper(encode(raw, 'hex')) AS raw, token::text, gift FROM mixed WHERE price <> 'NaN' ORDER BY mixed.id`);
  expect(tables[0]?.table).toEqual(tables[1]?.table);
  expect(tables[0]?.rejected).toEqual(tables[1]?.rejected);
  const decimals = (text: unknown) =>
    String(text).replace(/\.(\d*)$/, (_, digits: string) => `.${digits.padEnd(9, '0')}`);
  expect(tables[0]?.table.map(({ moment: _, ...row }) => row)).toEqual(
    rows.map((row) => ({ ...row, price: decimals(row.price) })),
  );
});

it('counts only values of rows that it keeps as nullified', async () => {
  await client.query(`CREATE TABLE halves AS SELECT g AS id, CASE WHEN g <= 4 THEN 'infinity' ELSE 'today' END::date AS soft,
    CASE WHEN g <= 3 THEN 'NaN'::numeric ELSE g END AS hard, CASE WHEN g = 4 THEN 'infinity' END::date AS late
    FROM generate_series(1, 10) g`);
  await using loading = new Loading(server);
  const columns = { unrepresentable: { soft: 'nullify', late: 'nullify' } } as const;
  const { summary } = await loading.load('halves', {
    table: 'halves',
    columns,
    quarantine: { maxRows: 9, maxRatio: 1 },
  });
  expect(summary.rows).toMatchObject({ loaded: 7, quarantined: 3, nullified: 2 });
  expect(await loading.query('SELECT values_nullified AS n FROM acme_tributary._runs')).toEqual([{ n: '2' }]);
});
