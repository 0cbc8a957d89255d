/** Staged rows take the place of those with the same key. The table has one row of each key. */

import type { Engine } from '../../columnar/engine.ts';
import { list, quoteName, quoteText } from '../../columnar/sql.ts';
import type { ChangeCounts, TableChange } from '../../core/contracts/warehouse.ts';
import { adopt, type ChangeTables, given, insert, sameKey } from './change-tables.ts';

export async function merge(
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
