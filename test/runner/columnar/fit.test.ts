/** Whatever a cast accepts is the same value still. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exactCast } from '../../../runner/columnar/fit.ts';
import { quoteText } from '../../../runner/columnar/sql.ts';
import type { Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { parseType } from '../../../runner/core/types.ts';
import type { VectorKind } from '../../../runner/core/vectors.ts';
import { openDuckdb } from '../../../runner/warehouses/duckdb/warehouse.ts';

let folder: string;
let warehouse: Warehouse;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-fit-'));
  warehouse = await openDuckdb({ file: join(folder, 'warehouse') });
});

afterAll(async () => {
  await warehouse?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const SOURCE_TYPE: Partial<Record<VectorKind, string>> = {
  int64: 'BIGINT',
  float64: 'DOUBLE',
  bool: 'BOOLEAN',
  decimal: 'DECIMAL(38,4)',
  date: 'DATE',
  time: 'TIME',
  datetime: 'TIMESTAMP',
  timestamp: 'TIMESTAMPTZ',
  json: 'JSON',
};

/** What the texts, first read as the kind, become as the type; `null` where they do not fit. */
async function fitted(kind: VectorKind, type: string, texts: readonly string[]): Promise<(string | null)[]> {
  const logical = parseType(type);
  if (logical === null) throw new Error(`${type} is no type`);
  const vector = { name: 'v', kind, ...(kind === 'decimal' ? { precision: 38, scale: 4 } : {}) };
  const values = texts.map((text, i) => `(${i}, ${quoteText(text)}::${SOURCE_TYPE[kind] ?? 'VARCHAR'})`);
  const found = await warehouse.query(
    `SELECT (${exactCast('v', vector, logical)})::VARCHAR AS fit FROM (VALUES ${values.join(', ')}) AS t(i, v) ORDER BY i`,
  );
  return found.map(({ fit }) => (fit === null ? null : String(fit)));
}

const CASES: readonly (readonly [kind: VectorKind, type: string, fit: string[], misfit: string[]])[] = [
  ['text', 'DATE', ['2026-01-01', '2026-01-01 00:00:00', ' 2026-1-1 '], ['2026-01-01 12:00:00', '2026-01-01 BC']],
  ['text', 'DATE', ['0001-01-01', '9999-12-31'], ['0000-01-01', '10000-01-01', '2026-02-30', '2026/01/01', '']],
  ['text', 'TIME', ['12:00', '12:00:00.1234560', '23:59:59.999999 '], ['24:00:00', '12:00:00+02', '1:00:00.1234567']],
  ['text', 'TIME', [], ['2026-01-01 12:00:00', '12:60', 'noon']],
  ['text', 'DATETIME', ['2026-01-01T12:00:00.5', '2026-01-01'], ['2026-01-01 12:00:00+02', '2026-01-01 12:00:00Z']],
  ['text', 'DATETIME', [], ['2026-01-01 12:00:00.1234567', '2026-01-01 24:00:00', '2026-01-01 12:00:00 BC']],
  ['text', 'TIMESTAMP', ['2026-01-01 12:00:00+02', '2026-01-01T12:00:00Z'], ['2026-01-01 12:00:00.1234567Z']],
  ['text', 'TIMESTAMP', ['2026-01-01 12:00:00 UTC'], ['9999-12-31 23:59:59-05', '2026-01-01 12:00:00 BC', 'now']],
  ['text', 'BOOL', ['true', 'FALSE', ' True '], ['t', 'yes', 'y', '1', '0', 'on', '']],
  ['text', 'INT64', ['42', ' -7 ', '1.000'], ['1.5', '1_000', '1e3', '0x10', '9223372036854775808', '.', '']],
  ['text', 'NUMERIC(12,2)', ['1.250', '.5'], ['1.255', '1e-3', 'NaN', '1_0']],
  ['text', 'FLOAT64', ['1.1', '1e3', 'NaN', '-Infinity', '.5'], ['1e400', '1_000', '+-8', 'one', '0x10', '.']],
  ['text', 'BYTES', ['ż\\x41'], []],
  ['text', 'JSON', ['{"a": 1.0}', 'null'], ['{', '']],
  ['text', 'ARRAY<INT64>', ['[1, 2]', '[]'], ['[1.5]', '[1, null]', '[[1]]', '[1', '1', '{"a":1}']],
  ['json', 'ARRAY<STRING>', ['["a", 1]', '[]'], ['["a", null]', '[["a"]]', '[{"a":1}]', '"a"', 'null']],
  ['json', 'ARRAY<DATE>', ['["2026-01-01"]'], ['["2026-01-01 12:00:00"]']],
  ['json', 'ARRAY<JSON>', ['[1, {"a":[2]}]'], ['1']],
  ['json', 'INT64', ['1', '"12"'], ['1.5', '"a"', 'null', '[1]', 'true']],
  ['json', 'BOOL', ['true'], ['1', '"yes"', 'null']],
  ['json', 'DATE', ['"2026-01-01"'], ['"2026-01-01 12:00:00"', '20260101']],
  ['int64', 'BOOL', ['0', '1'], ['2', '-1']],
  ['int64', 'FLOAT64', ['9007199254740993'], []],
  ['float64', 'INT64', ['3', '-0'], ['1.5', '1e300', 'NaN', 'inf']],
  ['float64', 'BOOL', ['1'], ['0.5']],
  ['float64', 'NUMERIC', ['0.1'], ['1e-12', '1e300', 'NaN']],
  ['float64', 'JSON', ['1.5'], ['NaN', 'inf']],
  ['decimal', 'INT64', ['2'], ['2.5']],
  ['decimal', 'NUMERIC(12,2)', ['2.5'], ['2.555']],
  ['datetime', 'DATE', ['2026-01-01 00:00:00'], ['2026-01-01 00:00:00.000001']],
  ['datetime', 'TIME', [], ['2026-01-01 12:00:00']],
  ['timestamp', 'DATE', ['2026-01-01 00:00:00+00'], ['2026-01-01 12:00:00+00']],
  ['timestamp', 'DATETIME', ['2026-01-01 12:00:00+00'], []],
  ['date', 'TIMESTAMP', ['2026-01-01'], []],
  ['date', 'INT64', [], ['2026-01-01']],
  ['bool', 'INT64', ['true', 'false'], []],
  ['bool', 'DATE', [], ['true']],
];

