/** Questions to the evidence and to a target, and the one correction after a commit. */

import { type Query, type QueryParameter, quoteName } from '../../bigquery/sql.ts';
import type { RunIdentity, TableRef } from '../../core/contracts/warehouse.ts';
import type { LogicalType } from '../../core/types.ts';
import { everyRow } from './changes/change-tables.ts';
import { comparable } from './changes/compare.ts';
import { type FoundTable, filterColumn } from './design.ts';
import { evidenceOf, qualified, stateOf } from './names.ts';

const text = (name: string, value: string): QueryParameter => ({ name, type: 'STRING', value });

/** No row or one: the state of a source; `columns` is JSON text. The state table has to be there. */
export function stateQuery(project: string, tenant: string, source: string): Query {
  const state = qualified(project, stateOf(tenant, source));
  const columns = 'CAST(committed_at AS STRING) AS committed_at, TO_JSON_STRING(columns) AS columns';
  const sql = `SELECT cursor_value, run_id, fencing_token, ${columns}, strategy FROM ${state} WHERE run_id IS NOT NULL`;
  return { sql, parameters: [] };
}

/** From now on no run of the source with a smaller token can commit, not even by a job that BigQuery still holds. */
export function fenceQuery(project: string, run: Pick<RunIdentity, 'tenant' | 'source' | 'fencingToken'>): Query {
  const sql = `UPDATE ${qualified(project, stateOf(run.tenant, run.source))} SET fencing_token = @token WHERE fencing_token < @token`;
  return { sql, parameters: [{ name: 'token', type: 'INT64', value: String(run.fencingToken) }] };
}

/** One row: `n`, greater than 0 where the run is committed. */
export function committedQuery(project: string, tenant: string, runId: string): Query {
  const sql = `SELECT COUNT(*) AS n FROM ${qualified(project, evidenceOf(tenant, '_runs'))} WHERE run_id = @run_id`;
  return { sql, parameters: [text('run_id', runId)] };
}

/** What a commit counted whose answer was lost: the columns of its script's last SELECT, and fencing_token; no row where it is not committed. */
export function countsQuery(project: string, tenant: string, runId: string): Query {
  const counts = ['inserted', 'updated', 'deleted', 'unchanged'].map((name) => `rows_${name} AS ${name}`);
  const sql = `SELECT ${counts.join(', ')}, fencing_token FROM ${qualified(project, evidenceOf(tenant, '_runs'))} WHERE run_id = @run_id`;
  return { sql, parameters: [text('run_id', runId)] };
}

/** Quarantined rows of a source that were not replayed, in the order they came: place, run_id, column_name, reason, row. */
export function pendingQuery(project: string, tenant: string, source: string): Query {
  const quarantine = qualified(project, evidenceOf(tenant, '_quarantine'));
  const row = `IF(JSON_TYPE(\`row\`) = 'string', JSON_VALUE(\`row\`), TO_JSON_STRING(\`row\`))`;
  const sql = `SELECT place, run_id, column_name, reason, ${row} AS \`row\` FROM ${quarantine} WHERE source = @source AND replayed_by IS NULL ORDER BY quarantined_at, place`;
  return { sql, parameters: [text('source', source)] };
}

/** Writes what the run was billed into its row. May be repeated. */
export function billingUpdate(
  project: string,
  tenant: string,
  runId: string,
  billed: { readonly bytes: number; readonly slotMs: number; readonly usd: number },
): Query {
  const runs = qualified(project, evidenceOf(tenant, '_runs'));
  return {
    sql: `UPDATE ${runs} SET bytes_billed = @bytes, slot_ms = @slot_ms, cost_usd = @usd WHERE run_id = @run_id`,
    parameters: [
      { name: 'bytes', type: 'INT64', value: String(Math.round(billed.bytes)) },
      { name: 'slot_ms', type: 'INT64', value: String(Math.round(billed.slotMs)) },
      { name: 'usd', type: 'NUMERIC', value: billed.usd.toFixed(9) },
      text('run_id', runId),
    ],
  };
}

/** A row where several rows of the table have one key. */
export function repeatsQuery(project: string, table: TableRef, key: readonly string[], found: FoundTable): Query {
  const typeOf = (name: string): LogicalType =>
    found.columns.find((column) => column.name === name)?.type ?? { kind: 'STRING' };
  const parts = key.map((name) => comparable(`t.${quoteName(name)}`, typeOf(name)));
  const where = everyRow({ filter: filterColumn(found) }, 't');
  const condition = where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`;
  const sql = `SELECT 1 AS found FROM ${qualified(project, table)} AS t${condition} GROUP BY ${parts.join(', ')} HAVING COUNT(*) > 1 LIMIT 1`;
  return { sql, parameters: [] };
}

/** Versions of objects that runs of the source loaded and no run has undone, of those modified at that time or later: uri, version. */
export function filesQuery(project: string, tenant: string, source: string, modifiedSince: string): Query {
  const files = qualified(project, evidenceOf(tenant, '_files'));
  const undone = `SELECT run_id FROM ${qualified(project, evidenceOf(tenant, '_runs'))} WHERE source = @source AND undone_by IS NOT NULL`;
  const sql = `SELECT DISTINCT uri, version FROM ${files} WHERE source = @source AND modified_at >= @since AND run_id NOT IN (${undone})`;
  return { sql, parameters: [text('source', source), { name: 'since', type: 'TIMESTAMP', value: modifiedSince }] };
}
