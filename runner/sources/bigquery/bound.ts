/** How far a window may reach. */
import { quoteName } from '../../bigquery/sql.ts';
import type { ObjectRef, UpperBound } from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import { isCursorType, type Known } from './describe.ts';
import { fromClause } from './query.ts';
import type { SourceSession } from './session.ts';

const FIRST = '-9223372036854775808';

/**
 * A commit in BigQuery is atomic, yet nothing tells when it will come: a load or a stream may bring rows whose cursor was
 * set before. So a window ends `lag` before the clock of BigQuery. A number has no clock: there it ends above the
 * greatest one that was there so long ago.
 *
 * @param at the moment of the snapshot, by BigQuery's clock
 * @throws SOURCE_CURSOR_UNSUITABLE
 */
export async function upperBound(
  session: SourceSession,
  {
    object,
    column,
    known,
    lagSeconds,
    at,
  }: {
    readonly object: ObjectRef;
    readonly column: string;
    readonly known: Known;
    readonly lagSeconds: number;
    readonly at: string;
  },
): Promise<UpperBound> {
  const type = known.shape.columns.find(({ name }) => name === column)?.sourceType ?? 'unknown';
  if (!isCursorType(type))
    throw new TributaryError('SOURCE_CURSOR_UNSUITABLE', { object: known.shape.name, column, type });
  const moment = new Date(Date.parse(at) - lagSeconds * 1000).toISOString();
  const reason = `${lagSeconds} s before BigQuery's clock`;
  const text = `${moment.slice(0, 19).replace('T', ' ')}.${moment.slice(20, 23)}`;
  if (type === 'TIMESTAMP') return { to: `${text}+00`, proof: 'lag', reason };
  const utc = `${reason}; local time is taken for UTC`;
  if (type === 'DATETIME') return { to: text, proof: 'lag', reason: utc };
  if (type === 'DATE') return { to: text.slice(0, 10), proof: 'lag', reason: utc };
  return numberBound(session, object, column, known, lagSeconds, moment);
}

async function numberBound(
  session: SourceSession,
  object: ObjectRef,
  column: string,
  known: Known,
  lagSeconds: number,
  moment: string,
): Promise<UpperBound> {
  if (!known.plain) {
    throw new TributaryError('SOURCE_CURSOR_UNSUITABLE', {
      object: known.shape.name,
      column,
      type: `INT64 of a ${known.shape.kind}, whose past cannot be read`,
    });
  }
  const { project } = session.options;
  const from = fromClause({ project, object, at: moment });
  const sql = `SELECT CAST(MAX(${quoteName(column)}) AS STRING) AS greatest FROM ${from}`;
  const [row] = await session.rows(sql, { location: known.location }).catch((error: unknown) => {
    // Before the table was made there is nothing, which is as it should be: nothing of it is old enough.
    if (/time travel|before .*creat|invalid snapshot time|invalid time/i.test(String(error))) return [];
    throw error;
  });
  const greatest = row?.greatest;
  if (typeof greatest !== 'string')
    return { to: FIRST, proof: 'lag', reason: `${lagSeconds} s ago there were no rows` };
  return {
    to: String(BigInt(greatest) + 1n),
    proof: 'lag',
    reason: `above the greatest of ${lagSeconds} s before BigQuery's clock`,
  };
}
