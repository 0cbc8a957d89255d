/** The bound of a cursor of timestamps or dates. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { UpperBound } from '../../../core/contracts/source.ts';
import { TributaryError } from '../../../core/errors.ts';
import { row } from '../row.ts';
import { replayedUntil } from './replica.ts';
import type { Scope } from './scope.ts';
import { HERE, oldestTransaction, opaqueBackends, outwaitOpaque, preparedWriters } from './writers.ts';

/** By then a transaction that began has published that it did. */
const SETTLE_MS = 50;

/**
 * A writer stamps its rows no earlier than its transaction began (`now()`) or its message came in. `t` is the clock;
 * {@link SETTLE_MS} later, so that whoever began before `t` has published it, every transaction still open is looked
 * up, idle ones too. Whatever is below the oldest of them and below `t` was written by a transaction that has ended,
 * so the later snapshot has it. A prepared transaction hides when it began: if it wrote to the table, nothing is
 * safe. The bound is rounded as the column rounds, and a column without zone gets the smallest local time that any
 * later moment can have in the zones in use, also when clocks go back.
 *
 * @throws SOURCE_BOUND_HELD where nothing new is safe to read yet
 */
export async function timeBound(scope: Scope, type: string): Promise<UpperBound> {
  const { client, standby, blind } = scope;
  if (standby) return replicaBound(scope, type);
  if (blind !== null) return lagBound(scope, type, blind);
  const { now } = await row<{ now: string }>(client, 'SELECT clock_timestamp()::text AS now');
  await sleep(SETTLE_MS);
  const { since, pid } = await oldestTransaction(client, now);
  const opaque = await opaqueBackends(client);
  const prepared = await preparedWriters(scope);
  if (prepared !== null) throw held(`a prepared transaction wrote to the table and is not committed (${prepared})`);
  if (!(await outwaitOpaque(scope, opaque))) {
    const hidden = 'open transactions of other users cannot be seen (GRANT pg_read_all_stats would show them)';
    return lagBound(scope, type, `${hidden}; backend ${opaque[0]} has one`);
  }
  const { to, zones } = await render(client, type, `'${since}'::timestamptz`);
  const what = pid === null ? 'no older transaction was open' : `backend ${pid} has been in a transaction since`;
  return { to, proof: 'writers', reason: `${since}: ${what}${zones}` };
}

/** A replica knows neither who writes nor since when, only how far it has replayed. */
async function replicaBound(scope: Scope, type: string): Promise<UpperBound> {
  const at = await replayedUntil(scope.client);
  if (at === undefined) return lagBound(scope, type, 'this replica does not tell how far it has replayed');
  if (at === null) throw held('the replica has not replayed a transaction since it started');
  return lagBound(scope, type, `a replica, replayed up to ${at}, does not show who writes`, `'${at}'::timestamptz`);
}

async function lagBound(
  { client, lagSeconds }: Scope,
  type: string,
  reason: string,
  clock = 'clock_timestamp()',
): Promise<UpperBound> {
  const { to, zones } = await render(client, type, `(${clock} - make_interval(secs => ${Number(lagSeconds)}))`);
  return { to, proof: 'lag', reason: `${lagSeconds} s before the clock: ${reason}${zones}` };
}

function held(reason: string): TributaryError {
  return new TributaryError('SOURCE_BOUND_HELD', { reason });
}

/** The moment as the column would hold it, and what that supposes of the writers' zones. */
async function render(client: pg.Client, type: string, moment: string): Promise<{ to: string; zones: string }> {
  if (type.endsWith('with time zone')) {
    const text = `to_char(${moment}::${type}, 'YYYY-MM-DD HH24:MI:SS.US"+00"')`;
    return { ...(await row<{ to: string }>(client, `SELECT ${text} AS to`)), zones: '' };
  }
  const zones = await zonesInUse(client);
  const format = type === 'date' ? 'YYYY-MM-DD' : 'YYYY-MM-DD HH24:MI:SS.US';
  const { to } = await row<{ to: string }>(
    client,
    `WITH m AS MATERIALIZED (SELECT ${moment} AS t)
     SELECT to_char(min(s.t AT TIME ZONE z.zone)::${type}, '${format}') AS to FROM unnest($1::text[]) z(zone),
       (SELECT t FROM m UNION ALL SELECT date_trunc('minute', t) + k * interval '1 minute' FROM m, generate_series(1, 180) k) s`,
    [zones],
  );
  return { to, zones: `; local time of ${zones.join(', ')}, writers in other zones are not covered` };
}

/** The database's or server's default, and what single roles have set for their sessions. */
async function zonesInUse(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ zone: string }>(
    `WITH s AS (SELECT setdatabase, setrole, substr(c, 10) AS zone FROM pg_db_role_setting, unnest(setconfig) c
       WHERE lower(c) LIKE 'timezone=%' AND setdatabase IN (0, ${HERE}))
     SELECT coalesce((SELECT zone FROM s WHERE setrole = 0 ORDER BY setdatabase DESC LIMIT 1),
       (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone')) AS zone
     UNION SELECT zone FROM s WHERE setrole <> 0`,
  );
  return rows.map(({ zone }) => zone);
}
