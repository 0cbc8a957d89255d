/** Points between others, and lines of rows parted by counts: without a server. */
import { expect, test } from 'vitest';
import { idBetween, numberBetween } from '../../../runner/sources/firestore/midway.ts';
import { gathered, type Line, parted } from '../../../runner/sources/firestore/stretches.ts';

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const whole = { from: null, to: null };
const forever = new AbortController().signal;

/** Ids in memory, and how often they were asked for. */
function lineOf(ids: readonly string[]): Line<string> & { asked: number } {
  const sorted = ids.toSorted(byBytes);
  const within = (from: string | null, to: string | null) =>
    sorted.filter((id) => (from === null || byBytes(id, from) >= 0) && (to === null || byBytes(id, to) < 0));
  const line = {
    asked: 0,
    between: idBetween,
    count: async (from: string | null, to: string | null) => {
      line.asked += 1;
      return within(from, to).length;
    },
    first: async (from: string | null, to: string | null) => {
      line.asked += 1;
      return within(from, to)[0] ?? null;
    },
  };
  return line;
}

test.each([
  ['a', 'c', 'b'],
  ['order-1', 'order-9', 'order-5'],
  ['a', 'b', 'a{'],
  ['', null, '{'],
  [null, null, '{'],
  ['__id7__', null, '{'],
  ['a', 'a ', null],
  ['.', '0', '.{'],
  ['z🙂', 'z🙃', 'z🙂{'],
  ['a.', 'a0', 'a.{'],
  ['\ud7ff', '\ue000', '\ud7ff{'],
  [`a${'x'.repeat(1499)}`, `a${'x'.repeat(1498)}y`, null],
])('between %j and %j lies %j', (from, to, found) => {
  expect(idBetween(from, to)).toBe(found);
});

test('a point lies between its two in the order of bytes, and is an id that may be asked for', () => {
  const signs = ['a', 'b', '0', '.', ' ', '~', 'ż', '\ud7ff', '\ue000', '\uffff', '🙂', '\u{10ffff}'];
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  const anId = () => Array.from({ length: random(5) }, () => signs[random(signs.length)]).join('');
  let found = 0;
  for (let i = 0; i < 20_000; i++) {
    const [low = '', high = ''] = [anId(), anId()].sort(byBytes);
    const middle = low === high ? null : idBetween(low, random(9) === 0 ? null : high);
    if (middle === null) continue;
    found += 1;
    expect(byBytes(low, middle)).toBeLessThan(0);
    expect(middle).not.toMatch(/\/|^\.\.?$|^__.*__$/);
    expect(Buffer.from(middle).toString()).toBe(middle);
  }
  expect(found).toBeGreaterThan(15_000);
});

test('numbers of either sign', () => {
  expect(numberBetween(-3n, -1n)).toBe(-2n);
  expect(numberBetween(-1n, 1n)).toBe(0n);
  expect(numberBetween(-2n, -1n)).toBeNull();
  expect(numberBetween(5n, 5n)).toBeNull();
});

test.each([
  ['that begin alike', Array.from({ length: 5000 }, (_, i) => `tenants-of-the-north-${String(i).padStart(9, '0')}`)],
  ['of random letters', Array.from({ length: 5000 }, (_, i) => `${(i * 2654435761) % 4294967296}x${i}`)],
  ['beyond ASCII', Array.from({ length: 2000 }, (_, i) => `注文🙂${String.fromCodePoint(0x4e00 + i)}`)],
])('ids %s come in pieces of about the same size', async (_, ids) => {
  const line = lineOf(ids);
  const pieces = await parted(line, { ...whole, rows: ids.length }, ids.length / 32, forever);
  expect(pieces.reduce((sum, { rows }) => sum + rows, 0)).toBe(ids.length);
  expect(pieces[0]?.from).toBeNull();
  expect(pieces.at(-1)?.to).toBeNull();
  for (const [i, { to }] of pieces.slice(0, -1).entries()) expect(pieces[i + 1]?.from).toBe(to);
  expect(Math.max(...pieces.map(({ rows }) => rows))).toBeLessThanOrEqual(ids.length / 32);
  const splits = gathered(pieces, 8);
  expect(splits).toHaveLength(8);
  expect(Math.max(...splits.map(({ rows }) => rows))).toBeLessThan((ids.length / 8) * 1.3);
  expect(line.asked).toBeLessThan(1000);
});

test('rows that nothing parts stay together; more pieces than wanted are gathered', async () => {
  const line: Line<bigint> = {
    between: (from, to) => (to === null ? null : numberBetween(from, to)),
    count: async (from, to) => ((from ?? 0n) <= 7n && (to === null || to > 7n) ? 900 : 0) + (to === null ? 1 : 0),
    first: async (from, to) => ((from ?? 0n) <= 7n && (to === null || to > 7n) ? 7n : null),
  };
  const pieces = await parted(line, { from: 0n, to: 1n << 60n, rows: 900 }, 10, forever);
  expect(pieces).toEqual([{ from: 0n, to: 1n << 60n, rows: 900 }]);
  const many = Array.from({ length: 10 }, (_, i) => ({ from: i, to: i + 1, rows: i === 4 ? 1000 : 1 }));
  const found = gathered(many, 3);
  expect(found.length).toBeLessThanOrEqual(3);
  expect(found[0]?.from).toBe(0);
  expect(found.at(-1)?.to).toBe(10);
  expect(gathered([{ ...whole, rows: 0 }], 5)).toEqual([{ ...whole, rows: 0 }]);
});
