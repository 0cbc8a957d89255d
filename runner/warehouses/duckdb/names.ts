/** Where things lie in the file: schemas are datasets. */

import { evidenceDataset, stagingTable } from '../../../tenants/naming.ts';
import { DATABASE } from '../../columnar/protocol.ts';
import { quoteName } from '../../columnar/sql.ts';
import type { RunIdentity, TableRef } from '../../core/contracts/warehouse.ts';

export function qualified({ dataset, table }: TableRef): string {
  return `${DATABASE}.${quoteName(dataset)}.${quoteName(table)}`;
}

/** In the target's schema, because a commit may adopt it by renaming. */
export function stagingOf(
  run: Pick<RunIdentity, 'tenant' | 'source' | 'runId'>,
  target: TableRef,
  keysOnly = false,
): TableRef {
  const table = stagingTable(run.tenant, run.source, run.runId);
  return { dataset: target.dataset, table: keysOnly ? `${table}_keys` : table };
}

/** One of the evidence tables of a tenant. */
export function evidence(tenant: string, table: string): string {
  return qualified({ dataset: evidenceDataset(tenant), table });
}
