/** Where things lie: datasets of the tenant, one table per run and per source. */
import { createHash } from 'node:crypto';
import { evidenceDataset, stagingDataset, stagingTable, tableSafe } from '../../../tenants/naming.ts';
import { quoteName } from '../../bigquery/sql.ts';
import type { RunIdentity, TableRef } from '../../core/contracts/warehouse.ts';

/** A table in SQL, every part between backticks of its own. */
export function qualified(project: string, { dataset, table }: TableRef): string {
  return [project, dataset, table].map(quoteName).join('.');
}

/** One process of a run: what it stages is its own. */
export type StagingRun = Pick<RunIdentity, 'tenant' | 'source' | 'runId' | 'fencingToken'>;

/** Staging table of a run; with `keysOnly` the one of its sweep. */
export function stagingOf(run: StagingRun, keysOnly = false): TableRef {
  const table = stagingTable(run.tenant, run.source, run.runId, run.fencingToken);
  return { dataset: stagingDataset(run.tenant), table: keysOnly ? `${table}_keys` : table };
}

/** What files are loaded into as they are, before the staging table. Found by {@link stagingPrefix} like all that a run stages. */
export function landingOf(run: StagingRun): TableRef {
  const { dataset, table } = stagingOf(run);
  return { dataset, table: `${table}_files` };
}

/** What an export is loaded into, with the columns that BigQuery makes of it. Found by {@link stagingPrefix} like all that a run stages. */
export function exportOf(run: StagingRun): TableRef {
  const { dataset, table } = stagingOf(run);
  return { dataset, table: `${table}_export` };
}

/** What all staging tables of a source start with, and no other source's. */
export function stagingPrefix(tenant: string, source: string): string {
  return stagingTable(tenant, source, '');
}

/** The fencing token in the name of what a run stages; 0 where it has none, as names once had. */
export function tokenOf(table: string): number {
  return Number(/_t(\d+)(?:_keys|_files|_export|_before)?$/.exec(table)?.[1] ?? 0);
}

/** The table as it was before an undone run, while the undo goes on. Found by {@link stagingPrefix} like all that a run stages. */
export function undoSnapshotOf(run: StagingRun): TableRef {
  const { dataset, table } = stagingOf(run);
  return { dataset, table: `${table}_before` };
}

/** One of the evidence tables of a tenant. */
export function evidenceOf(tenant: string, table: EvidenceTable): TableRef {
  return { dataset: evidenceDataset(tenant), table };
}

export type EvidenceTable = '_state' | '_runs' | '_files' | '_quarantine' | '_schema_changes' | '_verified';

/** What the names of all state tables start with. `_state` itself is the view over them. */
export const STATE_PREFIX = '_state_';

/**
 * The one-row table of a source's state. Each source has its own, because a transaction that changes a table aborts
 * every other that changes it. The digest keeps `a-b` and `a_b` apart.
 */
export function stateOf(tenant: string, source: string): TableRef {
  const digest = createHash('sha256').update(`${tenant}/${source}`).digest('hex').slice(0, 8);
  return { dataset: evidenceDataset(tenant), table: `${STATE_PREFIX}${tableSafe(source)}_${digest}` };
}
