/** The rows of a window beside those that are there. */

import { list, quoteName } from '../../../bigquery/sql.ts';
import { MISFIT_COLUMNS } from '../../../core/contracts/staging.ts';
import type { TableChange, TableColumn } from '../../../core/contracts/warehouse.ts';
import { literal } from '../literals.ts';
import {
  add,
  type ChangeTables,
  COUNT,
  everyRow,
  holdsNull,
  insert,
  keyColumns,
  names,
  type Step,
  within,
} from './change-tables.ts';
import { keyParts, rowText, sameKey } from './compare.ts';

export type Append = Extract<TableChange, { kind: 'append' }>;

const ROW = '_tributary_row';
const NTH = '_tributary_nth';
const KNOWN = '_tributary_known';
const FILLED = 'tributary_filled';

export function append(change: Append, tables: ChangeTables): readonly Step[] {
  const { key: keyNames, nullCursor, stretch, mayRepeat = false } = change;
  const key = keyNames === undefined ? null : keyColumns(tables, keyNames);
  const first = key !== null && mayRepeat ? firstOfKey(key, tables) : tables.rows;
  if (!tables.exists) return [insert(tables, first, false)];
  const replaced = stretch === undefined ? [] : replaceStretch(stretch, key, tables);
  if (tables.staged === 0) return replaced;
  const rows = key === null || stretch !== undefined ? first : unknownKeys(first, key, tables);
  if (mayRepeat) return [...replaced, insert(tables, unknownRows(rows, tables), true)];
  if (nullCursor === undefined) return [...replaced, insert(tables, rows, rows !== first)];
  const timeless = (side: string) => `${side}.${quoteName(nullCursor)} IS NULL`;
  const timed = `SELECT s.* FROM (${rows}) AS s WHERE NOT ${timeless('s')}`;
  const all = list(names(tables));
  const fresh = `SELECT ${all} FROM (${timed}) UNION ALL SELECT ${all} FROM (${unknownRows(rows, tables, timeless)})`;
  return [...replaced, ...fillAdded(rows, timeless, tables), insert(tables, fresh, true)];
}

/** The condition of a row of the target inside a stretch. */
function inStretch({ column, from, to }: NonNullable<Append['stretch']>, type: TableColumn['type']): string {
  const cursor = `t.${quoteName(column)}`;
  const lower = from === null ? '' : `${cursor} >= ${literal(from, type)} AND `;
  return `${lower}${cursor} < ${literal(to, type)}`;
}

/** Rows of the stretch go, and with a key those whose key comes again. */
function replaceStretch(
  stretch: NonNullable<Append['stretch']>,
  key: readonly TableColumn[] | null,
  tables: ChangeTables,
): Step[] {
  const type = tables.columns.find(({ name }) => name === stretch.column)?.type ?? { kind: 'STRING' };
  const remove = (conditions: readonly string[]): Step => ({
    sql: `DELETE FROM ${tables.target} AS t WHERE ${[...everyRow(tables, 't'), ...conditions].join(' AND ')}`,
    noted: add(COUNT.deleted),
  });
  const inside = remove([inStretch(stretch, type)]);
  return key === null ? [inside] : [inside, remove(meets(key, tables, tables.rows, 't'))];
}

/** Conditions of a row of the target, as `side`, whose key is among the rows. */
function meets(key: readonly TableColumn[], tables: ChangeTables, rows: string, side: string): string[] {
  const same = sameKey(key, 'k', side, holdsNull(tables, key, false));
  return [...within(tables, key, side), `EXISTS (SELECT 1 FROM (${rows}) AS k WHERE ${same})`];
}

/** One row per key, the first: later versions are what an append with a lookback leaves out. */
function firstOfKey(key: readonly TableColumn[], tables: ChangeTables): string {
  const place = tables.replay ? [`r.${MISFIT_COLUMNS.place}`] : [];
  const order = [...place, rowText(tables.columns, 'r')].join(', ');
  return `SELECT r.* FROM (${tables.rows}) AS r WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY ${keyParts(key, 'r')} ORDER BY ${order}) = 1`;
}