describe('an override', () => {
  it.each(CASES)('of %s to %s', async (kind, type, fit, misfit) => {
    const found = await fitted(kind, type, [...fit, ...misfit]);
    const taken = [...fit, ...misfit].filter((_, i) => found[i] !== null);
    expect(taken).toEqual(fit);
  });

  it('keeps what a text says', async () => {
    expect(await fitted('text', 'BYTES', ['ż\\x41'])).toEqual(['\\xC5\\xBC\\x5Cx41']);
    expect(await fitted('text', 'TIMESTAMP', ['2026-01-01 12:00:00+02:30'])).toEqual(['2026-01-01 09:30:00+00']);
    expect(await fitted('json', 'ARRAY<STRING>', ['["a\\"b", 1]'])).toEqual([`['a"b', 1]`]);
  });
});

// ── Properties ──────────────────────────────────────────────────────────────

const two = (n: number) => String(n).padStart(2, '0');
const choice = (...texts: string[]) => fc.constantFrom(...texts);

const moments = fc.record({
  year: fc.integer({ min: 0, max: 10_001 }).map((year) => String(year).padStart(4, '0')),
  month: fc.integer({ min: 1, max: 13 }).map(two),
  day: fc.integer({ min: 1, max: 31 }).map(two),
  clock: fc.option(
    fc.record({
      gap: choice(' ', 'T'),
      hour: choice('00', '07', '12', '23', '24'),
      minute: choice('00', '30', '59'),
      second: choice('00', '01', '59', '60'),
      fraction: choice('', '.5', '.0', '.123456', '.1234560', '.1234567', '.0000000', '.0000001'),
      zone: choice('', 'Z', '+00', '-05', '+0530', '+14:00', '-00:30:15'),
    }),
  ),
  era: choice('', '', '', ' BC'),
});

type Moment = typeof moments extends fc.Arbitrary<infer M> ? M : never;

function momentText({ year, month, day, clock, era }: Moment): string {
  const { gap, hour, minute, second, fraction, zone } = clock ?? {};
  return `${year}-${month}-${day}${clock === null ? '' : `${gap}${hour}:${minute}:${second}${fraction}${zone}`}${era}`;
}

/** The moment as DuckDB prints it, or `null` where the type cannot have it as it is. */
function meant({ year, month, day, clock, era }: Moment, type: string): string | null {
  if (era !== '') return null;
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  if (year.length !== 4 || Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day)) return null;
  const { hour = '00', minute = '00', second = '00', fraction = '', zone = '' } = clock ?? {};
  const micros = fraction.slice(1, 7).replace(/0+$/, '');
  if (hour === '24' || second === '60' || /[1-9]/.test(fraction.slice(7))) return null;
  if (type !== 'TIMESTAMP' && zone !== '') return null;
  if (type === 'DATE') {
    const midnight = `${hour}${minute}${second}${micros}` === '000000';
    return midnight && Number(year) > 0 ? `${year}-${month}-${day}` : null;
  }
  const [, sign = '+', hours = '0', minutes = '0', seconds = '0'] = /^([+-])(\d\d):?(\d\d)?:?(\d\d)?$/.exec(zone) ?? [];
  const offset = (Number(hours) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0)) * (sign === '-' ? -1 : 1);
  const at = new Date(Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) - offset * 1000);
  if (at.getTime() < Date.parse('0001-01-01T00:00:00Z') || at.getUTCFullYear() > 9999) return null;
  const text = `${at.toISOString().slice(0, 19).replace('T', ' ')}${micros === '' ? '' : `.${micros}`}`;
  return type === 'TIMESTAMP' ? `${text}+00` : text;
}

