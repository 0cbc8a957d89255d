/** The rows of one day in place of those that were there of it. */

import { quoteName, quoteText } from '../../../bigquery/sql.ts';
import type { TableChange } from '../../../core/contracts/warehouse.ts';
import { add, type ChangeTables, COUNT, insert, type Step } from './change-tables.ts';

export type Partition = Extract<TableChange, { kind: 'partition' }>;

export function partition({ column, date }: Partition, tables: ChangeTables): readonly Step[] {
  const inserted = tables.staged === 0 ? [] : [insert(tables, tables.rows, false)];
  if (!tables.exists) return inserted;
  const day = `${quoteName(column)} = DATE ${quoteText(date)}`;
  return [{ sql: `DELETE FROM ${tables.target} WHERE ${day}`, noted: add(COUNT.deleted) }, ...inserted];
}
