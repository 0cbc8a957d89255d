/** What has to be there before a run, and what dead runs left. Three calls at once where nothing is missing. */
import { evidenceDataset, stagingDataset } from '../../../tenants/naming.ts';
import { labelSafe } from '../../bigquery/billing.ts';
import { isDuplicate, isNotFound } from '../../bigquery/failure.ts';
import type { RunIdentity, TableRef } from '../../core/contracts/warehouse.ts';
import { TributaryError } from '../../core/errors.ts';
import { dropTable } from './calls.ts';
import { createShared, createState, createStateView, SHARED_TABLES, stateViewLabel } from './evidence.ts';
import { keptGovernance, restoreKept } from './governance.ts';
import { STATE_PREFIX, stagingPrefix, stateOf, tokenOf } from './names.ts';
import type { Session } from './session.ts';

/** A table in a list of tables. */
export interface ListedTable {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface ApiTables {
  readonly tables?: readonly {
    readonly tableReference: { readonly tableId: string };
    readonly labels?: Readonly<Record<string, string>> | null;
  }[];
  readonly nextPageToken?: string | null;
}

const DAY_MS = 86_400_000;
const PAGE_TABLES = 1000;

/** All tables of a dataset; `null` where there is no such dataset. */
export async function listTables({ api, call }: Session, dataset: string): Promise<readonly ListedTable[] | null> {
  const found: ListedTable[] = [];
  let pageToken: string | null | undefined;
  do {
    const query = { maxResults: PAGE_TABLES, ...(pageToken ? { pageToken } : {}) };
    try {
      const page: ApiTables = await call(() => api.request<ApiTables>({ path: `/datasets/${dataset}/tables`, query }));
      for (const { tableReference, labels } of page.tables ?? [])
        found.push({ name: tableReference.tableId, labels: labels ?? {} });
      pageToken = page.nextPageToken;
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  } while (pageToken);
  return found;
}

/** Makes sure of the dataset, and that it lies where the tenant's jobs run: BigQuery never moves one. */
export async function ensureDataset(session: Session, dataset: string, expires = false): Promise<void> {
  const { api, call, labels } = session;
  const body = {
    datasetReference: { projectId: api.project, datasetId: dataset },
    location: api.location,
    labels,
    ...(expires ? { defaultTableExpirationMs: String(DAY_MS) } : {}),
  };
  try {
    await call(() => api.request({ method: 'POST', path: '/datasets', body }));
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    await checkLocation(session, dataset);
  }
}

/** @throws WAREHOUSE_LOCATION */
export async function checkLocation({ api, call }: Session, dataset: string): Promise<void> {
  const { location } = await call(() => api.request<{ location?: string }>({ path: `/datasets/${dataset}` }));
  if (location === undefined || location.toUpperCase() === api.location.toUpperCase()) return;
  throw new TributaryError('WAREHOUSE_LOCATION', { dataset, found: location, wanted: api.location });
}

async function ensureTarget(session: Session, dataset: string): Promise<void> {
  try {
    await checkLocation(session, dataset);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await ensureDataset(session, dataset);
  }
}

/**
 * Creates what is missing of the tenant's evidence, drops what runs of this source left staged (never what a newer
 * process than this one stages), and puts back what one that died had taken off the table.
 *
 * @returns what could not be put back, in words
 */
export async function prepareTenant(session: Session, run: RunIdentity, target: TableRef): Promise<readonly string[]> {
  const staging = stagingDataset(run.tenant);
  const evidence = evidenceDataset(run.tenant);
  const [staged, kept] = await Promise.all([
    listTables(session, staging),
    listTables(session, evidence),
    ensureTarget(session, target.dataset),
  ]);
  if (staged === null) await ensureDataset(session, staging, true);
  if (kept === null) await ensureDataset(session, evidence);
  const prefix = stagingPrefix(run.tenant, run.source);
  const isOrphan = (name: string) => name.startsWith(prefix) && tokenOf(name) <= run.fencingToken;
  const orphans = (staged ?? []).filter(({ name }) => isOrphan(name));
  await Promise.all([
    ...orphans.map(({ name }) => dropTable(session, { dataset: staging, table: name })),
    ensureEvidence(session, run, kept ?? []),
  ]);
  const left = keptGovernance(run.tenant, run.source).table;
  return (kept ?? []).some(({ name }) => name === left) ? restoreKept(session, run, target) : [];
}

async function ensureEvidence(session: Session, run: RunIdentity, kept: readonly ListedTable[]): Promise<void> {
  const { api, labels } = session;
  const { tenant, source } = run;
  const names = new Set(kept.map(({ name }) => name));
  const missing = SHARED_TABLES.filter((table) => !names.has(table)).map((table) =>
    createShared(api.project, tenant, table, labels),
  );
  const own = stateOf(tenant, source).table;
  if (!names.has(own)) missing.push(createState(api.project, tenant, source, { ...labels, source: labelSafe(source) }));
  if (missing.length > 0) await session.execute('evidence', run, missing.join(';\n'));
  const states = [...new Set([...names, own])].filter((name) => name.startsWith(STATE_PREFIX)).sort();
  const view = kept.find(({ name }) => name === '_state');
  const current = Object.entries(stateViewLabel(states)).every(([key, value]) => view?.labels[key] === value);
  if (!current) await session.execute('evidence', run, createStateView(api.project, tenant, states, labels));
}
