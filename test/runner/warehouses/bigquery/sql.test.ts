import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { constant, quoteName, quoteText } from '../../../../runner/bigquery/sql.ts';
import { stateOf } from '../../../../runner/warehouses/bigquery/names.ts';

/** Reads a literal of GoogleSQL by the rules of its lexical structure; fails where it would end early. */
function read(literal: string, quote: string): string {
  expect(literal.at(0)).toBe(quote);
  let text = '';
  for (let i = 1; ; i++) {
    const character = literal[i];
    if (character === undefined) throw new Error('it does not end');
    if (character === quote) {
      expect(i, 'it ends early').toBe(literal.length - 1);
      return text;
    }
    expect(character).not.toMatch(/[\n\r]/);
    if (character !== '\\') {
      text += character;
      continue;
    }
    const code = literal[++i] ?? '';
    if (code === 'u') {
      text += String.fromCharCode(Number.parseInt(literal.slice(i + 1, i + 5), 16));
      i += 4;
    } else {
      expect(['\\', quote]).toContain(code);
      text += code;
    }
  }
}

const anyText = fc.string({ unit: 'binary', maxLength: 40 });
const nasty = fc
  .array(fc.constantFrom('`', "'", '"', '\\', '\n', '\r', '\t', '\0', '\u2028', ';', '--', '*/', 'ü', '😀', '@x', '${'))
  .map((parts) => parts.join(''));

describe('quoting', () => {
  test('a text is one literal and the same text', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, nasty), (text) => {
        expect(read(quoteText(text), "'")).toBe(text.toWellFormed());
      }),
    );
  });

  test('a name is one identifier and the same name', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, nasty), (name) => {
        expect(read(quoteName(name), '`')).toBe(name.toWellFormed());
      }),
    );
  });

  test.each([
    ["x'); DROP TABLE t; --", "'x\\'); DROP TABLE t; --'"],
    ["\\'", "'\\\\\\''"],
    ['a\nb\0', "'a\\u000ab\\u0000'"],
  ])('%j', (text, literal) => {
    expect(quoteText(text)).toBe(literal);
  });
});

describe('constants', () => {
  test.each([
    ['INT64', '-5', '-5'],
    ['INT64', '1.5', null],
    ['INT64', '1 OR TRUE', null],
    ['NUMERIC', '1.50', "NUMERIC '1.50'"],
    ['NUMERIC', "1'", null],
    ['STRING', "it's", "'it\\'s'"],
    ['STRING', 'x'.repeat(2000), null],
    ['TIMESTAMP', '2026-01-01 00:00:00+00', "TIMESTAMP '2026-01-01 00:00:00+00'"],
    ['FLOAT64', '1.5', null],
    ['BYTES', 'x', null],
    ['JSON', '1', null],
  ] as const)('%s %s', (kind, text, sql) => {
    expect(constant(text, { kind })).toBe(sql);
  });
});

test('sources whose names become the same have states of their own', () => {
  const tables = ['a-b', 'a_b', 'a.b'].map((source) => stateOf('acme', source).table);
  expect(new Set(tables).size).toBe(3);
  expect(stateOf('acme', 'orders')).toEqual({ dataset: 'acme_tributary', table: '_state_orders_874229ea' });
});
