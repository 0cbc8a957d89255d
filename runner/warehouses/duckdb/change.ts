/** How staged rows change a table: the statements of each strategy, inside the commit's transaction. */
import type { ChangeCounts, TableChange } from '../../core/contracts.ts';
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
  if (!tables.exists) return adopt(engine, tables);
  let unchanged = 0;
  if (change.key !== undefined) {
    const same = sameKey(change.key, 't', 's');
    unchanged = (await engine.execute(`DELETE FROM ${tables.staging} AS s USING ${tables.target} AS t WHERE ${same}`))
      .changed;
  }
  if (change.nullCursor === undefined) return { ...NOTHING, inserted: await insert(engine, tables), unchanged };
  const inserted =
    (await insert(engine, tables, ` WHERE ${quoteName(change.nullCursor)} IS NOT NULL`)) +
    (await insertNewNulls(engine, change.nullCursor, tables));
  return { ...NOTHING, inserted, unchanged: unchanged + tables.staged - unchanged - inserted };
}

/** Rows without a cursor, as a multiset: what the table has already is not appended again. */
async function insertNewNulls(
  engine: Engine,
  cursor: string,
  { target, staging, columns }: ChangeTables,
): Promise<number> {
  const data = columns.filter((name) => name !== '_run_id' && name !== '_extracted_at');
  const side = (table: string) => `SELECT ${list(data)} FROM ${table} WHERE ${quoteName(cursor)} IS NULL`;
  const stamp = `(SELECT any_value(_run_id) FROM ${staging}), (SELECT any_value(_extracted_at) FROM ${staging})`;
  const fresh = `SELECT *, ${stamp} FROM (${side(staging)} EXCEPT ALL ${side(target)})`;
  return (await engine.execute(`INSERT INTO ${target} (${list(data)}, _run_id, _extracted_at) ${fresh}`)).changed;
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
  let unchanged = 0;
  if (change.mayRepeat) {
    const data = columns.filter((name) => name !== '_run_id' && name !== '_extracted_at' && !change.key.includes(name));
    const alike = data.map((name) => `t.${quoteName(name)} IS NOT DISTINCT FROM s.${quoteName(name)}`);
    const alive = change.deletes === 'soft' ? ['t._deleted_at IS NULL'] : [];
    unchanged = (
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
