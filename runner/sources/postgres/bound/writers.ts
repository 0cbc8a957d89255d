/** Who may still write, as pg_stat_activity, pg_locks and pg_prepared_xacts show it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { row } from '../row.ts';
import type { Scope } from './scope.ts';

/** The oid of the database that is being read. */
export const HERE = '(SELECT oid FROM pg_database WHERE datname = current_database())';

const POLL_MS = 20;
const SILENT = `('autovacuum worker','autovacuum launcher','walsender')`;
const WRITES = `('RowExclusiveLock','ShareRowExclusiveLock','ExclusiveLock','AccessExclusiveLock')`;

/** A lock held by a writer of the relations in `$1`, or of any but the system's. */
const WRITE_LOCK = `locktype = 'relation' AND granted AND mode IN ${WRITES} AND database = ${HERE}
  AND CASE WHEN $1::oid[] IS NULL THEN relation >= 16384 ELSE relation = ANY($1::oid[]) END`;

/**
 * The start of the oldest transaction of others that began before `now`, else `now` and nobody. A running message
 * counts from its arrival: a COMMIT inside it lets the next transaction have the same `now()`.
 */
export function oldestTransaction(
  client: pg.Client,
  now: string,
): Promise<{ readonly since: string; readonly pid: number | null }> {
  const open = `SELECT pid, least(xact_start, CASE WHEN state IN ('active','fastpath function call') THEN query_start END) AS since
    FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (datid = ${HERE} OR datid IS NULL OR datid = 0)
      AND coalesce(backend_type, '') NOT IN ${SILENT}`;
  return row(
    client,
    `SELECT least($1::timestamptz, o.since)::text AS since, CASE WHEN o.since < $1::timestamptz THEN o.pid END AS pid
     FROM (SELECT 1) x LEFT JOIN LATERAL (SELECT * FROM (${open}) o WHERE since IS NOT NULL ORDER BY since LIMIT 1) o ON true`,
    [now],
  );
}

/**
 * Backends that have a transaction but do not show since when: every role sees in pg_locks that one is open (its
 * virtualxid).
 */
export async function opaqueBackends(client: pg.Client, among: readonly number[] | null = null): Promise<number[]> {
  const { rows } = await client.query<{ pid: number }>(
    `SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'virtualxid'
       AND l.mode = 'ExclusiveLock'
     WHERE a.pid <> pg_backend_pid() AND a.datid = ${HERE} AND a.usesysid IS NOT NULL AND a.xact_start IS NULL
       AND coalesce(a.backend_type, '') NOT IN ${SILENT} AND ($1::int[] IS NULL OR a.pid = ANY($1))`,
    [among],
  );
  return rows.map(({ pid }) => pid);
}

/** Whether these backends end in time what they have open. */
export async function outwaitOpaque({ client, waitMs }: Scope, backends: readonly number[]): Promise<boolean> {
  const left = await outwait(backends, (among) => opaqueBackends(client, among), waitMs);
  return left.length === 0;
}

/** Names of prepared transactions that wrote: they neither show when they began nor can they write any more. */
export async function preparedWriters({ client, oids }: Scope): Promise<string | null> {
  const { rows } = await client.query<{ names: string | null }>(
    `SELECT (SELECT string_agg(gid, ', ') FROM pg_prepared_xacts WHERE database = current_database()) AS names
     FROM pg_locks WHERE pid IS NULL AND ${WRITE_LOCK} LIMIT 1`,
    [oids],
  );
  return rows[0] === undefined ? null : (rows[0].names ?? 'see pg_prepared_xacts');
}

/** Waits for those that hold a write lock now; `null` once all are gone, else who is left. */
export async function outwaitWriters({ client, oids, waitMs }: Scope): Promise<string | null> {
  const look = async (among: readonly string[] | null) => {
    const { rows } = await client.query<{ vxid: string; pid: number | null }>(
      `SELECT DISTINCT virtualtransaction AS vxid, pid FROM pg_locks
       WHERE ${WRITE_LOCK} AND pid IS DISTINCT FROM pg_backend_pid()
         AND ($2::text[] IS NULL OR virtualtransaction = ANY($2) OR pid IS NULL)`,
      [oids, among],
    );
    return rows;
  };
  const first = await look(null);
  const among = first.map(({ vxid }) => vxid);
  const [left] = await outwait(first, () => look(among), waitMs);
  if (left === undefined) return null;
  return left.pid === null ? 'a prepared transaction wrote to it' : `backend ${left.pid} is still writing to it`;
}

/** On a replica: waits until every transaction that had a number is over, as far as it has replayed. */
export async function outwaitNumbered({ client, waitMs }: Scope): Promise<string | null> {
  const sql =
    'SELECT txid_snapshot_xmin(s)::text AS xmin, txid_snapshot_xmax(s)::text AS xmax FROM txid_current_snapshot() s';
  const look = () => row<{ xmin: string; xmax: string }>(client, sql);
  const first = await look();
  const older = ({ xmin }: { readonly xmin: string }) => (BigInt(xmin) < BigInt(first.xmax) ? [xmin] : []);
  const [left] = await outwait(older(first), async () => older(await look()), waitMs);
  return left === undefined ? null : `transaction ${left} is still open at the primary`;
}

/** Looks again who of those seen last is left, until nobody is or the time is over. */
async function outwait<T>(
  first: readonly T[],
  look: (seen: readonly T[]) => Promise<readonly T[]>,
  waitMs: number,
): Promise<readonly T[]> {
  let left = first;
  for (const end = Date.now() + waitMs; left.length > 0 && Date.now() < end; ) {
    await sleep(POLL_MS);
    left = await look(left);
  }
  return left;
}
