/** How far a window may reach without missing a writer in flight. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { UpperBound } from '../../core/contracts.ts';
import { TributaryError } from '../../core/errors.ts';
import { quoteIdentifier, quoteTable, subquery, type TableName } from './identifier.ts';

export type BoundTarget = (TableName & { readonly schema: string }) | { readonly query: string };

export interface BoundOptions {
  /** Distance kept from the clock where nothing better can be proved. */
  readonly lagSeconds: number;
  /** How long to wait for the writers that stand in the way; 10 s by default. */
  readonly waitMs?: number;
  /** Zone in which writers fill a column without zone; by default the zones that the server's settings give them. */
  readonly timeZone?: string;
}

/** Nothing new is safe to read yet, and why. */
export interface Held {
  readonly held: string;
}

interface Cursor {
  readonly column: string;
  readonly sourceType: string;
}

interface Reach {
  /** Relations through which the rows may be written; `null` for all of the database. */
  readonly oids: readonly number[] | null;
  /** Why writers cannot be seen at all. */
  readonly blind: string | null;
  readonly standby: boolean;
}

const SETTLE_MS = 50;
const POLL_MS = 20;
const WRITES = `('RowExclusiveLock','ShareRowExclusiveLock','ExclusiveLock','AccessExclusiveLock')`;
const HERE = '(SELECT oid FROM pg_database WHERE datname = current_database())';
const SILENT = `('autovacuum worker','autovacuum launcher','walsender')`;

const LOWEST = { smallint: '-32768', integer: '-2147483648', bigint: '-9223372036854775808' };
const HIGHEST = { smallint: 32767n, integer: 2147483647n, bigint: 9223372036854775807n };

/**
 * Finds the exclusive upper end of a window. Call it outside a transaction, and take the snapshot **after** it.
 *
 * **Timestamps and dates.** A writer stamps its rows no earlier than its transaction began (`now()`) or its message
 * came in. `t` is the clock; {@link SETTLE_MS} later, so that whoever began before `t` has published it, every
 * transaction still open is looked up, idle ones too. Whatever is below the oldest of them and below `t` was written
 * by a transaction that has ended, so the later snapshot has it. A prepared transaction hides when it began: if it
 * wrote to the table, nothing is safe. The bound is rounded as the column rounds, and a column without zone gets
 * the smallest local time that any later moment can have in the zones in use, also when clocks go back.
 *
 * **Integers.** `C` is the highest value; *then* the transactions are listed that hold a write lock on the table. A
 * value below `C` was drawn under such a lock (INSERT takes it before the default is evaluated), so its transaction
 * is in the list or has ended. Once all of the list are gone, `C + 1` is safe. Values drawn by `nextval` before the
 * INSERT, or by a session's cache, can come later: then the proof is 'lag'.
 *
 * Where others' transactions cannot be seen (rights, replica, foreign table), the proof is 'lag'. Values from clocks
 * of clients, and copies of older rows, need a lookback whatever the proof.
 *
 * @throws SOURCE_CURSOR_UNSUITABLE
 */
export async function upperBound(
  client: pg.Client,
  target: BoundTarget,
  cursor: Cursor,
  options: BoundOptions,
): Promise<UpperBound | Held> {
  const type = await baseType(client, cursor.sourceType);
  const reach = await reachOf(client, target);
  if (type in LOWEST) return integerBound(client, target, cursor.column, type as keyof typeof LOWEST, reach, options);
  if (/^(date$|timestamp(\(\d\))? with)/.test(type)) return timeBound(client, type, reach, options);
  const object = 'query' in target ? 'the query' : `${target.schema}.${target.table}`;
  throw new TributaryError('SOURCE_CURSOR_UNSUITABLE', { object, column: cursor.column, type: cursor.sourceType });
}

async function baseType(client: pg.Client, name: string): Promise<string> {
  if (/^(smallint|integer|bigint|date|timestamp(\(\d\))? with(out)? time zone)$/.test(name)) return name;
  const found = await one<{ name: string }>(
    client,
    `WITH RECURSIVE t AS (
       SELECT oid, typtype, typbasetype, -1 AS typmod FROM pg_type WHERE oid = to_regtype($1)
       UNION ALL SELECT b.oid, b.typtype, b.typbasetype, d.typtypmod FROM t
         JOIN pg_type d ON d.oid = t.oid AND d.typtype = 'd' JOIN pg_type b ON b.oid = d.typbasetype)
     SELECT format_type(oid, typmod) AS name FROM t WHERE typtype <> 'd'`,
    [name],
  );
  return found?.name ?? name;
}

