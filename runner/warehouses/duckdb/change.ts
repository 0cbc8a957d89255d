/** How staged rows change a table: the statements of each strategy, inside the commit's transaction. */
import type { ChangeCounts, TableChange } from '../../core/contracts/warehouse.ts';
import type { Engine } from './engine.ts';
import { list, quoteName, quoteText } from './sql.ts';

/** The tables of one change, quoted, and what the staged table holds. */
export interface ChangeTables {
  readonly target: string;
  /** Name of the target inside its schema, for a rename. */
  readonly targetName: string;
  readonly staging: string;
  readonly keys: string;
  readonly exists: boolean;
  readonly columns: readonly string[];
  /** Those of them that the table has only since this commit. */
  readonly added: readonly string[];
  readonly staged: number;
  readonly committedAt: string;
}

const NOTHING: ChangeCounts = { inserted: 0, updated: 0, deleted: 0, unchanged: 0 };

export async function applyChange(engine: Engine, change: TableChange, tables: ChangeTables): Promise<ChangeCounts> {
  switch (change.kind) {
    case 'append':
      return append(engine, change, tables);
    case 'merge':
      return merge(engine, change, tables);
    case 'partition':
      return partition(engine, change, tables);
    case 'replace':
      return replace(engine, tables);
  }
}

/** The staged table becomes the target: nothing is written twice. */
async function adopt(engine: Engine, { staging, targetName, staged }: ChangeTables): Promise<ChangeCounts> {
  await engine.execute(`ALTER TABLE ${staging} RENAME TO ${targetName}`);
  return { ...NOTHING, inserted: staged };
}

async function insert(engine: Engine, { target, staging, columns }: ChangeTables, condition = ''): Promise<number> {
  const names = list(columns);
  return (await engine.execute(`INSERT INTO ${target} (${names}) SELECT ${names} FROM ${staging} AS s${condition}`))
    .changed;
}

async function append(
  engine: Engine,
  change: Extract<TableChange, { kind: 'append' }>,
  tables: ChangeTables,
): Promise<ChangeCounts> {
  const { key, nullCursor, mayRepeat = false } = change;
  const dropped = key !== undefined && mayRepeat ? await dropLaterTwins(engine, key, tables.staging) : 0;
  if (!tables.exists) return adopt(engine, { ...tables, staged: tables.staged - dropped });
  if (key !== undefined) {
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
  return { ...NOTHING, inserted, updated, unchanged: tables.staged - inserted - updated };
}

/** Names of the columns that the source gave. */
function given(columns: readonly string[]): string[] {
  return columns.filter((name) => name !== '_run_id' && name !== '_extracted_at');
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

async function merge(
  engine: Engine,
  change: Extract<TableChange, { kind: 'merge' }>,
  tables: ChangeTables,
): Promise<ChangeCounts> {
  const { target, staging, exists, columns } = tables;
  let { staged } = tables;
  if (!change.keyIsUnique) staged -= await dropOlderTwins(engine, change, staging);
  if (!exists) return adopt(engine, { ...tables, staged });
  const same = sameKey(change.key, 't', 's', change.keyIsUnique);
  let unchanged = change.mayBeOlder ? await dropOlder(engine, change, tables) : 0;
  if (change.mayRepeat) {
    const data = given(columns).filter((name) => !change.key.includes(name));
    const alike = data.map((name) => `t.${quoteName(name)} IS NOT DISTINCT FROM s.${quoteName(name)}`);
    const alive = change.deletes === 'soft' ? ['t._deleted_at IS NULL'] : [];
    unchanged += (
      await engine.execute(
        `DELETE FROM ${staging} AS s USING ${target} AS t WHERE ${[same, ...alike, ...alive].join(' AND ')}`,
      )
    ).changed;
  }
  const updated = (await engine.execute(`DELETE FROM ${target} AS t USING ${staging} AS s WHERE ${same}`)).changed;
  await insert(engine, tables);
  const deleted = change.deletes === 'ignore' ? 0 : await sweep(engine, change, tables);
  return { inserted: staged - unchanged - updated, updated, deleted, unchanged };
}

/** Without the source's promise a key may hold NULL, which is then a value like any other. */
function sameKey(key: readonly string[], left: string, right: string, promised = false): string {
  const equals = promised ? '=' : 'IS NOT DISTINCT FROM';
  return key.map((name) => `${left}.${quoteName(name)} ${equals} ${right}.${quoteName(name)}`).join(' AND ');
}

/** One row per key: the newest by cursor. */
async function dropOlderTwins(
  engine: Engine,
  { key, cursor }: { readonly key: readonly string[]; readonly cursor: string },
  staging: string,
): Promise<number> {
  const newest = `SELECT rowid FROM ${staging} QUALIFY row_number() OVER (PARTITION BY ${list(key)} ORDER BY ${quoteName(cursor)} DESC NULLS LAST, rowid DESC) > 1`;
  return (await engine.execute(`DELETE FROM ${staging} WHERE rowid IN (${newest})`)).changed;
}

/** Staged rows whose key the table has with no smaller cursor. */
async function dropOlder(
  engine: Engine,
  { key, cursor }: { readonly key: readonly string[]; readonly cursor: string },
  { target, staging }: ChangeTables,
): Promise<number> {
  const column = quoteName(cursor);
  const older = `${sameKey(key, 't', 's')} AND (s.${column} IS NULL OR t.${column} >= s.${column})`;
  return (await engine.execute(`DELETE FROM ${staging} AS s USING ${target} AS t WHERE ${older}`)).changed;
}

/** Rows of the target that the sweep of keys did not meet. */
export function sweptRows(
  key: readonly string[],
  { target, keys }: Pick<ChangeTables, 'target' | 'keys'>,
  soft: boolean,
): string {
  const same = sameKey(key, 'k', 't');
  return `${target} AS t WHERE ${soft ? 't._deleted_at IS NULL AND ' : ''}NOT EXISTS (SELECT 1 FROM ${keys} AS k WHERE ${same})`;
}

async function sweep(
  engine: Engine,
  change: Extract<TableChange, { kind: 'merge' }>,
  tables: ChangeTables,
): Promise<number> {
  const gone = sweptRows(change.key, tables, change.deletes === 'soft');
  if (change.deletes === 'hard') return (await engine.execute(`DELETE FROM ${gone}`)).changed;
  const set = `UPDATE ${tables.target} AS t SET _deleted_at = TIMESTAMPTZ ${quoteText(tables.committedAt)}`;
  return (await engine.execute(`${set}${gone.slice(gone.indexOf(' WHERE'))}`)).changed;
}

async function partition(
  engine: Engine,
  { column, date }: Extract<TableChange, { kind: 'partition' }>,
  tables: ChangeTables,
): Promise<ChangeCounts> {
  if (!tables.exists) return adopt(engine, tables);
  const deleted = (
    await engine.execute(`DELETE FROM ${tables.target} WHERE ${quoteName(column)} = DATE ${quoteText(date)}`)
  ).changed;
  return { ...NOTHING, inserted: await insert(engine, tables), deleted };
}

async function replace(engine: Engine, tables: ChangeTables): Promise<ChangeCounts> {
  let deleted = 0;
  if (tables.exists) {
    deleted = Number((await engine.query(`SELECT count(*) AS n FROM ${tables.target}`))[0]?.n ?? 0);
    await engine.execute(`DROP TABLE ${tables.target}`);
  }
  return { ...(await adopt(engine, tables)), deleted };
}
