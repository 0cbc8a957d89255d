/** How staged rows change a table: the statements of each strategy, inside the commit's transaction. */

import type { Engine } from '../../columnar/engine.ts';
import { quoteName, quoteText } from '../../columnar/sql.ts';
import type { ChangeCounts, TableChange } from '../../core/contracts/warehouse.ts';
import { append } from './append.ts';
import { adopt, type ChangeTables, insert, NOTHING } from './change-tables.ts';
import { merge } from './merge.ts';

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
