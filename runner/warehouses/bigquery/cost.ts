/** What a commit would be billed, before it runs. */

import { usdOf } from '../../bigquery/billing.ts';
import { queryConfiguration } from '../../bigquery/parameters.ts';
import type { CommitSpec, CostEstimate } from '../../core/contracts/warehouse.ts';
import { findTable } from './catalog.ts';
import { keyOfChange } from './commit-script.ts';
import { costStatements } from './cost-statement.ts';
import type { Session } from './session.ts';
import { check, type StagedRows } from './stage.ts';

/** @param staged what is staged for this commit; before there is anything the estimate is an upper bound */
export async function estimateCost(
  session: Session,
  spec: CommitSpec,
  staged: StagedRows | null,
  price: number,
): Promise<CostEstimate> {
  const found = await findTable(session, spec.target);
  const key = keyOfChange(spec);
  const checked = staged === null || key.length === 0 ? staged?.checked : await check(session, staged.table, key);
  const { statements, unpruned } = costStatements(session.api.project, spec, found, checked);
  let bytes = 0;
  for (const sql of statements) {
    const configuration = { query: queryConfiguration({ sql, parameters: [] }) };
    bytes += await session.jobs.dryRun({ purpose: 'cost', run: null, configuration });
  }
  return { bytes, usd: usdOf(bytes, price), unpruned };
}
