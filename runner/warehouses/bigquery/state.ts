/** What the last committed run of a source left, as the warehouse keeps it. */

import { isNotFound } from '../../bigquery/failure.ts';
import { type ApiRow, type Row, rowsOf } from '../../bigquery/values.ts';
import type { LoadState, RunIdentity } from '../../core/contracts/warehouse.ts';
import { parseType } from '../../core/types.ts';
import { stateOf } from './names.ts';
import { committedQuery, countsQuery, fenceQuery } from './queries.ts';
import type { Session } from './session.ts';

const STATE_FIELDS = [
  { name: 'source', type: 'STRING' },
  { name: 'cursor_value', type: 'STRING' },
  { name: 'run_id', type: 'STRING' },
  { name: 'fencing_token', type: 'INT64' },
  { name: 'committed_at', type: 'TIMESTAMP' },
  { name: 'columns', type: 'JSON' },
  { name: 'strategy', type: 'STRING' },
] as const;

/**
 * Reads the one row of the source's state table itself: one call, no job, and nothing is billed.
 *
 * @returns null where no run of the source is committed, or where nothing is there at all
 */
export async function readState({ api, call }: Session, tenant: string, source: string): Promise<LoadState | null> {
  const { dataset, table } = stateOf(tenant, source);
  const path = `/datasets/${dataset}/tables/${table}/data`;
  const query = { maxResults: 1, 'formatOptions.useInt64Timestamp': true };
  const page = await noneWhereMissing(call(() => api.request<{ rows?: readonly ApiRow[] }>({ path, query })));
  const [row] = rowsOf({ fields: STATE_FIELDS }, page?.rows ?? []);
  return row === undefined || row.run_id === null ? null : stateOfRow(row);
}

/** ISO 8601, UTC. */
export async function readClock(session: Session): Promise<string> {
  const sql = "SELECT FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%SZ', CURRENT_TIMESTAMP()) AS now";
  const [row] = await session.query('read', null, { sql, parameters: [] });
  return String(row?.now);
}

export async function isCommitted(session: Session, tenant: string, runId: string): Promise<boolean> {
  const asked = session.query('read', null, committedQuery(session.api.project, tenant, runId));
  return Number((await noneWhereMissing(asked))?.[0]?.n ?? 0) > 0;
}

/**
 * Whether a run of the source that died is committed, for good: a commit that BigQuery still holds comes before this
 * answer or not at all.
 *
 * @param by the run that has the lease now
 */
export async function settleRun(session: Session, by: RunIdentity, runId: string): Promise<boolean> {
  if (await isCommitted(session, by.tenant, runId)) return true;
  await session.execute('fence', by, fenceQuery(session.api.project, by));
  return isCommitted(session, by.tenant, runId);
}

/** What a commit counted, by its evidence; `null` where it is not committed under this token. */
export async function committedCounts(
  session: Session,
  run: { readonly tenant: string; readonly runId: string; readonly fencingToken: number },
): Promise<Row | null> {
  const [row] = await session.query('read', null, countsQuery(session.api.project, run.tenant, run.runId));
  return row === undefined || Number(row.fencing_token) !== run.fencingToken ? null : row;
}

async function noneWhereMissing<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

interface KeptColumn {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly description?: string;
  readonly key?: boolean;
}

function stateOfRow(row: Row): LoadState {
  const columns = JSON.parse(String(row.columns)) as readonly KeptColumn[];
  return {
    cursor: textOf(row.cursor_value),
    strategy: textOf(row.strategy),
    runId: String(row.run_id),
    fencingToken: Number(row.fencing_token),
    committedAt: String(row.committed_at),
    key: columns.filter(({ key }) => key === true).map(({ name }) => name),
    columns: columns.map(({ key: _, ...column }) => ({
      ...column,
      type: parseType(column.type) ?? { kind: 'STRING' },
    })),
  };
}

function textOf(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}