async function reachOf(client: pg.Client, target: BoundTarget): Promise<Reach> {
  const { standby } = (await one<{ standby: boolean }>(client, 'SELECT pg_is_in_recovery() AS standby')) ?? {
    standby: false,
  };
  if ('query' in target) {
    const subscribed = await one(client, 'SELECT 1 FROM pg_subscription_rel LIMIT 1');
    return { oids: null, standby, blind: subscribed ? 'some tables are filled by logical replication' : null };
  }
  const { rows } = await client.query<{ oid: string; relkind: string; subscribed: boolean }>(
    `WITH RECURSIVE reach(oid) AS (
       SELECT to_regclass($1)::oid
       UNION SELECT next.oid FROM reach r CROSS JOIN LATERAL (
         SELECT inhrelid AS oid FROM pg_inherits WHERE inhparent = r.oid
         UNION ALL SELECT d.refobjid FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass
           AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass WHERE w.ev_class = r.oid AND w.rulename = '_RETURN'
       ) next)
     SELECT c.oid, c.relkind, EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid) AS subscribed
     FROM reach JOIN pg_class c USING (oid)`,
    [quoteTable(target)],
  );
  const has = (kind: string) => rows.some(({ relkind }) => relkind === kind);
  const blind = has('f')
    ? 'a foreign table is written elsewhere'
    : has('m')
      ? 'a materialized view shows rows only once it is refreshed, so the lag must exceed its refresh interval'
      : rows.some(({ subscribed }) => subscribed)
        ? 'the table is filled by logical replication, with the times and numbers of its origin'
        : null;
  // A view may call functions that read anything.
  return { oids: has('v') ? null : rows.map(({ oid }) => Number(oid)), blind, standby };
}

// ── Timestamps and dates ────────────────────────────────────────────────────

async function timeBound(
  client: pg.Client,
  type: string,
  reach: Reach,
  { lagSeconds, waitMs = 10_000, timeZone }: BoundOptions,
): Promise<UpperBound | Held> {
  const lag = (reason: string, clock = 'clock_timestamp()') =>
    render(client, type, `(${clock} - make_interval(secs => ${Number(lagSeconds)}))`, timeZone).then(
      ({ to, zones }): UpperBound => ({
        to,
        proof: 'lag',
        reason: `${lagSeconds} s before the clock: ${reason}${zones}`,
      }),
    );
  if (reach.standby) return replicaBound(client, lag);
  if (reach.blind !== null) return lag(reach.blind);
  const now = (await one<{ t: string }>(client, 'SELECT clock_timestamp()::text AS t'))?.t ?? '';
  await sleep(SETTLE_MS);
  const seen = await openTransactions(client, now);
  const prepared = await preparedWriters(client, reach);
  if (prepared !== null) return { held: prepared };
  if (seen.opaque.length > 0 && !(await waitForOpaque(client, seen.opaque, waitMs))) {
    return lag(
      `open transactions of other users cannot be seen (GRANT pg_read_all_stats would show them); backend ${seen.opaque[0]} has one`,
    );
  }
  const { to, zones } = await render(client, type, `'${seen.oldest}'::timestamptz`, timeZone);
  const what =
    seen.pid === null ? 'no older transaction was open' : `backend ${seen.pid} has been in a transaction since`;
  return { to, proof: 'writers', reason: `${seen.oldest}: ${what}${zones}` };
}

/**
 * The start of the oldest transaction of others, and the backends that have one but do not show when it began. A
 * running message counts from its arrival: a COMMIT inside it lets the next transaction have the same `now()`.
 */
async function openTransactions(
  client: pg.Client,
  now: string,
): Promise<{ oldest: string; pid: number | null; opaque: number[] }> {
  const open = `SELECT pid, least(xact_start, CASE WHEN state IN ('active','fastpath function call') THEN query_start END) AS since
    FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (datid = ${HERE} OR datid IS NULL OR datid = 0)
      AND coalesce(backend_type, '') NOT IN ${SILENT}`;
  const oldest = await one<{ t: string; pid: number | null }>(
    client,
    `SELECT least($1::timestamptz, o.since)::text AS t, CASE WHEN o.since < $1::timestamptz THEN o.pid END AS pid
     FROM (SELECT 1) x LEFT JOIN LATERAL (SELECT * FROM (${open}) o WHERE since IS NOT NULL ORDER BY since LIMIT 1) o ON true`,
    [now],
  );
  return { oldest: oldest?.t ?? now, pid: oldest?.pid ?? null, opaque: await opaqueBackends(client, null) };
}

