/** Staged rows take the place of those with the same key. The table has one row of each key. */

import { list, quoteName } from '../../../bigquery/sql.ts';
import { MISFIT_COLUMNS } from '../../../core/contracts/staging.ts';
import type { TableChange } from '../../../core/contracts/warehouse.ts';
import { columnType } from '../types.ts';
import {
  add,
  type ChangeTables,
  COUNT,
  countRows,
  everyRow,
  holdsNull,
  insert,
  keyColumns,
  names,
  type Step,
  within,
} from './change-tables.ts';
import { differs, keyParts, rowText, sameKey } from './compare.ts';

export type Merge = Extract<TableChange, { kind: 'merge' }>;

export function merge(change: Merge, tables: ChangeTables): readonly Step[] {
  const rows = oneOfKey(change, tables);
  if (!tables.exists) return [insert(tables, rows, false)];
  const sweeps = change.deletes !== 'ignore';
  const merged: Step[] =
    tables.staged === 0
      ? []
      : [
          { sql: mergeStatement(change, tables, rows), noted: `SET ${COUNT.changed} = @@row_count` },
          {
            ...countRows(tables, COUNT.inserted),
            noted: `SET ${COUNT.inserted} = ${COUNT.inserted} - ${COUNT.before}`,
          },
          { sql: `SET ${COUNT.updated} = ${COUNT.changed} - ${COUNT.inserted}`, dry: null },
        ];
  const counted = merged.length > 0 || sweeps ? [countRows(tables, COUNT.before)] : [];
  return [...counted, ...merged, ...(sweeps ? [sweep(change, tables)] : [])];
}

/** How many of the staged rows are left when each key has one, as a query; `null` where all are. */
export function countOfKeys(change: Merge, tables: ChangeTables): string | null {
  return isUnique(change, tables) ? null : `SELECT COUNT(*) FROM (${oneOfKey(change, tables)})`;
}

/** What the check counted is believed before what the source promises. */
function isUnique({ keyIsUnique }: Merge, { distinctKeys, staged }: ChangeTables): boolean {
  return distinctKeys === null || staged === null ? keyIsUnique : distinctKeys === staged;
}

/** One row per key, the newest by cursor; of those with the same cursor always the same one. */
function oneOfKey(change: Merge, tables: ChangeTables): string {
  if (isUnique(change, tables)) return tables.rows;
  const place = tables.replay ? [`r.${MISFIT_COLUMNS.place} DESC`] : [];
  const newest = [`r.${quoteName(change.cursor)} DESC NULLS LAST`, ...place, `${rowText(tables.columns, 'r')} DESC`];
  const parts = keyParts(keyColumns(tables, change.key), 'r');
  return `SELECT r.* FROM (${tables.rows}) AS r WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY ${parts} ORDER BY ${newest.join(', ')}) = 1`;
}

function mergeStatement(change: Merge, tables: ChangeTables, rows: string): string {
  const key = keyColumns(tables, change.key);
  const same = sameKey(key, 't', 's', holdsNull(tables, key, change.keyIsUnique));
  const on = [same, ...within(tables, key, 't'), ...everyRow(tables, 't')].join(' AND ');
  const all = names(tables);
  const isKey = new Set(change.key);
  const set = [
    ...all.filter((name) => !isKey.has(name)).map((name) => `${quoteName(name)} = s.${quoteName(name)}`),
    ...tables.others.map(({ name, type }) => `${quoteName(name)} = CAST(NULL AS ${columnType(type)})`),
  ];
  const matched = `WHEN MATCHED${condition(change, tables)} THEN UPDATE SET ${set.join(', ')}`;
  const values = list(all, (name) => `s.${quoteName(name)}`);
  const missing = `WHEN NOT MATCHED BY TARGET THEN INSERT (${list(all)}) VALUES (${values})`;
  return `MERGE INTO ${tables.target} AS t USING (${rows}) AS s ON ${on} ${matched} ${missing}`;
}

/** Which of the rows that are there are written anew. */
function condition({ key, cursor, mayRepeat, mayBeOlder, deletes }: Merge, tables: ChangeTables): string {
  const conditions: string[] = [];
  if (mayBeOlder === true) {
    const [old, late] = [`t.${quoteName(cursor)}`, `s.${quoteName(cursor)}`];
    conditions.push(`${late} IS NOT NULL AND (${old} IS NULL OR ${old} < ${late})`);
  }
  if (mayRepeat) {
    const data = tables.columns.filter(({ name }) => !key.includes(name));
    const dead = deletes === 'soft' ? ['t._deleted_at IS NOT NULL'] : [];
    const changed = [...data.map((column) => differs(column, 't', 's')), ...dead];
    conditions.push(changed.length === 0 ? 'FALSE' : `(${changed.join(' OR ')})`);
  }
  return conditions.length === 0 ? '' : ` AND ${conditions.join(' AND ')}`;
}

/** Rows of the target whose key the source has no more. */
function sweep({ key, keyIsUnique, deletes }: Merge, tables: ChangeTables): Step {
  const columns = keyColumns(tables, key);
  const alive = deletes === 'soft' ? ['t._deleted_at IS NULL'] : [];
  const same = sameKey(columns, 'k', 't', !keyIsUnique && columns.some(({ nullable }) => nullable));
  const gone = `NOT EXISTS (SELECT 1 FROM (${tables.keys}) AS k WHERE ${same})`;
  const where = [...everyRow(tables, 't'), ...alive, gone].join(' AND ');
  if (deletes === 'hard') return { sql: `DELETE FROM ${tables.target} AS t WHERE ${where}`, noted: add(COUNT.deleted) };
  const set = '_deleted_at = CURRENT_TIMESTAMP()';
  return { sql: `UPDATE ${tables.target} AS t SET ${set} WHERE ${where}`, noted: add(COUNT.deleted) };
}
