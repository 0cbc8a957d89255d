/** A few rows to look at. */
import type { ReadColumn } from '../../core/contracts/source.ts';
import type { Session } from './connect.ts';
import { selectItem } from './query.ts';

/**
 * The first rows as the server's own texts, masks applied.
 *
 * @param from `\`shop\`.\`orders\``, or a query in brackets with its alias.
 */
export async function sampleRows(
  { client }: Session,
  columns: readonly ReadColumn[],
  from: string,
  limit: number,
): Promise<readonly (readonly (string | null)[])[]> {
  const [rows] = await client.query({
    sql: `SELECT ${columns.map((column) => selectItem(withoutKey(column))).join(', ')} FROM ${from} LIMIT ${Math.floor(limit)}`,
    rowsAsArray: true,
    typeCast: (field) => field.buffer(),
  });
  return (rows as unknown as (Buffer | null)[][]).map((row) =>
    row.map((value, i) => (value === null ? null : textOf(value, columns[i] as ReadColumn))),
  );
}

/** A look needs no key: what would be hashed with it is hidden. */
function withoutKey(column: ReadColumn): ReadColumn {
  return column.mask === 'hmac-sha256' ? { ...column, mask: 'redact' } : column;
}

function textOf(value: Buffer, { logical, mask }: ReadColumn): string {
  if (mask !== undefined) return value.toString('utf8');
  if (logical.kind === 'BYTES') return `\\x${value.toString('hex')}`;
  const text = value.toString('utf8');
  const pointInTime = logical.kind === 'TIMESTAMP' || logical.kind === 'DATETIME' || logical.kind === 'TIME';
  if (!pointInTime) return text;
  return `${text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')}${logical.kind === 'TIMESTAMP' ? '+00' : ''}`;
}
