/** A few rows to look at. */
import { createHash } from 'node:crypto';
import { type ApiRow, type ApiSchema, rowsOf } from '../../bigquery/values.ts';
import type { ObjectRef, ReadColumn } from '../../core/contracts/source.ts';
import type { Known } from './describe.ts';
import { parseTableName } from './name.ts';
import { selectStatement } from './query.ts';
import type { SourceSession } from './session.ts';

type Texts = readonly (readonly (string | null)[])[];

interface Page {
  readonly rows?: readonly ApiRow[];
}

/** A look at a view may cost six cents at most, by the usual price. */
const LOOK_BYTES = 10 * 2 ** 30;

/**
 * Rows of a table are listed, which is free of charge; a view, a wildcard and a query have to be computed, which is billed
 * and therefore capped.
 */
export async function sampleRows(
  session: SourceSession,
  object: ObjectRef,
  known: Known,
  columns: readonly ReadColumn[],
  limit: number,
): Promise<Texts> {
  const shown = columns.map(
    (column): ReadColumn => (column.mask === 'hmac-sha256' ? { ...column, mask: 'redact' } : column),
  );
  return known.plain ? listed(session, object, shown, limit) : queried(session, object, known, shown, limit);
}

async function listed(
  session: SourceSession,
  object: ObjectRef,
  columns: readonly ReadColumn[],
  limit: number,
): Promise<Texts> {
  const { dataset, table } = parseTableName(object.table ?? '');
  const path = `/datasets/${encodeURIComponent(dataset)}/tables/${encodeURIComponent(table)}`;
  const { schema } = await session.metadata<{ readonly schema?: ApiSchema }>({ path });
  // The answer is in the order of the table, whatever was asked for.
  const fields = (schema?.fields ?? []).filter(({ name }) => columns.some(({ source }) => source === name));
  const selectedFields = fields.map(({ name }) => name).join(',');
  const query = { maxResults: limit, selectedFields, 'formatOptions.useInt64Timestamp': true };
  const { rows = [] } = await session.metadata<Page>({ path: `${path}/data`, query });
  return rowsOf({ fields }, rows).map((row) => columns.map((column) => shownText(column, row[column.source])));
}

/** A pseudo column is in no list of rows: NULL. */
function shownText({ mask, sourceType }: ReadColumn, value: unknown): string | null {
  if (mask === 'null' || value === null || value === undefined) return null;
  const text = plainText(value, sourceType);
  if (mask === 'redact') return '***';
  return mask === 'sha256' ? createHash('sha256').update(text).digest('hex') : text;
}

function plainText(value: unknown, sourceType: string): string {
  if (sourceType === 'BYTES') return `\\x${Buffer.from(String(value), 'base64').toString('hex')}`;
  return typeof value === 'object' ? JSON.stringify(value) : withScale(String(value), sourceType);
}

/** `1.1` of a NUMERIC(12, 2) is `1.10`. */
function withScale(text: string, sourceType: string): string {
  const scale = Number(/^(?:BIG)?NUMERIC\(\d+, (\d+)\)$/.exec(sourceType)?.[1] ?? 0);
  if (scale === 0) return text;
  const [whole = '0', fraction = ''] = text.split('.');
  return `${whole}.${fraction.slice(0, scale).padEnd(scale, '0')}`;
}

async function queried(
  session: SourceSession,
  object: ObjectRef,
  known: Known,
  columns: readonly ReadColumn[],
  limit: number,
): Promise<Texts> {
  const asTexts = columns.map((column): ReadColumn => ({ ...column, logical: { kind: 'STRING' } }));
  const from = { project: session.options.project, object };
  const select = selectStatement(from, { columns: asTexts, window: null, nullCursors: false }, 'text');
  const asking = { location: known.location, maxBytesBilled: LOOK_BYTES };
  const rows = await session.rows(`${select} LIMIT ${Math.trunc(limit)}`, asking);
  return rows.map((row) => columns.map(({ name }) => (row[name] === null ? null : String(row[name]))));
}
