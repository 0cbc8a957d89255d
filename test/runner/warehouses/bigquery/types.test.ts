import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LogicalType, parseType, typeName } from '../../../../runner/core/types.ts';
import type { VectorKind } from '../../../../runner/core/vectors.ts';
import { decimalPattern } from '../../../../runner/warehouses/bigquery/remote-types.ts';
import {
  columnType,
  heldAs,
  logicalOf,
  partColumn,
  stagingFields,
} from '../../../../runner/warehouses/bigquery/types.ts';
import { column } from './scenes.ts';

const type = (text: string) => parseType(text) as LogicalType;

describe('the type of a column', () => {
  test.each([
    ['INT64', 'INT64'],
    ['ARRAY<STRING>', 'ARRAY<STRING>'],
    ['NUMERIC', 'NUMERIC'],
    ['NUMERIC(12,2)', 'NUMERIC(12, 2)'],
    ['NUMERIC(38,9)', 'NUMERIC(38, 9)'],
    ['NUMERIC(2,5)', 'NUMERIC(5, 5)'],
    ['NUMERIC(38,2)', 'BIGNUMERIC(38, 2)'],
    ['BIGNUMERIC(76,38)', 'BIGNUMERIC(76, 38)'],
    ['BIGNUMERIC(100,10)', 'BIGNUMERIC'],
    ['BIGNUMERIC(60,50)', 'BIGNUMERIC'],
  ])('%s is %s', (logical, sql) => {
    expect(columnType(type(logical))).toBe(sql);
  });

  test.each([
    [{ type: 'INTEGER' }, 'INT64'],
    [{ type: 'BOOLEAN', mode: 'REQUIRED' }, 'BOOL'],
    [{ type: 'FLOAT', mode: 'REPEATED' }, 'ARRAY<FLOAT64>'],
    [{ type: 'NUMERIC' }, 'NUMERIC'],
    [{ type: 'BIGNUMERIC', precision: '40', scale: '3' }, 'BIGNUMERIC(40,3)'],
    [{ type: 'NUMERIC', precision: '19' }, 'NUMERIC(19,0)'],
    [{ type: 'GEOGRAPHY' }, 'STRING'],
  ])('%j reads as %s', (field, logical) => {
    expect(typeName(logicalOf({ name: 'x', ...field }))).toBe(logical);
  });
});

describe('the way into the staging table', () => {
  test.each([
    ['int64', 'INT64', 'typed', 'INT64'],
    ['decimal', 'NUMERIC(12,2)', 'typed', 'NUMERIC'],
    ['decimal', 'NUMERIC(38,2)', 'typed', 'BIGNUMERIC'],
    ['text', 'BIGNUMERIC(38,2)', 'typed', 'BIGNUMERIC'],
    ['int64', 'BIGNUMERIC', 'typed', 'BIGNUMERIC'],
    ['text', 'BIGNUMERIC', 'text', 'STRING'],
    ['decimal', 'BIGNUMERIC', 'text', 'STRING'],
    ['json', 'JSON', 'text', 'STRING'],
    ['date', 'JSON', 'text', 'STRING'],
    ['json', 'ARRAY<JSON>', 'text', 'STRING'],
    ['json', 'ARRAY<INT64>', 'typed', 'INT64 REPEATED'],
    ['datetime', 'DATETIME', 'typed', 'DATETIME'],
  ] as const)('a vector of %s as %s: %s, %s', (kind: VectorKind, logical, as, loaded) => {
    const staged = column('x', kind, type(logical));
    const [field] = stagingFields([staged]);
    expect(partColumn(staged).as).toBe(as);
    expect(`${field?.type}${field?.mode === 'REPEATED' ? ' REPEATED' : ''}`).toBe(loaded);
  });

  test('every staging table has the columns of misfits', () => {
    expect(stagingFields([]).map(({ name }) => name)).toEqual([
      '_tributary_column',
      '_tributary_reason',
      '_tributary_original',
      '_tributary_place',
    ]);
  });
});

describe('decimals as text', () => {
  const SCALE = 10n ** 38n;
  const LEAST = -(2n ** 255n);
  const MOST = 2n ** 255n - 1n;

  /** BIGNUMERIC is an integer of 256 bits over 10³⁸: the value where the text has one and nothing is rounded. */
  function exactly(text: string): bigint | null {
    const parts = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text);
    if (parts === null) return null;
    const [, sign, whole = '', fraction = ''] = parts;
    if (whole === '' && fraction === '') return null;
    const kept = fraction.replace(/0+$/, '');
    if (kept.length > 38) return null;
    const size = BigInt(whole || '0') * SCALE + BigInt(kept.padEnd(38, '0'));
    const value = sign === '-' ? -size : size;
    return value < LEAST || value > MOST ? null : value;
  }

  /** What BigQuery does after the pattern: a cast that knows the range, and no digit without a number. */
  function fits(text: string, logical = 'BIGNUMERIC'): boolean {
    if (!new RegExp(decimalPattern(type(logical))).test(text)) return false;
    return exactly(text) !== null;
  }

  const digits = (max: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: max });
  const number = fc
    .tuple(fc.constantFrom('', '+', '-'), digits(45), fc.option(fc.tuple(digits(45), digits(3)), { nil: null }))
    .map(
      ([sign, whole, rest]) => `${sign}${whole}${rest === null ? '' : `.${rest.join('').padEnd(rest[0].length, '0')}`}`,
    );

  test('the pattern refuses nothing that fits and takes nothing that would be rounded', () => {
    fc.assert(
      fc.property(fc.oneof(number, fc.string()), (text) => {
        expect(fits(text)).toBe(exactly(text) !== null);
        const rounded = /\.\d{38}\d*[1-9]/.test(text);
        if (rounded) expect(new RegExp(decimalPattern(type('BIGNUMERIC'))).test(text)).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  const MAX = '578960446186580977117854925043439539266.34992332820282019728792003956564819967';
  test.each([
    [MAX, true],
    [`-${MAX.slice(0, -1)}8`, true],
    [`${MAX.slice(0, -1)}8`, false],
    ['9'.repeat(39), false],
    [`${'0'.repeat(60)}1.5${'0'.repeat(60)}`, true],
    [`0.${'0'.repeat(37)}1`, true],
    [`0.${'0'.repeat(38)}1`, false],
    ['1e5', false],
    ['NaN', false],
    ['Infinity', false],
    ['1_000', false],
    ['', false],
    ['.', false],
    ['-', false],
    ['1\n', false],
  ])('%s: %s', (text, expected) => {
    expect(fits(text)).toBe(expected);
  });

  test('declared digits bound both sides', () => {
    const pattern = new RegExp(decimalPattern(type('BIGNUMERIC(42,2)')));
    expect(pattern.test(`${'9'.repeat(38)}.99`)).toBe(true);
    expect(new RegExp(decimalPattern(type('BIGNUMERIC(40,10)'))).test(`${'9'.repeat(31)}`)).toBe(false);
    expect(heldAs(type('BIGNUMERIC(42,2)'))).toEqual({ kind: 'BIGNUMERIC' });
    expect(new RegExp(decimalPattern(type('BIGNUMERIC(40,10)'))).test('1.00000000010')).toBe(true);
    expect(new RegExp(decimalPattern(type('BIGNUMERIC(40,10)'))).test('1.00000000001')).toBe(false);
  });
});
