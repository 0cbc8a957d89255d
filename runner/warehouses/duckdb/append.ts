/** The rows of a window beside those that are there. */

import type { Engine } from '../../columnar/engine.ts';
import { list, quoteName, quoteText } from '../../columnar/sql.ts';
import type { ChangeCounts, TableChange } from '../../core/contracts/warehouse.ts';
import { adopt, type ChangeTables, given, insert, sameKey } from './change-tables.ts';

type Append = Extract<TableChange, { kind: 'append' }>;

export async function append(engine: Engine, change: Append, tables: ChangeTables): Promise<ChangeCounts> {
  const { key, nullCursor, stretch, mayRepeat = false } = change;
  const dropped = key !== undefined && mayRepeat ? await dropLaterTwins(engine, key, tables.staging) : 0;
  if (!tables.exists) return adopt(engine, { ...tables, staged: tables.staged - dropped });
  const deleted =
    stretch === undefined ? 0 : (await engine.execute(`DELETE FROM ${replacedRows(stretch, key, tables)}`)).changed;
  if (key !== undefined && stretch === undefined) {
    const same = sameKey(key, 't', 's');
    await engine.execute(`DELETE FROM ${tables.staging} AS s USING ${tables.target} AS t WHERE ${same}`);
  }
  let inserted = 0;
  let updated = 0;
  if (mayRepeat) inserted = await insertUnknown(engine, tables);
  else if (nullCursor === undefined) inserted = await insert(engine, tables);
  else {
    const without = `${quoteName(nullCursor)} IS NULL`;
    updated = await fillAdded(engine, without, tables);
    inserted = await insert(engine, tables, ` WHERE NOT (${without})`);
    inserted += await insertUnknown(engine, tables, without);
  }
  return { inserted, updated, deleted, unchanged: tables.staged - inserted - updated };
}

/** Rows of the target that the staged ones replace: those of the stretch, and with a key those whose key comes again. */
export function replacedRows(
  { column, from, to }: NonNullable<Append['stretch']>,
  key: readonly string[] | undefined,
  { target, staging }: Pick<ChangeTables, 'target' | 'staging'>,
): string {
  const cursor = `t.${quoteName(column)}`;
  const lower = from === null ? '' : `${cursor} >= ${quoteText(from)} AND `;
  const again = key === undefined ? '' : ` OR EXISTS (SELECT 1 FROM ${staging} AS s WHERE ${sameKey(key, 't', 's')})`;
  return `${target} AS t WHERE (${lower}${cursor} < ${quoteText(to)})${again}`;
}

/** As a multiset: what the table has already is not appended again. */
async function insertUnknown(
  engine: Engine,
  { target, staging, columns }: ChangeTables,
  among = 'true',
): Promise<number> {
  const data = given(columns);
  const names = list(data);
  const met = `EXISTS (SELECT 1 FROM ${staging} AS s WHERE ${sameKey(data, 't', 's')})`;
  const known = `SELECT ${names} FROM ${target} AS t WHERE ${among} AND ${met}`;
  const stamp = `(SELECT any_value(_run_id) FROM ${staging}), (SELECT any_value(_extracted_at) FROM ${staging})`;
  const fresh = `SELECT *, ${stamp} FROM (SELECT ${names} FROM ${staging} WHERE ${among} EXCEPT ALL ${known})`;
  return (await engine.execute(`INSERT INTO ${target} (${names}, _run_id, _extracted_at) ${fresh}`)).changed;
}

/** Rows without a cursor that the table had before it had these columns get their values; else they would look new. */
async function fillAdded(
  engine: Engine,
  among: string,
  { target, staging, columns, added }: ChangeTables,
): Promise<number> {
  if (added.length === 0) return 0;
  const before = given(columns).filter((name) => !added.includes(name));
  const numbered = (table: string) =>
    `(SELECT *, rowid AS _place, row_number() OVER (PARTITION BY ${list(before)}) AS _nth FROM ${table} WHERE ${among})`;
  const set = list(added, (name) => `${quoteName(name)} = s.${quoteName(name)}`);
  const some = added.map((name) => `s.${quoteName(name)} IS NOT NULL`).join(' OR ');
  const pair = `t.rowid = k._place AND k._nth = s._nth AND ${sameKey(before, 'k', 's')} AND (${some})`;
  const sides = `${numbered(staging)} AS s, ${numbered(target)} AS k`;
  return (await engine.execute(`UPDATE ${target} AS t SET ${set} FROM ${sides} WHERE ${pair}`)).changed;
}

/** One row per key, the first: later versions are what an append with a lookback leaves out. */
async function dropLaterTwins(engine: Engine, key: readonly string[], staging: string): Promise<number> {
  const later = `SELECT rowid FROM ${staging} QUALIFY row_number() OVER (PARTITION BY ${list(key)} ORDER BY rowid) > 1`;
  return (await engine.execute(`DELETE FROM ${staging} WHERE rowid IN (${later})`)).changed;
}
