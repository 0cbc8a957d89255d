/** How far a window may reach without missing a writer in flight. */
import type pg from 'pg';
import type { UpperBound } from '../../../core/contracts/source.ts';
import { TributaryError } from '../../../core/errors.ts';
import { CURSOR_TYPE } from '../types.ts';
import { integerBound, isInteger } from './integer.ts';
import { type BoundOptions, type BoundTarget, scopeOf } from './scope.ts';
import { timeBound } from './time.ts';

/**
 * Finds the exclusive upper end of a window. Call it outside a transaction, and take the snapshot **after** it.
 *
 * Where others' transactions cannot be seen (rights, replica, foreign table), the proof is 'lag'. Values from clocks
 * of clients, and copies of older rows, need a lookback whatever the proof.
 *
 * @throws SOURCE_CURSOR_UNSUITABLE, SOURCE_BOUND_HELD
 */
export async function upperBound(
  client: pg.Client,
  target: BoundTarget,
  cursor: { readonly column: string; readonly sourceType: string },
  options: BoundOptions,
): Promise<UpperBound> {
  const type = await baseType(client, cursor.sourceType);
  if (!CURSOR_TYPE.test(type)) {
    const object = 'query' in target ? 'the query' : `${target.schema}.${target.table}`;
    throw new TributaryError('SOURCE_CURSOR_UNSUITABLE', { object, column: cursor.column, type: cursor.sourceType });
  }
  const scope = await scopeOf(client, target, options);
  return isInteger(type) ? integerBound(scope, cursor.column, type) : timeBound(scope, type);
}

/** What a domain is made of. */
async function baseType(client: pg.Client, name: string): Promise<string> {
  if (CURSOR_TYPE.test(name)) return name;
  const { rows } = await client.query<{ name: string }>(
    `WITH RECURSIVE t AS (
       SELECT oid, typtype, typbasetype, -1 AS typmod FROM pg_type WHERE oid = to_regtype($1)
       UNION ALL SELECT b.oid, b.typtype, b.typbasetype, d.typtypmod FROM t
         JOIN pg_type d ON d.oid = t.oid AND d.typtype = 'd' JOIN pg_type b ON b.oid = d.typbasetype)
     SELECT format_type(oid, typmod) AS name FROM t WHERE typtype <> 'd'`,
    [name],
  );
  return rows[0]?.name ?? name;
}
