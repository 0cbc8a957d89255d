/** Names and literals of MySQL, read and written. */
import { TributaryError } from '../../core/errors.ts';

export interface TableName {
  /** Absent: the database of the connection. */
  readonly schema?: string;
  readonly table: string;
}

const PART = /\s*(?:`((?:[^`]|``)+)`|"((?:[^"]|"")+)"|([^`".]+?))\s*(\.|$)/y;

/**
 * Reads `table` or `database.table`; a part with a dot stands in backquotes, or in double quotes.
 *
 * @example parseTableName('sales.`Order.Lines`') // { schema: 'sales', table: 'Order.Lines' }
 * @throws USAGE when the text names no table
 */
export function parseTableName(text: string): TableName {
  const parts: string[] = [];
  PART.lastIndex = 0;
  for (let more = true; more; ) {
    const match = PART.exec(text);
    const part = match?.[1]?.replaceAll('``', '`') ?? match?.[2]?.replaceAll('""', '"') ?? match?.[3];
    if (match === null || part === undefined) throw unreadable(text);
    parts.push(part);
    more = match[4] === '.';
    if (!more && PART.lastIndex !== text.length) throw unreadable(text);
  }
  const [first, second] = parts;
  if (first === undefined || parts.length > 2) throw unreadable(text);
  return second === undefined ? { table: first } : { schema: first, table: second };
}

function unreadable(text: string): TributaryError {
  return new TributaryError('USAGE', {
    reason: `"${text}" names no table`,
    advice: 'Write table or database.table, and put a part with a dot in backquotes.',
  });
}

/** The name as {@link parseTableName} reads it, with quotes only where they are needed. */
export function displayName({ schema, table }: TableName): string {
  const show = (part: string) => (/^[\p{L}\p{N}_$]+$/u.test(part) ? part : quoteIdentifier(part));
  return schema === undefined ? show(table) : `${show(schema)}.${show(table)}`;
}

/** The name for SQL, always quoted. */
export function quoteTable({ schema, table }: TableName): string {
  return schema === undefined ? quoteIdentifier(table) : `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
}

export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A string constant; sessions of this connector read a backslash as an escape. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/**
 * The query in brackets, to stand in a FROM clause. The server refuses what is not one statement.
 *
 * @throws SOURCE_QUERY_WRITES when it does not begin like a reading statement
 */
export function subquery(query: string): string {
  const bare = query.replace(/^(\s|--\s[^\n]*(\n|$)|#[^\n]*(\n|$)|\/\*(?![!M])[\s\S]*?\*\/|\()+/, '');
  if (!/^(select|with|values|table)\b/i.test(bare)) {
    const word = /^\w+/.exec(bare)?.[0];
    throw new TributaryError('SOURCE_QUERY_WRITES', {
      reason: word === undefined ? 'the query is empty' : `it begins with ${word.toUpperCase()}`,
    });
  }
  return `(\n${query.replace(/[\s;]+$/, '')}\n)`;
}
