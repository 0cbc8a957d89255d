/** The staged rows in place of all that were there. The table itself stays, and with it whatever others attached to it. */
import { add, type ChangeTables, COUNT, countRows, insert, type Step } from './change-tables.ts';

export function replace(tables: ChangeTables): readonly Step[] {
  const inserted = tables.staged === 0 ? [] : [insert(tables, tables.rows, false)];
  if (!tables.exists) return inserted;
  return [
    { ...countRows(tables, COUNT.before), noted: add(COUNT.deleted, COUNT.before) },
    { sql: `TRUNCATE TABLE ${tables.target}`, dry: null },
    ...inserted,
  ];
}
