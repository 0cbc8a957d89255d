/** The commit: the table's design, then one script with one transaction, and what may be done after it. */

import { BigqueryFailure } from '../../bigquery/failure.ts';
import { queryConfiguration } from '../../bigquery/parameters.ts';
import type { Query } from '../../bigquery/sql.ts';
import type { Row } from '../../bigquery/values.ts';
import type { ChangeCounts, CommitSpec } from '../../core/contracts/warehouse.ts';
import { TributaryError } from '../../core/errors.ts';
import { tableResource } from './catalog.ts';
import { type CommitInput, commitScript, keyOfChange } from './commit-script.ts';
import { designChange, designOf, type FoundTable, foundTable, type TableResource } from './design.ts';
import { type Governance, keepGovernance, readGovernance, restoreKept } from './governance.ts';
import { commitProblem, isLeaseLost } from './raised.ts';
import type { Session } from './session.ts';
import { check, type StagedRows } from './stage.ts';
import { committedCounts } from './state.ts';
import { noRows, type StagedTable } from './typed-rows.ts';

export interface Committed {
  readonly counts: ChangeCounts;
  /** Statements for now, each best effort. */
  readonly after: readonly string[];
}

export async function commitRun(
  session: Session,
  spec: CommitSpec,
  staged: StagedRows,
  seen: string | null | undefined,
  warn: (text: string) => void,
): Promise<Committed> {
  const resource = await tableResource(session, spec.target);
  const found = await reconcileDesign(session, spec, resource);
  const key = keyOfChange(spec);
  const checked = key.length === 0 ? staged.checked : await check(session, staged.table, key);
  const { rejected, uncastable, vectorPath, twins } = staged;
  const input: CommitInput = {
    ...{ project: session.api.project, spec, found, seen },
    staged: { checked, rejected, uncastable, vectorPath, nullified: 0, twins },
  };
  const { sql, parameters, after, recreate } = commitScript(input);
  try {
    if (recreate !== null) await recreateTable(session, spec, staged.table, recreate, warn);
    const rows = await session.query('commit', spec.run, { sql, parameters }, { maxBytesBilled: spec.maxBytesBilled });
    return { counts: countsOf(rows[0]), after };
  } catch (error) {
    const counts = await recovered(session, spec, error);
    if (counts === null) throw commitProblem(error, spec);
    return { counts, after };
  }
}

/**
 * Whether the commit is in all the same: an answer may be lost for good, and a job may say that it failed after its
 * transaction was through. Then the next attempt finds its own run committed.
 */
async function recovered(session: Session, { run }: CommitSpec, error: unknown): Promise<ChangeCounts | null> {
  const unsure = error instanceof BigqueryFailure && error.failure.kind === 'transient';
  if (!unsure && !isLeaseLost(error)) return null;
  const row = await committedCounts(session, run).catch(() => null);
  return row === null ? null : countsOf(row);
}

function countsOf(row: Row | undefined): ChangeCounts {
  const of = (name: string) => Number(row?.[name] ?? Number.NaN);
  return { inserted: of('inserted'), updated: of('updated'), deleted: of('deleted'), unchanged: of('unchanged') };
}

/** @throws TABLE_DESIGN_CHANGED */
async function reconcileDesign(
  session: Session,
  spec: CommitSpec,
  resource: TableResource | null,
): Promise<FoundTable | null> {
  if (resource === null) return null;
  const { api, call } = session;
  const { target, run } = spec;
  const found = foundTable(resource);
  const replace = spec.change.kind === 'replace';
  const { patch, statements, refusal } = designChange(api.project, target, designOf(spec), found, replace);
  const table = `${target.dataset}.${target.table}`;
  if (refusal !== null) throw new TributaryError('TABLE_DESIGN_CHANGED', { table, ...refusal });
  const path = `/datasets/${target.dataset}/tables/${target.table}`;
  if (patch !== null) await call(() => api.request({ method: 'PATCH', path, body: patch }));
  for (const statement of statements) await session.execute('design', run, statement);
  if (patch === null && statements.length === 0) return found;
  const now = await tableResource(session, target);
  return now === null ? null : foundTable(now);
}

/** Anew and empty, with its policies before any row is in it. */
async function recreateTable(
  session: Session,
  spec: CommitSpec,
  table: StagedTable,
  recreate: Query,
  warn: (text: string) => void,
): Promise<void> {
  const { run, target } = spec;
  const before = await readGovernance(session, target);
  await checkPolicies(session, spec, table, before);
  await keepGovernance(session, run, before);
  await session.execute('recreate', run, recreate);
  for (const what of await restoreKept(session, run, target))
    warn(`${target.dataset}.${target.table} was made anew; it had and has no more: ${what}`);
}

/** @throws TABLE_DESIGN_CHANGED where a policy could not be written for the new columns */
async function checkPolicies(
  session: Session,
  { target }: CommitSpec,
  table: StagedTable,
  { policies }: Governance,
): Promise<void> {
  for (const { id, filter } of policies) {
    const query = queryConfiguration({ sql: `SELECT 1 FROM (${noRows(table)}) WHERE (${filter})`, parameters: [] });
    try {
      await session.jobs.dryRun({ purpose: 'recreate', run: null, configuration: { query } });
    } catch (error) {
      if (!(error instanceof BigqueryFailure) || error.failure.reason !== 'invalidQuery') throw error;
      const reason = `the row access policy ${id} does not fit the columns that the source has now`;
      const advice = 'Change or drop the policy first.';
      throw new TributaryError('TABLE_DESIGN_CHANGED', { table: `${target.dataset}.${target.table}`, reason, advice });
    }
  }
}
