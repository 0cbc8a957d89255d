import { describe, expect, test } from 'vitest';
import { Cutter, count } from '../../../runner/columnar/files/cutter.ts';
import { fieldsOf } from '../../../runner/columnar/files/header.ts';
import { compressionOf, constantsOf, matcher } from '../../../runner/files/select.ts';

describe('which objects fit', () => {
  test.each([
    ['daily/', '*.csv.gz', 'daily/a.csv.gz', true],
    ['daily/', '*.csv.gz', 'daily/deep/a.csv.gz', false],
    ['', '**/*.csv', 'a/b/c.csv', true],
    ['', '**/*.csv', 'c.csv', true],
    ['x/', '{a,b}-2026-11-[0-9][0-9].json', 'x/b-2026-11-23.json', true],
    ['x/', '{a,b}-2026-11-[0-9][0-9].json', 'x/c-2026-11-23.json', false],
    ['', 'part-?.parquet', 'part-1.parquet', true],
    ['', '*', 'folder/', false],
    ['', '*', '.hidden', true],
    ['', '!a', '!a', true],
  ])('%s + %s: %s is %s', (prefix, match, name, fits) => {
    expect(matcher({ prefix, match })(name)).toBe(fits);
  });

  test('what a name says', () => {
    const object = { name: 's/year=2026/city=S%C3%A3o/a.csv', modifiedAt: '2026-01-01T00:00:00Z' };
    expect(constantsOf(object, 'gs://b/a.csv', { hive: true })).toEqual({
      year: '2026',
      city: 'São',
      _file: 'gs://b/a.csv',
      _modified_at: '2026-01-01T00:00:00Z',
    });
    expect(Object.keys(constantsOf(object, 'u', { hive: false }))).toEqual(['_file', '_modified_at']);
    expect(compressionOf('a.CSV.GZ', { format: 'csv' })).toBe('gzip');
    expect(compressionOf('a.gz', { format: 'parquet' })).toBe('none');
  });
});

describe('where text may be cut', () => {
  const bytes = (text: string) => Buffer.from(text);
  const cut = (text: string, quote: string | null = '"', escaping: string | null = null) => {
    const records = { quote: quote?.charCodeAt(0) ?? null, escape: escaping?.charCodeAt(0) ?? null };
    const cutter = new Cutter(records);
    cutter.add(bytes(text));
    return cutter.lastEnd(bytes(text));
  };

  test('behind the last line end that is not quoted', () => {
    expect(cut('a\nb')).toBe(2);
    expect(cut('a\n"b\nc')).toBe(2);
    expect(cut('a\n"b\n""c"\nd')).toBe(10);
    expect(cut('"a\nb')).toBe(0);
    expect(cut('"a\nb', null)).toBe(3);
    expect(cut('"a\\"\n"\n', '"', '\\')).toBe(7);
    expect(cut('"a\\"\n', '"', '\\')).toBe(0);
  });

  test('counts as a plain loop does, at every offset', () => {
    const text = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919 + (i >> 3)) % 13));
    for (let from = 0; from < 9; from++) {
      const part = text.subarray(from);
      expect(count(part, 10)).toBe(part.filter((byte) => byte === 10).length);
    }
    expect(count(Buffer.alloc(3000, 10), 10)).toBe(3000);
  });
});

test('fields of a header', () => {
  const csv = { delimiter: ',', quote: '"' } as Parameters<typeof fieldsOf>[1];
  expect(fieldsOf('a,"b ""x"", y",', csv)).toEqual(['a', 'b "x", y', '']);
});
