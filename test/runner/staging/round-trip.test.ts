/** What is written into parts comes back, in each format, byte for byte. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PartFormat, Staging } from '../../../runner/core/contracts/staging.ts';
import { inletOf, type Value } from '../../contracts/batches.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { type Column, partColumns, partsSpec, type StorageScene, storageScene, write } from './scene.ts';

const FORMATS: readonly PartFormat[] = ['parquet', 'ndjson'];
const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const TEXTS = [
  '',
  '"',
  "''",
  'a\nb',
  'a\r\nb',
  '\r',
  'a\u0000b',
  '\\N',
  'NULL',
  '007',
  '1e400',
  '-0',
  ' padded ',
  'zażółć 🙂 \u{10ffff}',
  '\u2028',
  '{"a":1}',
  'x,y;z\tw',
  'm'.repeat(1 << 20),
];

describeWith(['emulators'], 'a part', () => {
  let scene: StorageScene;
  let staging: Staging;

  beforeAll(async () => {
    scene = await storageScene();
    staging = await scene.open();
  });

  afterAll(async () => {
    await staging?.[Symbol.asyncDispose]();
    await scene?.[Symbol.asyncDispose]();
  });

  /** Values of one column and `null`, as its part gives them back by an expression. */
  async function trip(format: PartFormat, column: Column, values: readonly Value[], select = 'v'): Promise<unknown[]> {
    const columns = partColumns([['n', 'int64', 'INT64'], column]);
    const spec = partsSpec(columns, format);
    const rows = [...values, null].map((value, n) => [n, value] as const);
    const { manifest } = await write(staging, spec, inletOf(spec.layout, rows));
    expect(manifest.rows).toBe(rows.length);
    const found = await scene.rows(manifest, `n, ${select} AS v, _tributary_reason AS reason`);
    found.sort((a, b) => Number(a.n) - Number(b.n));
    expect(found.map(({ reason }) => reason)).toEqual(rows.map(() => null));
    return found.map(({ v }) => v);
  }

  it.each(FORMATS)('%s keeps every text apart from every other and from NULL', async (format) => {
    const shown = 'CASE WHEN v IS NOT NULL THEN hex(encode(v::VARCHAR)) END';
    const found = await trip(format, ['v', 'text', 'STRING'], TEXTS, shown);
    expect(found).toEqual([...TEXTS.map((text) => Buffer.from(text).toString('hex').toUpperCase()), null]);
  });

  it.each(FORMATS)('%s keeps all bytes', async (format) => {
    const shown = format === 'parquet' ? 'hex(v)' : 'hex(from_base64(v))';
    const values = [ALL_BYTES, Buffer.alloc(0), Buffer.from([0]), Buffer.from([255, 254])];
    const found = await trip(format, ['v', 'bytes', 'BYTES'], values, shown);
    expect(found).toEqual([...values.map((bytes) => bytes.toString('hex').toUpperCase()), null]);
  });

  it.each(FORMATS)('%s keeps integers and floats to the last bit', async (format) => {
    const integers = [-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n, 9007199254740993n];
    const whole = await trip(format, ['v', 'int64', 'INT64'], integers, 'v::BIGINT::VARCHAR');
    expect(whole).toEqual([...integers.map(String), null]);
    const floats = [-0, 0, Number.NaN, Infinity, -Infinity, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3];
    const shown = "CASE WHEN v::DOUBLE = 0 AND (v::VARCHAR)[1] = '-' THEN '-0' ELSE v::DOUBLE::VARCHAR END";
    const found = await trip(format, ['v', 'float64', 'FLOAT64'], floats, shown);
    expect(found.map((text) => (text === null ? null : numberOf(String(text))))).toEqual([...floats, null]);
    const zeros = Array.from({ length: 50 }, (_, i) => (i % 3 === 0 ? -0 : 0));
    const signs = await trip(format, ['v', 'float64', 'FLOAT64'], zeros, shown);
    expect(signs.map((text) => (text === null ? null : numberOf(String(text))))).toEqual([...zeros, null]);
  });

  it('ndjson says what is no number as BigQuery reads it', async () => {
    const values = [Number.NaN, Infinity, -Infinity, -0];
    const found = await trip('ndjson', ['v', 'float64', 'FLOAT64'], values, 'v::VARCHAR');
    expect(found).toEqual(['NaN', 'Infinity', '-Infinity', '-0.0', null]);
  });

  it.each(FORMATS)('%s keeps decimals of all digits', async (format) => {
    const values = [
      '99999999999999999999999999999.999999999',
      '-99999999999999999999999999999.999999999',
      '0.000000001',
      '0.000000000',
    ];
    const found = await trip(format, ['v', 'decimal', 'NUMERIC'], values, 'v::DECIMAL(38,9)::VARCHAR');
    expect(found).toEqual([...values, null]);
    const money = ['9999999999.99', '-9999999999.99', '0.01'];
    const narrow = await trip(
      format,
      ['v', 'decimal', 'NUMERIC(12,2)', { scale: 2 }],
      money,
      'v::DECIMAL(12,2)::VARCHAR',
    );
    expect(narrow).toEqual([...money, null]);
  });

  it.each(FORMATS)('%s keeps points in time to the microsecond, from year 1 to 9999', async (format) => {
    const first = -62_135_596_800_000_000n;
    const last = 253_402_300_799_999_999n;
    const points = [first, last, 0n, -1n, 1_700_000_000_123_456n];
    const texts = [
      '0001-01-01 00:00:00',
      '9999-12-31 23:59:59.999999',
      '1970-01-01 00:00:00',
      '1969-12-31 23:59:59.999999',
      '2023-11-14 22:13:20.123456',
    ];
    const local = await trip(format, ['v', 'datetime', 'DATETIME'], points, 'v::VARCHAR');
    expect(local).toEqual([...texts, null]);
    const shown = format === 'parquet' ? "(v AT TIME ZONE 'UTC')::VARCHAR || ' UTC'" : 'v::VARCHAR';
    const absolute = await trip(format, ['v', 'timestamp', 'TIMESTAMP'], points, shown);
    expect(absolute).toEqual([...texts.map((text) => `${text} UTC`), null]);
    const days = ['0001-01-01', '9999-12-31', '2024-02-29'];
    expect(await trip(format, ['v', 'date', 'DATE'], days, 'v::VARCHAR')).toEqual([...days, null]);
    const clock = await trip(format, ['v', 'time', 'TIME'], [0n, 86_399_999_999n], 'v::VARCHAR');
    expect(clock).toEqual(['00:00:00', '23:59:59.999999', null]);
  });

  it.each(FORMATS)('%s keeps JSON and wide decimals as they were written', async (format) => {
    const documents = ['{"b":1.10,"a":123456789012345678901234567890}', '1e400', 'null', '"\\u0000"', '[1, {"x":[]}]'];
    const json = await trip(format, ['v', 'json', 'JSON', { as: 'text' }], documents, 'v::VARCHAR');
    expect(json).toEqual([...documents, null]);
    const digits = [`${'9'.repeat(76)}`, `-0.${'1'.repeat(38)}`, '1e400', 'NaN'];
    const wide = await trip(format, ['v', 'text', 'BIGNUMERIC', { as: 'text', cast: true }], digits, 'v::VARCHAR');
    expect(wide).toEqual([...digits, null]);
  });

  it.each(FORMATS)('%s keeps arrays; none is an empty one', async (format) => {
    const column: Column = ['v', 'json', 'ARRAY<INT64>', { cast: true }];
    const shown = 'to_json(list_transform(v, lambda e: e::VARCHAR))::VARCHAR';
    const found = await trip(format, column, ['[1,-9223372036854775808]', '[]'], `coalesce(${shown}, '[]')`);
    expect(found).toEqual(['["1","-9223372036854775808"]', '[]', '[]']);
  });

  it('parquet says of DATETIME that it has no zone, of TIMESTAMP that it has one, and how wide a decimal is', async () => {
    const columns = partColumns([
      ['local', 'datetime', 'DATETIME'],
      ['absolute', 'timestamp', 'TIMESTAMP'],
      ['money', 'decimal', 'NUMERIC(12,2)', { scale: 2 }],
      ['doc', 'json', 'JSON', { as: 'text' }],
    ]);
    const spec = partsSpec(columns, 'parquet');
    const { manifest } = await write(
      staging,
      spec,
      inletOf(spec.layout, [['2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z', '1.50', '{}']]),
    );
    const [types] = await scene.rows(
      manifest,
      'typeof(local) AS l, typeof(absolute) AS a, typeof(money) AS m, typeof(doc) AS d',
    );
    expect(types).toEqual({ l: 'TIMESTAMP', a: 'TIMESTAMP WITH TIME ZONE', m: 'DECIMAL(12,2)', d: 'VARCHAR' });
  });

  it.each(FORMATS)('%s holds what does not fit beside what does', async (format) => {
    const columns = partColumns([
      ['n', 'int64', 'INT64'],
      ['price', 'decimal', 'NUMERIC(4,2)', { scale: 2 }],
      ['count', 'text', 'INT64', { cast: true }],
    ]);
    const spec = partsSpec(columns, format);
    const rejected = { column: 'n', reason: 'VALUE_OUT_OF_RANGE: n: too large', row: '{"n":"\\u0000🙂"}' };
    const rows = [
      [1, '99.99', '7'],
      [2, '100.00', '8'],
      [3, null, 'seven'],
    ] as const;
    const written = await write(staging, spec, inletOf(spec.layout, rows, [rejected]));
    expect(written).toMatchObject({ rejected: 1, manifest: { rows: 4 } });
    const found = await scene.rows(
      written.manifest,
      'n::VARCHAR AS n, price::VARCHAR AS price, count::VARCHAR AS count, _tributary_column AS c, _tributary_reason AS r, _tributary_original AS o',
    );
    expect(found.sort((a, b) => Number(a.n ?? 9) - Number(b.n ?? 9))).toEqual([
      { n: '1', price: '99.99', count: '7', c: null, r: null, o: null },
      {
        n: '2',
        price: null,
        count: '8',
        c: 'price',
        r: 'VALUE_NOT_CASTABLE: price is not NUMERIC(4,2) (a number of no more digits than it has)',
        o: '{"n":"2","price":"100.00","count":"8"}',
      },
      {
        n: '3',
        price: null,
        count: null,
        c: 'count',
        r: 'VALUE_NOT_CASTABLE: count is not INT64 (a whole number of 64 bits)',
        o: '{"n":"3","price":null,"count":"seven"}',
      },
      { n: null, price: null, count: null, c: rejected.column, r: rejected.reason, o: rejected.row },
    ]);
  });
});

function numberOf(text: string): number {
  const special: Record<string, number> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity };
  return special[text] ?? Number(text);
}