/** Every role sees in pg_locks that a transaction is open (its virtualxid), if not since when. */
async function opaqueBackends(client: pg.Client, among: readonly number[] | null): Promise<number[]> {
  const { rows } = await client.query<{ pid: number }>(
    `SELECT a.pid FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'virtualxid'
       AND l.mode = 'ExclusiveLock'
     WHERE a.pid <> pg_backend_pid() AND a.datid = ${HERE} AND a.usesysid IS NOT NULL AND a.xact_start IS NULL
       AND coalesce(a.backend_type, '') NOT IN ${SILENT} AND ($1::int[] IS NULL OR a.pid = ANY($1))`,
    [among],
  );
  return rows.map(({ pid }) => pid);
}

async function waitForOpaque(client: pg.Client, first: readonly number[], waitMs: number): Promise<boolean> {
  let left = first;
  for (const end = Date.now() + waitMs; left.length > 0 && Date.now() < end; ) {
    await sleep(POLL_MS);
    left = await opaqueBackends(client, left);
  }
  return left.length === 0;
}

/** Prepared transactions that wrote: they neither show when they began nor can they write any more. */
async function preparedWriters(client: pg.Client, reach: Reach): Promise<string | null> {
  const found = await one<{ gids: string | null }>(
    client,
    `SELECT (SELECT string_agg(gid, ', ') FROM pg_prepared_xacts WHERE database = current_database()) AS gids
     FROM pg_locks WHERE pid IS NULL AND ${writeLock()} LIMIT 1`,
    [reach.oids],
  );
  if (found === undefined) return null;
  return `a prepared transaction wrote to the table and is not committed (${found.gids ?? 'see pg_prepared_xacts'})`;
}

function writeLock(): string {
  return `locktype = 'relation' AND granted AND mode IN ${WRITES} AND database = ${HERE}
    AND CASE WHEN $1::oid[] IS NULL THEN relation >= 16384 ELSE relation = ANY($1::oid[]) END`;
}

/** A replica knows neither who writes nor since when, only how far it has replayed. */
async function replicaBound(
  client: pg.Client,
  lag: (reason: string, clock?: string) => Promise<UpperBound>,
): Promise<UpperBound | Held> {
  const replayed = `greatest(pg_last_xact_replay_timestamp(), (SELECT last_msg_send_time FROM pg_stat_wal_receiver
    WHERE latest_end_lsn <= pg_last_wal_replay_lsn()))`;
  try {
    const at = await one<{ at: string | null }>(client, `SELECT ${replayed}::text AS at`);
    if (!at?.at) return { held: 'the replica has not replayed a transaction since it started' };
    return await lag(`a replica, replayed up to ${at.at}, does not show who writes`, `'${at.at}'::timestamptz`);
  } catch (error) {
    if ((error as { code?: string }).code !== '0A000') throw error;
    return lag('this replica does not tell how far it has replayed');
  }
}

