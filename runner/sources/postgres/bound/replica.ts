/** How far a replica has come. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { row } from '../row.ts';
import type { Scope } from './scope.ts';

const POLL_MS = 100;
/** The function does not exist for this kind of replica. */
const UNSUPPORTED = '0A000';

/**
 * The moment of the primary up to which all is here: of the last transaction, or of a message that came with nothing left to
 * replay. Who may not see messages has the former alone.
 */
const REPLAYED = `greatest(pg_last_xact_replay_timestamp(), (SELECT last_msg_send_time FROM pg_stat_wal_receiver
  WHERE latest_end_lsn <= pg_last_wal_replay_lsn()))`;

/** All that came was replayed, and more would come, as far as somebody sees who may not see messages. */
const DRAINED = `pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
  AND EXISTS (SELECT FROM pg_stat_wal_receiver WHERE last_msg_send_time IS NULL)`;

/** @returns `null` where nothing was replayed since it started; `undefined` where it does not tell */
export async function replayedUntil(client: pg.Client): Promise<string | null | undefined> {
  try {
    return (await row<{ at: string | null }>(client, `SELECT ${REPLAYED}::text AS at`)).at;
  } catch (error) {
    if ((error as { code?: string }).code !== UNSUPPORTED) throw error;
    return undefined;
  }
}

/**
 * Waits until all is here that the primary had the lag after the last transaction that is here now.
 *
 * @returns the moment that is not reached in time, else `null`
 */
export async function outwaitLag({ client, lagSeconds, waitMs }: Scope): Promise<string | null> {
  const lag = `make_interval(secs => ${Number(lagSeconds)})`;
  const replayed = await replayedUntil(client);
  if (replayed === undefined) {
    await sleep(lagSeconds * 1000);
    return null;
  }
  // A receiver that hears nothing asks for a sign of life after half of its patience.
  const { goal, clock, quietMs } = await row<{ goal: string; clock: string; quietMs: number }>(
    client,
    `SELECT (coalesce(pg_last_xact_replay_timestamp(), clock_timestamp()) + ${lag})::text AS goal,
       (clock_timestamp() + ${lag})::text AS clock,
       (SELECT setting::int / 2 FROM pg_settings WHERE name = 'wal_receiver_timeout') AS "quietMs"`,
  );
  const reached = `SELECT coalesce(${REPLAYED} >= $1::timestamptz, false)
    OR (clock_timestamp() >= $2::timestamptz AND ${DRAINED}) AS reached`;
  for (const end = Date.now() + lagSeconds * 1000 + quietMs + waitMs; ; await sleep(POLL_MS)) {
    if ((await row<{ reached: boolean }>(client, reached, [goal, clock])).reached) return null;
    if (Date.now() > end) return goal;
  }
}
