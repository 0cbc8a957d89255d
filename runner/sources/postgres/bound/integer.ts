/** The bound of a cursor of integers. */
import type pg from 'pg';
import type { UpperBound } from '../../../core/contracts/source.ts';
import { TributaryError } from '../../../core/errors.ts';
import { quoteIdentifier, quoteTable, subquery } from '../identifier.ts';
import { row } from '../row.ts';
import { outwaitLag } from './replica.ts';
import type { Scope } from './scope.ts';
import { outwaitNumbered, outwaitWriters } from './writers.ts';

const RANGE = {
  smallint: { lowest: '-32768', highest: 32767n },
  integer: { lowest: '-2147483648', highest: 2147483647n },
  bigint: { lowest: '-9223372036854775808', highest: 9223372036854775807n },
} as const;

type IntegerType = keyof typeof RANGE;

export function isInteger(type: string): type is IntegerType {
  return Object.hasOwn(RANGE, type);
}

/**
 * `C` is the highest value; *then* the transactions are listed that hold a write lock on the table. A value below
 * `C` was drawn under such a lock (INSERT takes it before the default is evaluated), so its transaction is in the
 * list or has ended. Once all of the list are gone, `C + 1` is safe. Values drawn by `nextval` before the INSERT, or
 * by a session's cache, can come later: then the proof is 'lag'.
 *
 * @throws SOURCE_BOUND_HELD where they do not end in time
 */
export async function integerBound(scope: Scope, column: string, type: IntegerType): Promise<UpperBound> {
  const { lowest, highest } = RANGE[type];
  const top = await highestValue(scope, column);
  const to = top === null ? lowest : String(top < highest ? top + 1n : top);
  if (scope.standby) return replicaBound(scope, to, top);
  const doubt = scope.blind ?? (await cachedSequence(scope, column));
  const writer = await outwaitWriters(scope);
  if (writer !== null) throw held(writer, to);
  const reason =
    top === null ? 'there is no value yet' : `highest value ${top}; every transaction that was writing to it has ended`;
  if (doubt !== null) return { to, proof: 'lag', reason: `${reason}; but ${doubt}` };
  return { to, proof: 'writers', reason };
}

/**
 * A replica shows no locks, and a transaction only once it has a number: it may have drawn a value before, as while a trigger
 * works. The lag is the user's word for how long a writer takes: what the primary wrote in it has to be here.
 */
async function replicaBound(scope: Scope, to: string, top: bigint | null): Promise<UpperBound> {
  const writer = await outwaitNumbered(scope);
  if (writer !== null) throw held(writer, to);
  const goal = await outwaitLag(scope);
  if (goal !== null) throw held(`the replica has not replayed what its primary wrote until ${goal}`, to);
  const seen = top === null ? 'there is no value yet' : `highest value ${top}`;
  const reason = `${seen}, ${scope.lagSeconds} s ago at the primary: a replica does not show who writes there`;
  return { to, proof: 'lag', reason };
}

function held(reason: string, to: string): TributaryError {
  return new TributaryError('SOURCE_BOUND_HELD', { reason: `${reason}, and it may still bring values below ${to}` });
}

async function highestValue({ client, target }: Scope, column: string): Promise<bigint | null> {
  const from = 'query' in target ? `${subquery(target.query)} AS source_query` : quoteTable(target);
  const { rows } = await client.query<{ top: string | null }>({
    text: `SELECT max(${quoteIdentifier(column)})::text AS top FROM ${from}`,
    queryMode: 'extended',
  } as pg.QueryConfig);
  const top = rows[0]?.top ?? null;
  return top === null ? null : BigInt(top);
}

async function cachedSequence({ client, target }: Scope, column: string): Promise<string | null> {
  if ('query' in target) return null;
  const { cache } = await row<{ cache: string | null }>(
    client,
    `SELECT max(q.seqcache)::text AS cache FROM pg_sequence q WHERE q.seqcache > 1 AND q.seqrelid IN (
       SELECT d.objid FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_class'::regclass AND d.refobjid = to_regclass($1) AND a.attname = $2
       UNION SELECT d.refobjid FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
         JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
         WHERE f.adrelid = to_regclass($1) AND a.attname = $2)`,
    [quoteTable(target), column],
  );
  return cache === null
    ? null
    : `sessions keep ${cache} values of its sequence in stock (CACHE) and may insert lower ones later`;
}
