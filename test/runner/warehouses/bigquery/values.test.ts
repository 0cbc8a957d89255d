import fc from 'fast-check';
import { expect, test } from 'vitest';
import { positionalConfiguration } from '../../../../runner/bigquery/parameters.ts';
import { microsOf, rowsOf } from '../../../../runner/bigquery/values.ts';

const one = (type: string, v: unknown, mode = 'NULLABLE') =>
  rowsOf({ fields: [{ name: 'x', type, mode }] }, [{ f: [{ v }] }])[0]?.x;

test.each([
  ['INTEGER', '9223372036854775807', '9223372036854775807'],
  ['NUMERIC', '1.5', '1.5'],
  ['FLOAT', '1.5', 1.5],
  ['FLOAT', '-0', -0],
  ['FLOAT', 'NaN', 'NaN'],
  ['FLOAT', 'Infinity', 'Infinity'],
  ['BOOLEAN', 'true', true],
  ['BOOLEAN', 'false', false],
  ['STRING', '', ''],
  ['STRING', null, null],
  ['DATE', '0001-01-01', '0001-01-01'],
  ['TIME', '01:02:03.500000', '01:02:03.5'],
  ['DATETIME', '2026-01-01T00:00:00', '2026-01-01 00:00:00'],
  ['TIMESTAMP', '1767225601000000', '2026-01-01 00:00:01+00'],
  ['TIMESTAMP', '1.767225601E9', '2026-01-01 00:00:01+00'],
  ['TIMESTAMP', '253402300799999999', '9999-12-31 23:59:59.999999+00'],
  ['TIMESTAMP', '-62135596800000000', '0001-01-01 00:00:00+00'],
  ['TIMESTAMP', '-1', '1969-12-31 23:59:59.999999+00'],
  ['JSON', '{"a":"ü"}', '{"a":"ü"}'],
])('%s %s', (type, given, value) => {
  expect(one(type, given)).toEqual(value);
});

test('what repeats and what has fields', () => {
  expect(one('INTEGER', [{ v: '1' }, { v: '2' }], 'REPEATED')).toEqual(['1', '2']);
  expect(one('STRING', null, 'REPEATED')).toEqual([]);
  const fields = [{ name: 'r', type: 'RECORD', fields: [{ name: 'a', type: 'INTEGER' }] }];
  expect(rowsOf({ fields }, [{ f: [{ v: { f: [{ v: '7' }] } }] }])).toEqual([{ r: { a: '7' } }]);
});

test('microseconds survive both spellings', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -62135596800000000n, max: 253402300799999999n }), (micros) => {
      const sign = micros < 0n ? '-' : '';
      const digits = String(micros < 0n ? -micros : micros).padStart(7, '0');
      expect(microsOf(String(micros))).toBe(micros);
      expect(microsOf(`${sign}${digits.slice(0, -6)}.${digits.slice(-6)}`)).toBe(micros);
      expect(microsOf(`${sign}${digits[0]}.${digits.slice(1)}E${digits.length - 7}`)).toBe(micros);
    }),
  );
});

test('parameters by place', () => {
  expect(positionalConfiguration('SELECT 1', [])).toEqual({ query: 'SELECT 1', useLegacySql: false });
  expect(positionalConfiguration('SELECT ?', ['a'])).toMatchObject({
    parameterMode: 'POSITIONAL',
    queryParameters: [{ parameterType: { type: 'STRING' }, parameterValue: { value: 'a' } }],
  });
  expect(positionalConfiguration('SELECT $2, $1', [1, null])).toMatchObject({
    query: 'SELECT @p2, @p1',
    parameterMode: 'NAMED',
    queryParameters: [
      { name: 'p1', parameterType: { type: 'INT64' } },
      { name: 'p2', parameterValue: { value: null } },
    ],
  });
});
