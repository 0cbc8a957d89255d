/** The SQL of a read: projection, window, mask and casts are the server's work. */
import type { ObjectRef, ReadColumn, ReadSpec, Window } from '../../core/contracts/source.ts';
import { parseTableName, quoteIdentifier, quoteLiteral, quoteTable, subquery } from './identifier.ts';
import { MASK_INNER, MASK_OUTER } from './mask-key.ts';
import { wireColumn } from './types.ts';

/** What to read from: a quoted table name or the query in brackets. */
export function fromClause(object: ObjectRef): string {
  if (object.query !== undefined) return `${subquery(object.query)} AS source_query`;
  return quoteTable(parseTableName(object.table ?? ''));
}

/** One column of the SELECT list, masked and cast as asked. */
export function selectItem(column: ReadColumn): string {
  const rendered = wireColumn(column).render(quoteIdentifier(column.source));
  return `${masked(rendered, column.mask)} AS ${quoteIdentifier(column.name)}`;
}

/**
 * HMAC as RFC 2104 defines it, from the server's own sha256: no extension is needed. The bytes are those that the session
 * would be sent (UTF-8); `convert_to` refuses texts that are not.
 */
function masked(text: string, mask: ReadColumn['mask']): string {
  const bytes = `textsend(${text})`;
  switch (mask) {
    case undefined:
      return text;
    case 'redact':
      return `CASE WHEN ${text} IS NULL THEN NULL ELSE '***' END`;
    case 'null':
      return 'NULL::text';
    case 'sha256':
      return `encode(sha256(${bytes}),'hex')`;
    case 'hmac-sha256': {
      const inner = `sha256(decode(current_setting('${MASK_INNER}'),'hex')||${bytes})`;
      return `encode(sha256(decode(current_setting('${MASK_OUTER}'),'hex')||${inner}),'hex')`;
    }
  }
}

/** `from <= cursor < to`, and the rows without a cursor where they are wanted. */
export function windowClause(window: Window | null, nullCursors: boolean): string {
  if (window === null) return '';
  const column = quoteIdentifier(window.column);
  const lower = window.from === null ? '' : `${column} >= ${quoteLiteral(window.from)} AND `;
  const inside = `${lower}${column} < ${quoteLiteral(window.to)}`;
  return ` WHERE ${nullCursors ? `((${inside}) OR ${column} IS NULL)` : inside}`;
}

/** The SELECT of a read, without its split. */
export function selectStatement(spec: Pick<ReadSpec, 'object' | 'columns' | 'window' | 'nullCursors'>): string {
  const list = spec.columns.map(selectItem).join(', ');
  return `SELECT ${list} FROM ${fromClause(spec.object)}${windowClause(spec.window, spec.nullCursors)}`;
}
