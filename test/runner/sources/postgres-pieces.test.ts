import fc from 'fast-check';
import { expect, test } from 'vitest';
import { endsWithin, pieceCount, splitsOf, stretches } from '../../../runner/core/pieces.ts';
import { evenly } from '../../../runner/sources/postgres/divide.ts';
import { pageBounds } from '../../../runner/sources/postgres/pieces.ts';

test('bounds of pages rise, lie within, and no piece has far more than its share', () => {
  const parts = fc.array(fc.nat(5000), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 40 }), (pages, pieces) => {
      const bounds = pageBounds(pages, pieces);
      const total = pages.reduce((sum, one) => sum + one, 0);
      const ends = [0, ...bounds, Math.max(...pages)];
      expect(bounds.length).toBeLessThan(pieces);
      for (const [i, end] of ends.entries()) {
        if (i === 0) continue;
        const start = ends[i - 1] ?? 0;
        if (i < ends.length - 1) expect(end).toBeGreaterThan(start);
        const held = pages.reduce((sum, one) => sum + Math.max(0, Math.min(one, end) - start), 0);
        expect(held).toBeLessThanOrEqual(total / pieces + pages.length + 1);
      }
    }),
  );
});

test('as many pieces as there are rows or bytes for', () => {
  const count = (rows: number | null, bytes: number | null, most = 100) => pieceCount({ rows, bytes }, most);
  expect(count(null, null)).toBe(1);
  expect(count(0, 0)).toBe(1);
  expect(count(99_999, 1000)).toBe(1);
  expect(count(100_000, 1000)).toBe(2);
  expect(count(10, 64 << 20)).toBe(4);
  expect(count(1e9, 1e12)).toBe(100);
  expect(count(1e9, 1e12, 1)).toBe(1);
});

test('stretches leave no gap, and their ids keep their order', () => {
  expect(stretches([])).toEqual([{ from: null, to: null }]);
  expect(stretches(['b', 'm'])).toEqual([
    { from: null, to: 'b' },
    { from: 'b', to: 'm' },
    { from: 'm', to: null },
  ]);
  const splits = splitsOf(
    Array.from({ length: 12 }, (_, i) => i),
    120,
  );
  expect(splits.at(11)).toEqual({ id: '00011', task: 11, rows: 10 });
  expect(splits.map(({ id }) => id).sort()).toEqual(splits.map(({ id }) => id));
});

test('a window is safe that ends at the bound or before it', () => {
  expect(endsWithin('2026-01-01 00:00:00.000001+00', '2026-01-01 00:00:00.000001+00')).toBe(true);
  expect(endsWithin('2026-01-01', '2026-01-02 00:00:00+00')).toBe(true);
  expect(endsWithin('2026-01-03', '2026-01-02 00:00:00+00')).toBe(false);
  expect(endsWithin('9007199254740993', '9007199254740992')).toBe(false);
  expect(endsWithin('-5', '7')).toBe(true);
  expect(endsWithin('never', '2026-01-02')).toBe(false);
});

test('values part rows evenly, also where one of them is of many rows', () => {
  const digits = [...'0123456789ab'];
  expect(evenly(digits, 3)).toEqual(['4', '8']);
  expect(evenly(digits, 12)).toEqual(digits.slice(1));
  expect(evenly([...'aaaaaaaaab'], 3)).toEqual(['b']);
  expect(evenly([...'abbbbbbbbb'], 3)).toEqual(['b']);
  expect(evenly([...'aaaa'], 3)).toEqual([]);
  expect(evenly([], 3)).toEqual([]);
});
