/** The bound of a cursor of integers. */
import type { UpperBound } from '../../../core/contracts/source.ts';
import { TributaryError } from '../../../core/errors.ts';
import { rows } from '../connect.ts';
import { quoteIdentifier } from '../identifier.ts';
import { fromClause } from '../query.ts';
import { outwaitLag } from './replica.ts';
import { type Scope, writersLeft } from './upper-bound.ts';

/** Below every value that a column of integers holds. */
const LOWEST = '-9223372036854775808';

/**
 * `C` is the highest value that is committed; *then* everybody who may be writing is listed. AUTO_INCREMENT draws its
 * values inside the statement that inserts them, so who has one below `C` is in the list or has ended. Once all of them
 * are gone, `C + 1` is safe. Where they cannot be seen, the whole lag is waited for instead: it is the user's
 * word for how long a writer takes.
 *
 * @throws SOURCE_BOUND_HELD where they do not end in time
 */
export async function integerBound(scope: Scope): Promise<UpperBound> {
  const top = await highestValue(scope);
  const to = top === null ? LOWEST : String(top + 1n);
  const seen = top === null ? 'there is no value yet' : `highest value ${top}`;
  const left = await writersLeft(scope, scope.waitMs);
  if (typeof left === 'string') {
    const behind = await outwaitLag(scope.session, scope.lagSeconds, scope.waitMs);
    if (behind === null) return { to, proof: 'lag', reason: `${seen}, ${scope.lagSeconds} s ago: ${left}` };
    const reason = `the replica is ${behind} s behind, its source may have written values below ${to}`;
    throw new TributaryError('SOURCE_BOUND_HELD', { reason });
  }
  const [writer] = left;
  if (writer === undefined) return { to, proof: 'writers', reason: `${seen}; every transaction open then has ended` };
  const who = writer.thread === '0' ? 'a prepared transaction is open' : `connection ${writer.thread} is still writing`;
  throw new TributaryError('SOURCE_BOUND_HELD', { reason: `${who}, and it may still bring values below ${to}` });
}

async function highestValue({ session, object, column }: Scope): Promise<bigint | null> {
  const sql = `SELECT CAST(MAX(${quoteIdentifier(column)}) AS CHAR) AS top FROM ${fromClause(object)}`;
  const [found] = await rows<{ top: string | null }>(session.client, sql);
  return found?.top == null ? null : BigInt(found.top);
}
