/** What BigQuery knows of tables. */

import { isNotFound } from '../../bigquery/failure.ts';
import type { TableRef, TableShape } from '../../core/contracts/warehouse.ts';
import { type FoundTable, foundTable, type TableResource } from './design.ts';
import type { Session } from './session.ts';
import { logicalOf } from './types.ts';

/** The resource of a table; `null` where there is none. */
export async function tableResource(
  { api, call }: Pick<Session, 'api' | 'call'>,
  { dataset, table }: TableRef,
): Promise<TableResource | null> {
  try {
    return await call(() => api.request<TableResource>({ path: `/datasets/${dataset}/tables/${table}` }));
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

export async function findTable(session: Session, table: TableRef): Promise<FoundTable | null> {
  const resource = await tableResource(session, table);
  return resource === null ? null : foundTable(resource);
}

export function shapeOf({ schema, numRows }: TableResource): TableShape {
  return {
    rows: Number(numRows ?? 0),
    columns: (schema?.fields ?? []).map((field) => ({
      name: field.name,
      type: logicalOf(field),
      nullable: field.mode !== 'REQUIRED',
      ...(field.description ? { description: field.description } : {}),
    })),
  };
}