function unknownKeys(rows: string, key: readonly TableColumn[], tables: ChangeTables): string {
  const same = sameKey(key, 't', 'u', holdsNull(tables, key, false));
  const known = [...everyRow(tables, 't'), ...within(tables, key, 't'), same].join(' AND ');
  return `SELECT u.* FROM (${rows}) AS u WHERE NOT EXISTS (SELECT 1 FROM ${tables.target} AS t WHERE ${known})`;
}

/** As a multiset: what the table has already is not appended again. */
function unknownRows(rows: string, tables: ChangeTables, among: (side: string) => string = () => 'TRUE'): string {
  const staged = numbered(`(${rows})`, 's', tables.columns, [among('s')]);
  const text = rowText(tables.columns, 't');
  const where = [...everyRow(tables, 't'), among('t')].join(' AND ');
  const known = `SELECT ${text} AS ${ROW}, COUNT(*) AS ${KNOWN} FROM ${tables.target} AS t WHERE ${where} GROUP BY ${ROW}`;
  return `SELECT n.* FROM (${staged}) AS n LEFT JOIN (${known}) AS k ON k.${ROW} = n.${ROW} WHERE n.${NTH} > IFNULL(k.${KNOWN}, 0)`;
}

/** The rows, each with its text and its number among those of the same text. */
function numbered(from: string, side: string, columns: readonly TableColumn[], conditions: readonly string[]): string {
  const worded = `SELECT ${side}.*, ${rowText(columns, side)} AS ${ROW} FROM ${from} AS ${side} WHERE ${conditions.join(' AND ')}`;
  return `SELECT w.*, ROW_NUMBER() OVER (PARTITION BY w.${ROW}) AS ${NTH} FROM (${worded}) AS w`;
}

/**
 * Rows without a cursor that the table had before it had these columns get their values; else they would look new. Rows
 * that are alike cannot be told apart by an UPDATE: they are taken out and put back.
 */
function fillAdded(rows: string, among: (side: string) => string, tables: ChangeTables): Step[] {
  const { target, columns, own, added, others } = tables;
  if (added.length === 0) return [];
  const before = columns.filter(({ name }) => !added.includes(name));
  const some = added.map((name) => `s.${quoteName(name)} IS NOT NULL`).join(' OR ');
  const kept = [...before.map(({ name }) => name), ...own, ...others.map(({ name }) => name)];
  const selected = [
    ...kept.map((name) => `k.${quoteName(name)} AS ${quoteName(name)}`),
    ...added.map((name) => `s.${quoteName(name)} AS ${quoteName(name)}`),
    `k.${ROW} AS ${ROW}`,
    `IFNULL(${some}, FALSE) AS ${KNOWN}`,
  ];
  const known = numbered(target, 't', before, [...everyRow(tables, 't'), among('t')]);
  const staged = numbered(`(${rows})`, 's', before, [among('s')]);
  const groups = `SELECT ${rowText(before, 's')} FROM (${rows}) AS s WHERE ${among('s')} AND (${some})`;
  const pairs = `(${known}) AS k LEFT JOIN (${staged}) AS s ON s.${ROW} = k.${ROW} AND s.${NTH} = k.${NTH}`;
  const filled = `SELECT ${selected.join(', ')} FROM ${pairs} WHERE k.${ROW} IN (${groups})`;
  const gone = [...everyRow(tables, 't'), among('t'), `${rowText(before, 't')} IN (SELECT ${ROW} FROM ${FILLED})`];
  const all = list([...kept, ...added]);
  return [
    { sql: `CREATE TEMP TABLE ${FILLED} AS ${filled}`, dry: filled },
    { sql: `DELETE FROM ${target} AS t WHERE ${gone.join(' AND ')}`, dry: null },
    {
      sql: `INSERT INTO ${target} (${all}) SELECT ${all} FROM ${FILLED}`,
      noted: add(COUNT.updated, `(SELECT COUNTIF(${KNOWN}) FROM ${FILLED})`),
      dry: null,
    },
  ];
}
