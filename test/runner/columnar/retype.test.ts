/** Texts of quarantined rows become the values that they were, or their rows stay. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../../runner/columnar/engine.ts';
import { ROWS } from '../../../runner/columnar/receive.ts';
import { retyped } from '../../../runner/columnar/retype.ts';
import { quoteText } from '../../../runner/columnar/sql.ts';
import { tableColumn } from '../../../runner/columnar/typing.ts';
import type { RestagePolicy, StagedColumn } from '../../../runner/core/contracts/warehouse.ts';
import { parseType } from '../../../runner/core/types.ts';
import { batchLayout, type VectorKind } from '../../../runner/core/vectors.ts';
import { inletOf, type Value } from '../../contracts/batches.ts';

let folder: string;
let engine: Engine;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-retype-'));
  engine = new Engine();
  await engine.open({ file: join(folder, 'e.duckdb'), memory: '200MB', threads: 2, vectorPath: 'auto' });
});

afterAll(async () => {
  await engine?.close();
  rmSync(folder, { recursive: true, force: true });
});

const SCALE = 4;

function column(name: string, kind: VectorKind, type: string, more: Partial<StagedColumn> = {}): StagedColumn {
  const logical = parseType(type);
  if (logical === null) throw new Error(`${type} is no type`);
  const vector = { name, kind, ...(kind === 'decimal' ? { precision: 38, scale: SCALE } : {}) };
  return { vector, column: { name, type: logical, nullable: true }, cast: false, ...more };
}

interface Quarantined {
  readonly row: string;
  readonly reason?: string;
}

interface Typed {
  readonly values: readonly (string | null)[];
  readonly column: string | null;
  readonly reason: string | null;
  readonly nullified: number;
}

async function retype(
  columns: readonly StagedColumn[],
  rows: readonly Quarantined[],
  policy: Partial<RestagePolicy> = {},
): Promise<Typed[]> {
  const texts = rows.map(
    ({ row, reason = 'VALUE_OUT_OF_RANGE: x: too large' }, i) =>
      `(${i}, ${i}, 'run_1', ${quoteText(reason)}, ${quoteText(row)})`,
  );
  const relation = `(SELECT * FROM (VALUES ${texts.join(', ')}) AS t(place, nth, run_id, reason, "row"))`;
  const sql = retyped(relation, {
    columns: columns.map(tableColumn),
    policy: { nullify: [], masked: {}, ...policy },
  });
  const shown = columns.map(({ column: { name } }) => `"${name}"::VARCHAR AS "${name}"`);
  const found = await engine.query(
    `SELECT ${shown.join(', ')}, _tributary_column AS c, _tributary_reason AS r, _tributary_nullified AS n FROM (${sql}) ORDER BY _tributary_place`,
  );
  return found.map(({ c, r, n, ...values }) => ({
    values: Object.values(values) as (string | null)[],
    column: c as string | null,
    reason: r as string | null,
    nullified: Number(n),
  }));
}

const DAY_US = 86_400_000_000n;
const YEARS = { min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n };
const moment = fc.oneof(fc.bigInt(YEARS), fc.bigInt({ min: -3n, max: 3n }), fc.constantFrom(YEARS.min, YEARS.max));
const VALUES = {
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float64: fc.oneof(fc.double(), fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)),
  bool: fc.boolean(),
  decimal: fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }).map((unscaled) => {
    const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(SCALE + 1, '0');
    return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -SCALE)}.${digits.slice(-SCALE)}`;
  }),
  date: fc
    .integer({ min: -719_162, max: 2_932_896 })
    .map((days) => new Date(days * 86_400_000).toISOString().slice(0, 10)),
  time: fc.bigInt({ min: 0n, max: DAY_US - 1n }),
  datetime: moment,
  timestamp: moment,
  bytes: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  json: fc.json(),
  text: fc.string({ unit: 'binary', maxLength: 20 }),
} as const satisfies Partial<Record<VectorKind, fc.Arbitrary<Value>>>;

const TYPES: Readonly<Record<keyof typeof VALUES, string>> = {
  int64: 'INT64',
  float64: 'FLOAT64',
  bool: 'BOOL',
  decimal: `NUMERIC(38,${SCALE})`,
  date: 'DATE',
  time: 'TIME',
  datetime: 'DATETIME',
  timestamp: 'TIMESTAMP',
  bytes: 'BYTES',
  json: 'JSON',
  text: 'STRING',
};

const kinds = Object.keys(VALUES) as (keyof typeof VALUES)[];
const columns = kinds.map((kind) => column(`a_${kind}`, kind, TYPES[kind]));

it('a row that was rejected for one text has the values of the same row without it', async () => {
  const vectors = columns.map(({ vector }) => vector);
  const layout = batchLayout([{ name: 'bad', kind: 'text' }, ...vectors], 2048);
  const row = fc.tuple(...kinds.map((kind) => fc.option<Value>(VALUES[kind])));
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
      const sent = (bad: Buffer) =>
        inletOf(
          layout,
          rows.map((values) => [bad, ...values]),
        );
      const names = vectors.map(({ name }) => `${name}::VARCHAR AS ${name}`).join(', ');
      const sql = `CREATE OR REPLACE TEMP TABLE sent AS SELECT ${names} FROM ${ROWS}()`;
      const { rejected } = await engine.load({ sql, layout, inlet: sent(Buffer.from('ff', 'hex')) });
      await engine.load({ sql, layout, inlet: sent(Buffer.from('fine')) });
      const loaded = await engine.query('SELECT * FROM sent');
      expect(rejected.map(({ column }) => column)).toEqual(rows.map(() => 'bad'));
      const back = await retype(
        columns,
        rejected.map(({ row }) => ({ row })),
      );
      expect(back.map(({ column }) => column)).toEqual(rows.map(() => null));
      const sorted = (all: readonly (readonly (string | null)[])[]) => all.map((one) => JSON.stringify(one)).sort();
      expect(sorted(back.map(({ values }) => values))).toEqual(
        sorted(loaded.map((one) => Object.values(one) as (string | null)[])),
      );
    }),
    { numRuns: 60 },
  );
});

/** A decimal text in units of its last digit that counts; `null` where it has more digits than these. */
function units(text: string, digits: number, scale: number): bigint | null {
  const [, sign, whole = '', fraction = ''] = /^([+-]?)(\d*)\.?(\d*)$/.exec(text) ?? [];
  const kept = fraction.replace(/0+$/, '');
  if (kept.length > scale) return null;
  const value = BigInt(`${whole}${kept.padEnd(scale, '0')}` || '0');
  return value >= 10n ** BigInt(digits) ? null : sign === '-' ? -value : value;
}

