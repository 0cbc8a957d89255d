/** What the changes work on, and the pieces that several of them share. */

import { constant, list, quoteName } from '../../../bigquery/sql.ts';
import type { TableColumn } from '../../../core/contracts/warehouse.ts';
import type { KeyRange } from '../check-query.ts';
import { heldAs } from '../types.ts';

/** The tables of one change in SQL. */
export interface ChangeTables {
  readonly target: string;
  /** False where the target is new and empty. */
  readonly exists: boolean;
  /** TRUE for every row, of its partition column; `null` where the target may be read without. See {@link everyRow}. */
  readonly filter: TableColumn | null;
  /** A SELECT of the staged rows that fit. */
  readonly rows: string;
  /** A SELECT of the keys of the whole source, for a sweep. */
  readonly keys: string;
  /** Columns that the source gave. */
  readonly columns: readonly TableColumn[];
  /** Columns of Tributary that the staged rows have. */
  readonly own: readonly string[];
  /** Names of {@link columns} that the target has only since this commit. */
  readonly added: readonly string[];
  /** Columns that only the target has. */
  readonly others: readonly TableColumn[];
  /** How many rows fit; 0 takes statements away that would have nothing to do. `null`: not known yet. */
  readonly staged: number | null;
  readonly ranges: readonly KeyRange[];
  readonly distinctKeys: number | null;
  /** The rows come from quarantine: they have places, and an order by them. */
  readonly replay: boolean;
}

/** A statement of a change, and what is noted of it. */
export interface Step {
  readonly sql: string;
  /** A statement of the script after it; `@@row_count` is that of {@link sql}. */
  readonly noted?: string;
  /** What a dry run takes instead where it cannot take {@link sql} alone; `null`: it costs nothing. */
  readonly dry?: string | null;
}

/** Variables of the commit's script. No column of a source is called so. */
export const COUNT = {
  before: 'tributary_before',
  inserted: 'tributary_inserted',
  updated: 'tributary_updated',
  deleted: 'tributary_deleted',
  /** Rows that one statement inserted or updated. */
  changed: 'tributary_changed',
} as const;

export const add = (counter: string, rows = '@@row_count') => `SET ${counter} = ${counter} + ${rows}`;

/** Names of all columns of the staged rows. */
export function names({ columns, own }: Pick<ChangeTables, 'columns' | 'own'>): string[] {
  return [...columns.map(({ name }) => name), ...own];
}

/**
 * `INSERT` of the rows of a SELECT that has at least {@link names}.
 *
 * @param compared the SELECT reads the target
 */
export function insert(tables: ChangeTables, rows: string, compared: boolean): Step {
  const all = names(tables);
  const selected = list(all, (name) => `s.${quoteName(name)}`);
  const step = {
    sql: `INSERT INTO ${tables.target} (${list(all)}) SELECT ${selected} FROM (${rows}) AS s`,
    noted: add(COUNT.inserted),
  };
  return compared ? step : { ...step, dry: null };
}

/** A condition that every row meets and that names the partitions, which tables can demand of each statement. */
export function everyRow({ filter }: Pick<ChangeTables, 'filter'>, side: string): string[] {
  if (filter === null) return [];
  const column = `${side}.${quoteName(filter.name)}`;
  return [`(${column} IS NULL OR ${column} >= ${FIRST[filter.type.kind] ?? FIRST.TIMESTAMP})`];
}

const FIRST: Readonly<Record<string, string>> = {
  DATE: `DATE '0001-01-01'`,
  DATETIME: `DATETIME '0001-01-01 00:00:00'`,
  TIMESTAMP: `TIMESTAMP '0001-01-01 00:00:00+00'`,
};

/** How many rows the target has, as a SET of a variable. */
export function countRows(tables: ChangeTables, into: string): Step {
  const where = everyRow(tables, 't');
  const counted = `SELECT COUNT(*) FROM ${tables.target} AS t${where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`}`;
  return { sql: `SET ${into} = (${counted})`, dry: where.length === 0 ? null : counted };
}

/** The columns of a key; a name that the rows have not is no column. */
export function keyColumns({ columns }: Pick<ChangeTables, 'columns'>, key: readonly string[]): TableColumn[] {
  return key.flatMap((name) => columns.find((column) => column.name === name) ?? []);
}

/** Between which values of the target's key columns the staged keys lie; nothing outside has to be read. */
export function within({ ranges }: ChangeTables, key: readonly TableColumn[], side: string): string[] {
  return key.flatMap(({ name, type }) => {
    const range = ranges.find(({ column }) => column === name);
    if (range === undefined) return [];
    const column = `${side}.${quoteName(name)}`;
    const [min, max] = [range.min, range.max].map((text) => (text === null ? null : constant(text, heldAs(type))));
    if (min === null || min === undefined || max === null || max === undefined) return [];
    const between = `${column} BETWEEN ${min} AND ${max}`;
    return [range.nulls > 0 ? `(${between} OR ${column} IS NULL)` : between];
  });
}

/** Whether NULL in a key of the staged rows could meet one in the target. */
export function holdsNull({ ranges }: ChangeTables, key: readonly TableColumn[], promised: boolean): boolean {
  if (promised) return false;
  return key.some(({ name, nullable }) => {
    const range = ranges.find(({ column }) => column === name);
    return range === undefined ? nullable : range.nulls > 0;
  });
}
