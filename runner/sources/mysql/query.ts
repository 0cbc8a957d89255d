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
  return masked(wireColumn(column).render(quoteIdentifier(column.source)), column.mask);
}

/** HMAC as RFC 2104 defines it, from the server's own sha256, over the text in UTF-8. */
function masked(text: string, mask: ReadColumn['mask']): string {
  const bytes = `CAST(CONVERT(${text} USING utf8mb4) AS BINARY)`;
  switch (mask) {
    case undefined:
      return text;
    case 'redact':
      return `CASE WHEN ${text} IS NULL THEN NULL ELSE '***' END`;
    case 'null':
      return 'CAST(NULL AS CHAR)';
    case 'sha256':
      return `SHA2(${bytes}, 256)`;
    case 'hmac-sha256':
      return `SHA2(CONCAT(${MASK_OUTER}, UNHEX(SHA2(CONCAT(${MASK_INNER}, ${bytes}), 256))), 256)`;
  }
}

const ZERO = "'0000-00-00'";

/** Rows whose cursor is NULL. A zero date reads as NULL, and so it counts as one. */
export function nullClause(column: string, pointInTime: boolean): string {
  const name = quoteIdentifier(column);
  return pointInTime ? `(${name} IS NULL OR ${name} = ${ZERO})` : `${name} IS NULL`;
}

/** `from <= cursor < to`, and the rows without a cursor where they are wanted. */
export function windowClause(window: Window | null, nullCursors: boolean): string {
  if (window === null) return '';
  const column = quoteIdentifier(window.column);
  const pointInTime = isPointInTime(window.to);
  const none = pointInTime ? `${column} > ${ZERO} AND ` : '';
  const lower = window.from === null ? none : `${column} >= ${cursorLiteral(window.from)} AND `;
  const inside = `${lower}${column} < ${cursorLiteral(window.to)}`;
  return ` WHERE ${nullCursors ? `((${inside}) OR ${nullClause(window.column, pointInTime)})` : inside}`;
}

export function isPointInTime(cursor: string): boolean {
  return /^\d+-\d\d-\d\d/.test(cursor);
}

/** Not every version reads an offset in a literal, and the session is in UTC. A number stays one, so that an index serves. */
function cursorLiteral(cursor: string): string {
  if (/^-?\d+$/.test(cursor)) return cursor;
  const zoned = /^(\d+-\d\d-\d\d[ T][\d:.]+?)\s*(?:Z|([+-]\d\d):?(\d\d)?)$/.exec(cursor);
  if (zoned === null) return quoteLiteral(cursor.replace('T', ' '));
  const [, local = '', hours = '+00', minutes = '00'] = zoned;
  const literal = quoteLiteral(local.replace('T', ' '));
  return Number(hours) === 0 && minutes === '00' ? literal : `CONVERT_TZ(${literal}, '${hours}:${minutes}', '+00:00')`;
}

/** The SELECT of a read. */
export function selectStatement(spec: Pick<ReadSpec, 'object' | 'columns' | 'window' | 'nullCursors'>): string {
  const list = spec.columns.map(selectItem).join(', ');
  return `SELECT ${list} FROM ${fromClause(spec.object)}${windowClause(spec.window, spec.nullCursors)}`;
}
