/** Names and literals of PostgreSQL, read and written. */
import { TributaryError } from '../../core/errors.ts';

export interface TableName {
  readonly schema?: string;
  readonly table: string;
}

const PART = /\s*(?:"((?:[^"]|"")+)"|([^".]+?))\s*(\.|$)/y;

/**
 * Reads `table` or `schema.table`. As in SQL, a part without quotes is lower-cased.
 *
 * @example parseTableName('sales."Order.Lines"') // { schema: 'sales', table: 'Order.Lines' }
 * @throws USAGE when the text names no table
 */
export function parseTableName(text: string): TableName {
  const parts: string[] = [];
  PART.lastIndex = 0;
  for (let more = true; more; ) {
    const match = PART.exec(text);
    const part = match?.[1]?.replaceAll('""', '"') ?? match?.[2]?.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    if (match === null || part === undefined) throw unreadable(text);
    parts.push(part);
    more = match[3] === '.';
    if (!more && PART.lastIndex !== text.length) throw unreadable(text);
  }
  const [first, second] = parts;
  if (first === undefined || parts.length > 2) throw unreadable(text);
  return second === undefined ? { table: first } : { schema: first, table: second };
}

function unreadable(text: string): TributaryError {
  return new TributaryError('USAGE', {
    reason: `"${text}" names no table`,
    advice: 'Write schema.table, and put a part with a dot or a capital letter in double quotes.',
  });
}

/** The name as {@link parseTableName} reads it, with quotes only where they are needed. */
export function displayName({ schema, table }: TableName): string {
  const show = (part: string) => (/^[a-z_][a-z0-9_$]*$/.test(part) ? part : quoteIdentifier(part));
  return schema === undefined ? show(table) : `${show(schema)}.${show(table)}`;
}

/** The name for SQL, always quoted. */
export function quoteTable({ schema, table }: TableName): string {
  return schema === undefined ? quoteIdentifier(table) : `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string constant that means the same whatever `standard_conforming_strings` is. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

/**
 * The query in brackets, to stand in a FROM clause. The server refuses what is not one statement,
 * as long as it is sent with the extended protocol.
 *
 * @throws SOURCE_QUERY_WRITES when it does not begin like a reading statement
 */
export function subquery(query: string): string {
  const bare = query.replace(/^(\s|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/|\()+/, '');
  if (!/^(select|with|values|table)\b/i.test(bare)) {
    const word = /^\w+/.exec(bare)?.[0];
    throw new TributaryError('SOURCE_QUERY_WRITES', {
      reason: word === undefined ? 'the query is empty' : `it begins with ${word.toUpperCase()}`,
    });
  }
  return `(\n${query.replace(/[\s;]+$/, '')}\n)`;
}
