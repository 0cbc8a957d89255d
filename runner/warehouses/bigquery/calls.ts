/** Calls to BigQuery that several steps make. */

import { isNotFound } from '../../bigquery/failure.ts';
import type { TableRef } from '../../core/contracts/warehouse.ts';
import type { Session } from './session.ts';

/** Drops a table where there is one. */
export async function dropTable({ api, call }: Session, { dataset, table }: TableRef): Promise<void> {
  const path = `/datasets/${dataset}/tables/${table}`;
  await call(() => api.request({ method: 'DELETE', path })).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