const digits = (max: number) => fc.array(choice(...'0123456789'), { maxLength: max }).map((all) => all.join(''));
const numbers = fc.record({
  sign: choice('', '-', '+'),
  whole: digits(22),
  point: choice('', '.'),
  fraction: digits(12),
});

type Figure = typeof numbers extends fc.Arbitrary<infer N> ? N : never;

const numberText = ({ sign, whole, point, fraction }: Figure) =>
  `${sign}${whole}${point}${point === '' ? '' : fraction}`;

/** The number of units of `10^-scale`, or `null` where it is no whole number of them. */
function units(text: string, scale: number): bigint | null {
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text) ?? [];
  if (`${whole}${fraction}` === '' || /[1-9]/.test(fraction.slice(scale))) return null;
  return BigInt(`${whole}${fraction.slice(0, scale).padEnd(scale, '0')}`) * (sign === '-' ? -1n : 1n);
}

describe('what is accepted is the same value, and nothing else is refused', () => {
  const runs = { numRuns: 20, endOnFailure: true };
  const many = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 50, maxLength: 150 });

  it.each(['DATE', 'DATETIME', 'TIMESTAMP'])('text to %s', async (type) => {
    const check = async (given: Moment[]) => {
      const found = await fitted('text', type, given.map(momentText));
      expect(found).toEqual(given.map((moment) => meant(moment, type)));
    };
    await fc.assert(fc.asyncProperty(many(moments), check), runs);
  });

  it.each([
    ['INT64', 0, 2n ** 63n - 1n],
    ['NUMERIC(12,2)', 2, 10n ** 38n - 1n],
    ['NUMERIC', 9, 10n ** 38n - 1n],
  ] as const)('text to %s', async (type, scale, most) => {
    const check = async (given: Figure[]) => {
      const texts = given.map(numberText);
      const found = (await fitted('text', type, texts)).map((fit) => (fit === null ? null : units(fit, scale)));
      const due = texts.map((text) => units(text, scale));
      expect(found).toEqual(due.map((n) => (n === null || n > most || n < -most - (scale === 0 ? 1n : 0n) ? null : n)));
    };
    await fc.assert(fc.asyncProperty(many(numbers), check), runs);
  });

  it.each(['INT64', 'NUMERIC', 'BOOL', 'JSON'])('float64 to %s', async (type) => {
    const values = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.integer({ min: 0, max: 1 }),
      fc.integer().map((n) => n / 8),
    );
    const check = async (given: number[]) => {
      const found = await fitted('float64', type, given.map(String));
      const back = found.map((fit) => (fit === 'true' ? 1 : fit === 'false' ? 0 : fit === null ? null : Number(fit)));
      expect(back.map((n) => n && n + 0)).toEqual(given.map((n, i) => (found[i] === null ? null : n + 0)));
      if (type === 'INT64')
        expect(found.map((fit) => fit !== null)).toEqual(
          given.map((n) => Number.isInteger(n) && Math.abs(n) < 2 ** 63),
        );
    };
    await fc.assert(fc.asyncProperty(many(values), check), runs);
  });

  it.each(['DATE', 'TIMESTAMP', 'JSON', 'TIME'])('datetime to %s and back', async (type) => {
    const micros = fc.bigInt({ min: -62135596800000000n, max: 253402300799999999n });
    const days = micros.map((n) => n - (n % 86_400_000_000n));
    const asText = (n: bigint) => {
      const ms = n < 0n ? (n - 999n) / 1000n : n / 1000n;
      const rest = String(n - ms * 1000n).padStart(3, '0');
      return `${new Date(Number(ms)).toISOString().slice(0, -1).replace('T', ' ')}${rest}`;
    };
    const check = async (given: bigint[]) => {
      const texts = given.map(asText);
      const found = await fitted('datetime', type, texts);
      for (const [i, fit] of found.entries()) {
        if (fit === null) continue;
        const [back] = await warehouse.query(
          `SELECT ${quoteText(fit.replaceAll('"', ''))}::TIMESTAMPTZ = ${quoteText(`${texts[i]}+00`)}::TIMESTAMPTZ AS same`,
        );
        expect({ fit, same: back?.same }).toEqual({ fit, same: true });
      }
      if (type === 'DATE')
        expect(found.map((fit) => fit !== null)).toEqual(given.map((n) => n % 86_400_000_000n === 0n));
    };
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof(micros, days), { minLength: 1, maxLength: 20 }), check), {
      ...runs,
      numRuns: 10,
    });
  });
});
