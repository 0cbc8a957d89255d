/** GoogleSQL fragments: names, literals and parameters. Nothing of a user reaches a statement another way. */
import type { LogicalType } from '../core/types.ts';

/** A named parameter as the API takes it: values are texts. */
export type QueryParameter =
  | {
      readonly name: string;
      readonly type: 'STRING' | 'INT64' | 'FLOAT64' | 'NUMERIC' | 'BOOL' | 'TIMESTAMP';
      readonly value: string | null;
    }
  /** An array of texts. */
  | { readonly name: string; readonly type: 'STRING'; readonly values: readonly string[] };

/** One statement or script with its parameters. */
export interface Query {
  readonly sql: string;
  readonly parameters: readonly QueryParameter[];
}

/**
 * A name between backticks.
 *
 * @example quoteName('a`b') // '`a\\`b`'
 */
export function quoteName(name: string): string {
  return `\`${escaped(name, '`')}\``;
}

/** A STRING literal on one line. */
export function quoteText(text: string): string {
  return `'${escaped(text, "'")}'`;
}

/** Fragments between commas; names are quoted. */
export function list(names: readonly string[], render: (name: string) => string = quoteName): string {
  return names.map(render).join(', ');
}

const NUMBER = /^[+-]?\d+(?:\.\d+)?$/;

/**
 * A constant of a type from its text, foldable before the statement runs, so that it prunes.
 *
 * @returns `null` where a constant could be inexact or has no order: FLOAT64, BYTES, JSON, arrays, and texts that are
 * too long to put into a statement.
 * @example constant('2026-01-01 00:00:01+00', { kind: 'TIMESTAMP' }) // "TIMESTAMP '2026-01-01 00:00:01+00'"
 */
export function constant(text: string, { kind }: LogicalType): string | null {
  switch (kind) {
    case 'INT64':
      return /^[+-]?\d+$/.test(text) ? text : null;
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return NUMBER.test(text) ? `${kind} '${text}'` : null;
    case 'STRING':
      return text.length <= LONGEST_CONSTANT ? quoteText(text) : null;
    case 'DATE':
    case 'TIME':
    case 'DATETIME':
    case 'TIMESTAMP':
      return `${kind} ${quoteText(text)}`;
    default:
      return null;
  }
}

const LONGEST_CONSTANT = 1024;

/** What a literal on one line cannot hold as it is. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029]/gu;

function escaped(text: string, quote: string): string {
  return text
    .toWellFormed()
    .replaceAll('\\', '\\\\')
    .replaceAll(quote, `\\${quote}`)
    .replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
