/** Names of tables in BigQuery, read and written. */
import { quoteName } from '../../bigquery/sql.ts';
import { TributaryError } from '../../core/errors.ts';

export interface TableName {
  readonly dataset: string;
  /** Without its `*` where it names many tables. */
  readonly table: string;
  /** All tables that begin so: `events_*`. */
  readonly wildcard: boolean;
}

const PART = /^(?:`([^`]+)`|([^`.]+))$/;

/**
 * Reads `dataset.table` or `dataset.prefix_*`; each part may stand between backticks.
 *
 * @example parseTableName('stackoverflow.posts_questions') // { dataset: 'stackoverflow', table: 'posts_questions', wildcard: false }
 * @throws USAGE when the text names no table
 */
export function parseTableName(text: string): TableName {
  const cut = text.indexOf('.');
  const [dataset, table] = [text.slice(0, cut), text.slice(cut + 1)].map((part) => {
    const found = PART.exec(part.trim());
    return (found?.[1] ?? found?.[2])?.trim();
  });
  if (cut < 1 || !dataset || !table || /[.`]/.test(table))
    throw new TributaryError('USAGE', {
      reason: `"${text}" names no table`,
      advice: 'Write <dataset>.<table>; the project stands in the connection.',
    });
  const wildcard = table.endsWith('*');
  return { dataset, table: wildcard ? table.slice(0, -1) : table, wildcard };
}

export function displayName({ dataset, table, wildcard }: TableName): string {
  return `${dataset}.${table}${wildcard ? '*' : ''}`;
}

/** The name for SQL, one pair of backticks around all of it, as a wildcard needs it. */
export function quoteTable(project: string, { dataset, table, wildcard }: TableName): string {
  return quoteName(`${project}.${dataset}.${table}${wildcard ? '*' : ''}`);
}

/**
 * The query in brackets, to stand in a FROM clause. What is more than one statement is refused by BigQuery there.
 *
 * @throws SOURCE_QUERY_WRITES when it does not begin like a reading statement
 */
export function subquery(query: string): string {
  const bare = query.replace(/^(\s|(?:--|#)[^\n]*(\n|$)|\/\*[\s\S]*?\*\/|\()+/, '');
  if (!/^(select|with|from)\b/i.test(bare)) {
    const word = /^\w+/.exec(bare)?.[0];
    throw new TributaryError('SOURCE_QUERY_WRITES', {
      reason: word === undefined ? 'the query is empty' : `it begins with ${word.toUpperCase()}`,
    });
  }
  return `(\n${query.replace(/[\s;]+$/, '')}\n)`;
}
