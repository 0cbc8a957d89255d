/** The SQL of a read: projection, window and masks are the server's work. */
import { createHash } from 'node:crypto';
import { quoteName, quoteText } from '../../bigquery/sql.ts';
import type { ObjectRef, ReadColumn, ReadSpec, Window } from '../../core/contracts/source.ts';
import { parseTableName, quoteTable, subquery } from './name.ts';
import { asText, expression } from './types.ts';

/** Parameters that hold the padded halves of the HMAC key, out of any statement's text. */
const INNER = 'tributary_mask_inner';
const OUTER = 'tributary_mask_outer';

/** Where the rows come from. */
export interface From {
  readonly project: string;
  readonly object: ObjectRef;
  /** Type of the cursor in SQL; the literals of a window are of it. */
  readonly cursorType?: string;
  /** ISO 8601: the table as it was then. Of plain tables only. */
  readonly at?: string;
}

/** What to read from: a quoted table, or the query in brackets. */
export function fromClause({ project, object, at }: From): string {
  if (object.query !== undefined) return `${subquery(object.query)} AS source_query`;
  const table = quoteTable(project, parseTableName(object.table ?? ''));
  return at === undefined ? table : `${table} FOR SYSTEM_TIME AS OF TIMESTAMP ${quoteText(at)}`;
}

function selectItem(column: ReadColumn, nested: 'native' | 'text'): string {
  return `${masked(column, nested)} AS ${quoteName(column.name)}`;
}

/** HMAC as RFC 2104 defines it, from SHA256. */
function masked(column: ReadColumn, nested: 'native' | 'text'): string {
  if (column.mask === undefined) return expression(column, nested);
  const text = asText(column);
  switch (column.mask) {
    case 'redact':
      return `IF(${quoteName(column.source)} IS NULL, NULL, '***')`;
    case 'null':
      return 'CAST(NULL AS STRING)';
    case 'sha256':
      return `TO_HEX(SHA256(${text}))`;
    case 'hmac-sha256':
      return `TO_HEX(SHA256(CONCAT(FROM_HEX(@${OUTER}), SHA256(CONCAT(FROM_HEX(@${INNER}), CAST(${text} AS BYTES))))))`;
  }
}

const LITERALS = new Set(['DATE', 'DATETIME', 'TIMESTAMP', 'TIME', 'NUMERIC', 'BIGNUMERIC']);

function literal(text: string, type: string): string {
  const kind = /^\w+/.exec(type)?.[0] ?? '';
  if (kind === 'INT64' && /^[+-]?\d+$/.test(text)) return text;
  return LITERALS.has(kind) ? `${kind} ${quoteText(text)}` : quoteText(text);
}

/** `from <= cursor < to`, and the rows without a cursor where they are wanted; empty without a window. */
export function windowCondition(window: Window | null, nullCursors: boolean, cursorType = 'STRING'): string {
  if (window === null) return '';
  const column = quoteName(window.column);
  const lower = window.from === null ? '' : `${column} >= ${literal(window.from, cursorType)} AND `;
  const inside = `${lower}${column} < ${literal(window.to, cursorType)}`;
  return nullCursors ? `((${inside}) OR ${column} IS NULL)` : inside;
}

/** The SELECT of a read. */
export function selectStatement(
  from: From,
  { columns, window, nullCursors }: Pick<ReadSpec, 'columns' | 'window' | 'nullCursors'>,
  nested: 'native' | 'text',
): string {
  const list = columns.map((column) => selectItem(column, nested)).join(', ');
  const where = windowCondition(window, nullCursors, from.cursorType);
  return `SELECT ${list} FROM ${fromClause(from)}${where === '' ? '' : ` WHERE ${where}`}`;
}

const HMAC_BLOCK = 64;

/** Parameters of a statement whose columns are masked so. */
export function maskParameters({ columns, maskKey }: Pick<ReadSpec, 'columns' | 'maskKey'>): Record<string, string> {
  if (maskKey === undefined || !columns.some(({ mask }) => mask === 'hmac-sha256')) return {};
  const bytes = Buffer.from(maskKey);
  const block = Buffer.alloc(HMAC_BLOCK);
  (bytes.length > HMAC_BLOCK ? createHash('sha256').update(bytes).digest() : bytes).copy(block);
  const pad = (octet: number) => Buffer.from(block.map((byte) => byte ^ octet)).toString('hex');
  return { [INNER]: pad(0x36), [OUTER]: pad(0x5c) };
}
