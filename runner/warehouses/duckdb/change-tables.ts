/** The tables of one change, and the statements that several strategies share. */

import type { Engine } from '../../columnar/engine.ts';
import { list, quoteName } from '../../columnar/sql.ts';
import type { ChangeCounts } from '../../core/contracts/warehouse.ts';

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

export const NOTHING: ChangeCounts = { inserted: 0, updated: 0, deleted: 0, unchanged: 0 };

/** The staged table becomes the target: nothing is written twice. */
export async function adopt(engine: Engine, { staging, targetName, staged }: ChangeTables): Promise<ChangeCounts> {
  await engine.execute(`ALTER TABLE ${staging} RENAME TO ${targetName}`);
  return { ...NOTHING, inserted: staged };
}

export async function insert(
  engine: Engine,
  { target, staging, columns }: ChangeTables,
  condition = '',
): Promise<number> {
  const names = list(columns);
  return (await engine.execute(`INSERT INTO ${target} (${names}) SELECT ${names} FROM ${staging} AS s${condition}`))
    .changed;
}

/** Names of the columns that the source gave. */
export function given(columns: readonly string[]): string[] {
  return columns.filter((name) => name !== '_run_id' && name !== '_extracted_at');
}

/** Without the source's promise a key may hold NULL, which is then a value like any other. */
export function sameKey(key: readonly string[], left: string, right: string, promised = false): string {
  const equals = promised ? '=' : 'IS NOT DISTINCT FROM';
  return key.map((name) => `${left}.${quoteName(name)} ${equals} ${right}.${quoteName(name)}`).join(' AND ');
}