/** The moment as the column would hold it. */
async function render(
  client: pg.Client,
  type: string,
  moment: string,
  timeZone?: string,
): Promise<{ to: string; zones: string }> {
  if (type.endsWith('with time zone')) {
    const text = `to_char(${moment}::${type}, 'YYYY-MM-DD HH24:MI:SS.US"+00"')`;
    return { to: (await one<{ to: string }>(client, `SELECT ${text} AS to`))?.to ?? '', zones: '' };
  }
  const zones = timeZone === undefined ? await zonesInUse(client) : [timeZone];
  const format = type === 'date' ? 'YYYY-MM-DD' : 'YYYY-MM-DD HH24:MI:SS.US';
  const found = await one<{ to: string }>(
    client,
    `WITH m AS MATERIALIZED (SELECT ${moment} AS t)
     SELECT to_char(min(s.t AT TIME ZONE z.zone)::${type}, '${format}') AS to FROM unnest($1::text[]) z(zone),
       (SELECT t FROM m UNION ALL SELECT date_trunc('minute', t) + k * interval '1 minute' FROM m, generate_series(1, 180) k) s`,
    [zones],
  );
  return { to: found?.to ?? '', zones: `; local time of ${zones.join(', ')}, writers in other zones are not covered` };
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

// ── Integers ────────────────────────────────────────────────────────────────

async function integerBound(
  client: pg.Client,
  target: BoundTarget,
  column: string,
  type: keyof typeof LOWEST,
  reach: Reach,
  { waitMs = 10_000 }: BoundOptions,
): Promise<UpperBound | Held> {
  const from = 'query' in target ? `${subquery(target.query)} AS source_query` : quoteTable(target);
  const highest = await client.query<{ c: string | null }>({
    text: `SELECT max(${quoteIdentifier(column)})::text AS c FROM ${from}`,
    queryMode: 'extended',
  } as pg.QueryConfig);
  const value = highest.rows[0]?.c ?? null;
  const top = value === null ? null : BigInt(value);
  const to = top === null ? LOWEST[type] : String(top < HIGHEST[type] ? top + 1n : top);
  const doubt = reach.blind ?? (await cachedSequence(client, target, column));
  const holder = reach.standby ? await waitForXids(client, waitMs) : await waitForWriters(client, reach, waitMs);
  if (holder !== null) return { held: `${holder}, and it may still bring values below ${to}` };
  const seen = reach.standby
    ? 'a replica: every transaction that it knew to be open has ended'
    : 'every transaction that was writing to it has ended';
  const reason = top === null ? 'there is no value yet' : `highest value ${top}; ${seen}`;
  if (doubt !== null) return { to, proof: 'lag', reason: `${reason}; but ${doubt}` };
  return { to, proof: reach.standby ? 'lag' : 'writers', reason };
}

/** Waits for those that hold a write lock now; `null` once all are gone, else who is left. */
async function waitForWriters(client: pg.Client, reach: Reach, waitMs: number): Promise<string | null> {
  const holders = async (among: string[] | null) =>
    (
      await client.query<{ vxid: string; pid: number | null }>(
        `SELECT DISTINCT virtualtransaction AS vxid, pid FROM pg_locks
         WHERE ${writeLock()} AND pid IS DISTINCT FROM pg_backend_pid()
           AND ($2::text[] IS NULL OR virtualtransaction = ANY($2) OR pid IS NULL)`,
        [reach.oids, among],
      )
    ).rows;
  let left = await holders(null);
  const first = left.map(({ vxid }) => vxid);
  for (const end = Date.now() + waitMs; left.length > 0 && Date.now() < end; ) {
    await sleep(POLL_MS);
    left = await holders(first);
  }
  if (left[0] === undefined) return null;
  return left[0].pid === null ? 'a prepared transaction wrote to it' : `backend ${left[0].pid} is still writing to it`;
}

/** On a replica: waits until every transaction that had a number is over, as far as it has replayed. */
async function waitForXids(client: pg.Client, waitMs: number): Promise<string | null> {
  const bounds =
    'SELECT txid_snapshot_xmin(s)::text AS xmin, txid_snapshot_xmax(s)::text AS xmax FROM txid_current_snapshot() s';
  const first = await one<{ xmax: string }>(client, bounds);
  for (const end = Date.now() + waitMs; ; await sleep(POLL_MS)) {
    const now = await one<{ xmin: string }>(client, bounds);
    if (BigInt(now?.xmin ?? 0) >= BigInt(first?.xmax ?? 0)) return null;
    if (Date.now() >= end) return `transaction ${now?.xmin} is still open at the primary`;
  }
}

async function cachedSequence(client: pg.Client, target: BoundTarget, column: string): Promise<string | null> {
  if ('query' in target) return null;
  const found = await one<{ cache: string }>(
    client,
    `SELECT max(q.seqcache)::text AS cache FROM pg_sequence q WHERE q.seqcache > 1 AND q.seqrelid IN (
       SELECT d.objid FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_class'::regclass AND d.refobjid = to_regclass($1) AND a.attname = $2
       UNION SELECT d.refobjid FROM pg_attrdef f JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
         JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
         WHERE f.adrelid = to_regclass($1) AND a.attname = $2)`,
    [quoteTable(target), column],
  );
  return found?.cache
    ? `sessions keep ${found.cache} values of its sequence in stock (CACHE) and may insert lower ones later`
    : null;
}

async function one<T extends pg.QueryResultRow>(
  client: pg.Client,
  text: string,
  values: unknown[] = [],
): Promise<T | undefined> {
  return (await client.query<T>(text, values)).rows[0];
}