const number = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    fc.oneof(fc.nat().map(String), fc.bigInt({ min: 0n, max: 10n ** 40n }).map(String)),
    fc.constantFrom('', '.', '.0', '.5', '.05', '.1234', '.12340', '.12345', '.000000001'),
  )
  .map((parts) => parts.join(''));

describe.each([
  ['decimal', 'NUMERIC(10,2)', 2],
  ['decimal', 'NUMERIC(38,4)', 4],
  ['text', 'NUMERIC(10,2)', 2],
  ['text', 'NUMERIC(38,9)', 9],
  ['int64', 'NUMERIC(10,2)', 2],
] as const)('numbers that were %s as %s', (kind, type, scale) => {
  it('are the same number, or stay', async () => {
    const price = column('price', kind, type, { cast: true });
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 1, maxLength: 60 }), async (texts) => {
        const found = await retype(
          [price],
          texts.map((text) => ({ row: JSON.stringify({ price: text }) })),
        );
        for (const [i, text] of texts.entries()) {
          const { values, column: misfit } = found[i] as Typed;
          const source = { decimal: units(text, 38, SCALE), text: 0n, int64: units(text, 19, 0) }[kind];
          const wide = kind === 'int64' && source !== null && source !== BigInt.asIntN(64, source);
          // DuckDB's decimals of the embedded table are 38 digits wide, whatever the type declares.
          const wanted = source === null || wide ? null : units(text, 38, scale);
          if (values[0] === null || values[0] === undefined)
            expect([text, misfit, wanted]).toEqual([text, 'price', null]);
          else expect([text, misfit, units(values[0], 38, scale)]).toEqual([text, null, wanted]);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('a row that stays', () => {
  const price = column('price', 'decimal', 'INT64', { cast: true });
  const name = column('name', 'text', 'STRING');
  const row = (texts: Record<string, string | null>) => JSON.stringify({ name: null, price: null, ...texts });

  it('says of its first column that does not fit what that holds, under the code it had', async () => {
    const found = await retype(
      [price],
      [
        { row: row({ price: '1.5' }) },
        { row: row({ price: 'x' }), reason: 'VALUE_NOT_CASTABLE: price is not DATE (…)' },
        { row: row({ price: '2.0' }) },
      ],
    );
    const reason = 'price: does not fit INT64 (a whole number of 64 bits)';
    expect(found.map(({ reason }) => reason)).toEqual([
      `VALUE_OUT_OF_RANGE: ${reason}`,
      `VALUE_NOT_CASTABLE: ${reason}`,
      null,
    ]);
  });

  it.each([
    [
      'the policy says what the source cannot hold is NULL',
      {},
      { nullify: ['price'] },
      [null, 'price', null],
      [1, 0, 0],
    ],
    ['the column says so of the cast too', { nullify: true }, {}, [null, null, null], [1, 1, 0]],
  ])('or not, where %s', async (_, more, policy, misfits, nullified) => {
    const found = await retype(
      [{ ...price, ...more }],
      ['NaN', '1.5', '2'].map((text) => ({ row: row({ price: text }) })),
      policy,
    );
    expect(found.map(({ column }) => column)).toEqual(misfits);
    expect(found.map((one) => one.nullified)).toEqual(nullified);
  });

  it('was quarantined before its mask', async () => {
    const masked = { name: '\\*\\*\\*' };
    const found = await retype([name], [{ row: row({ name: '***' }) }, { row: row({ name: 'clear' }) }], { masked });
    expect(found.map(({ values, reason }) => [values[0], reason])).toEqual([
      ['***', null],
      [null, 'VALUE_OUT_OF_RANGE: name: was quarantined before its mask'],
    ]);
  });

  it('keeps what says that a text of it is none, until that text is not asked for', async () => {
    const texts = { name: 'caf\\xe9', price: '1.5' };
    const reason = 'VALUE_OUT_OF_RANGE: name: not valid UTF-8';
    const both = [{ row: row(texts), reason }];
    const [first] = await retype([price, name], both);
    expect(first?.reason).toBe(
      'VALUE_OUT_OF_RANGE: price: does not fit INT64 (a whole number of 64 bits); a text of the row is not valid UTF-8',
    );
    const again = [{ row: row({ ...texts, price: '1' }), reason: first?.reason ?? '' }];
    expect(await retype([price, name], again)).toMatchObject([{ column: 'name', reason }]);
    expect(await retype([price, name], again, { nullify: ['name'] })).toMatchObject([
      { column: null, values: ['1', null], nullified: 1 },
    ]);
    expect(await retype([price], again)).toMatchObject([{ column: null, values: ['1'] }]);
    expect(await retype([price, name], [{ row: row({ name: 'caf\\xe9' }) }])).toMatchObject([
      { column: null, values: [null, 'caf\\xe9'] },
    ]);
  });
});
