/** The connection test: one named step after the other, each with what it found. */
import { lookup } from 'node:dns/promises';
import type { Socket } from 'node:net';
import { connect as secure } from 'node:tls';
import type pg from 'pg';
import { clockSkew, type Outcome, pass, reach, type Step, skip, stepper, warn } from '../../core/check-steps.ts';
import type { Secrets } from '../../core/contracts/secrets.ts';
import type { Check, ObjectRef, ObjectShape } from '../../core/contracts/source.ts';
import { CONNECT_TIMEOUT_MS, type DatabaseConnection, factsOf } from '../../core/database.ts';
import { TributaryError } from '../../core/errors.ts';
import { connect, encryptionOf, tlsOptions } from './connect.ts';
import { describe, resolveTable } from './describe.ts';
import { postgresProblem } from './errors.ts';
import { displayName, quoteIdentifier, quoteTable } from './identifier.ts';
import { row } from './row.ts';
import { CURSOR_TYPE } from './types.ts';

export interface CheckTarget {
  readonly object?: ObjectRef;
  readonly cursor?: string;
  /** What the source does with rows without a cursor; only `fail`, the default, makes them a warning. */
  readonly cursorNulls?: 'fail' | 'include' | 'skip';
}

const PROBE_TIMEOUT_MS = 5_000;
const LAG_SECONDS = 60;

/** Tests a connection; ends after the first failed step that makes the rest pointless. Never throws. */
export async function* checkConnection(
  spec: DatabaseConnection,
  secrets: Secrets,
  target: CheckTarget,
  signal: AbortSignal,
): AsyncGenerator<Check, void, undefined> {
  const step = stepper(signal, (error) => postgresProblem(error, factsOf(spec)));
  let socket: Socket | undefined;
  let client: pg.Client | undefined;
  try {
    const resolved = await step('resolve', 'Host name', async () => pass((await lookup(spec.host)).address));
    yield resolved;
    if (resolved.status === 'fail') return;
    const reached = await step('reach', 'Server', async () => {
      socket = await reach(spec, CONNECT_TIMEOUT_MS, signal);
      return pass(`${spec.host}:${spec.port}`);
    });
    yield reached;
    if (reached.status === 'fail') return;
    const encrypted = await step('tls', 'Encryption', () => handshake(spec, socket as Socket));
    yield encrypted;
    if (encrypted.status === 'fail') return;
    const login = await step('login', 'Login', async () => {
      client = await connect(spec, secrets, { applicationName: 'tributary check', signal });
      return pass(`${spec.user} in ${spec.database}`);
    });
    yield login;
    if (client === undefined) return;
    yield* session(client, spec, target, step);
  } finally {
    socket?.destroy();
    await client?.end().catch(() => undefined);
  }
}

async function* session(
  client: pg.Client,
  spec: DatabaseConnection,
  target: CheckTarget,
  step: Step,
): AsyncGenerator<Check, void, undefined> {
  yield await step('server', 'Server version', () => serverVersion(client));
  yield await step('clock', 'Clock', () => clockSkew(() => millisOf(client)));
  yield await step('replica', 'Replica', () => replica(client));
  const { object, cursor } = target;
  if (object !== undefined) {
    let shape: ObjectShape | undefined;
    const readable = await step('permission', 'Permission to read', async () => {
      shape = await describe(client, object, spec);
      return permission(client, spec, object, shape);
    });
    yield readable;
    if (shape === undefined || readable.status === 'fail') return;
    if (cursor !== undefined) yield* cursorSteps(client, spec, { ...target, object, cursor }, shape, step);
  }
  yield await step('bound', 'View of writers in flight', () => bound(client, spec));
}

async function* cursorSteps(
  client: pg.Client,
  spec: DatabaseConnection,
  target: CheckTarget & { readonly object: ObjectRef; readonly cursor: string },
  shape: ObjectShape,
  step: Step,
): AsyncGenerator<Check, void, undefined> {
  const { cursor } = target;
  const facts = { ...factsOf(spec, shape.name), column: cursor };
  const column = shape.columns.find(({ name }) => name === cursor);
  const exists = await step('cursor', 'Cursor column', async () => {
    if (column === undefined) throw new TributaryError('SOURCE_COLUMN_MISSING', { ...facts, why: 'it is the cursor' });
    const candidate = shape.cursorCandidates.some((one) => one.column === cursor);
    if (candidate || CURSOR_TYPE.test(column.sourceType)) return pass(column.sourceType);
    throw new TributaryError('SOURCE_CURSOR_UNSUITABLE', { ...facts, type: column.sourceType });
  });
  yield exists;
  if (exists.status === 'fail' || column === undefined) return;
  const candidate = shape.cursorCandidates.find((one) => one.column === cursor);
  yield await step('index', 'Cursor index', async () => {
    if (shape.kind !== 'table' && shape.kind !== 'partitioned table') return skip(`a ${shape.kind} has no index`);
    if (candidate?.reason.startsWith('indexed')) return pass('indexed');
    return warn('no index', new TributaryError('SOURCE_CURSOR_UNINDEXED', { ...facts, rows: shape.rows ?? 'unknown' }));
  });
  yield await step('nulls', 'Cursor without NULL', async () => {
    if (!column.nullable) return pass('not null');
    const from = target.object.query === undefined ? await fromTable(client, spec, target.object) : null;
    if (from === null) return skip('not looked up for a query');
    const found = await holdsNulls(client, from, cursor);
    if (found === null) return skip(`not established within ${PROBE_TIMEOUT_MS / 1000} s`);
    if (!found) return pass('none now, though the column allows them');
    if ((target.cursorNulls ?? 'fail') !== 'fail') return pass(`some are NULL; cursorNulls is ${target.cursorNulls}`);
    const share = /(\d+) % null/.exec(candidate?.reason ?? '')?.[1];
    const rows = share && shape.rows ? `About ${Math.round((shape.rows * Number(share)) / 100)}` : 'Some';
    return warn('some are NULL', new TributaryError('SOURCE_CURSOR_NULL', { ...facts, rows }));
  });
}

// ── Steps ───────────────────────────────────────────────────────────────────

/** Asks for encryption as a client does: the code 80877103, answered by S or N (protocol, 55.2.11). */
async function handshake(spec: DatabaseConnection, socket: Socket): Promise<Outcome> {
  const options = await tlsOptions(spec);
  if (options === false) return skip('tls is disable: passwords are hashed, rows travel in the clear');
  const asked = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
  const answer = await new Promise<string>((done, fail) => {
    const late = () => fail(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    const timer = setTimeout(late, CONNECT_TIMEOUT_MS);
    socket.once('error', fail).once('close', () => fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
    socket.once('data', (bytes) => done(bytes.toString('latin1', 0, 1)));
    socket.once('close', () => clearTimeout(timer)).once('data', () => clearTimeout(timer));
    socket.write(asked);
  });
  if (answer !== 'S') {
    if (answer === 'N' && spec.tls === 'prefer') return pass('not encrypted: the server offers none');
    const what =
      answer === 'N'
        ? 'The server does not support SSL connections'
        : 'There was an error establishing an SSL connection';
    throw new Error(what);
  }
  return new Promise((done, fail) => {
    const name = /^[\d.]+$|:/.test(spec.host) ? {} : { servername: spec.host };
    const encrypted = secure({ ...options, ...name, socket, host: spec.host }, () => {
      const found = encryptionOf(encrypted);
      encrypted.destroy();
      done(pass(found));
    });
    encrypted.once('error', fail);
  });
}

async function serverVersion(client: pg.Client): Promise<Outcome> {
  const found = await row<{ version: string; number: number; encoding: string; integers: string }>(
    client,
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
       current_setting('server_encoding') AS encoding, current_setting('integer_datetimes') AS integers`,
  );
  if (found.number < 100_000 || found.integers !== 'on') {
    const reason = `PostgreSQL ${found.version} (integer_datetimes ${found.integers}) cannot be read; 10 is the oldest.`;
    throw new TributaryError('SOURCE_FAILED', { reason });
  }
  return pass(`PostgreSQL ${found.version}, ${found.encoding}`);
}

async function millisOf(client: pg.Client): Promise<number> {
  return (await row<{ ms: number }>(client, 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms')).ms;
}

async function replica(client: pg.Client): Promise<Outcome> {
  const { standby } = await row<{ standby: boolean }>(client, 'SELECT pg_is_in_recovery() AS standby');
  if (!standby) return pass('primary');
  const { lag, streaming, feedback } = await row<{ lag: number | null; streaming: boolean; feedback: string }>(
    client,
    `SELECT CASE WHEN streaming AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
       ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float8 AS lag,
       streaming, current_setting('hot_standby_feedback') AS feedback
     FROM (SELECT EXISTS (SELECT FROM pg_stat_wal_receiver) AS streaming) receiver`,
  );
  const advice = feedback === 'on' ? '' : '; hot_standby_feedback is off';
  const far = `${lag === null ? 'unknown' : Math.round(lag)} s behind${streaming ? '' : ', nothing is streamed to it'}`;
  const found = `replica, ${far}${advice}`;
  if (lag !== null && lag > LAG_SECONDS) {
    return warn(found, new TributaryError('SOURCE_LAG', { seconds: Math.round(lag) }));
  }
  return feedback === 'on' ? pass(found) : warn(found, new TributaryError('SOURCE_REPLICA_FEEDBACK'));
}

async function permission(
  client: pg.Client,
  spec: DatabaseConnection,
  object: ObjectRef,
  shape: ObjectShape,
): Promise<Outcome> {
  const columns = `${shape.columns.length} columns`;
  if (object.query !== undefined) return pass(columns);
  const table = await resolveTable(client, object.table ?? '', spec);
  const found = await row<{ all: boolean; usage: boolean; filtered: boolean }>(
    client,
    `SELECT has_table_privilege($1::oid, 'SELECT') AS all, row_security_active($1::oid) AS filtered,
       has_schema_privilege($2, 'USAGE') AS usage`,
    [table.oid, table.schema],
  );
  const user = quoteIdentifier(spec.user);
  const grant = `GRANT SELECT ON ${quoteTable(table)} TO ${user};`;
  const denied = (text: string) =>
    new TributaryError('SOURCE_PERMISSION', { ...factsOf(spec, displayName(table)), grant: text });
  if (!found.usage) throw denied(`GRANT USAGE ON SCHEMA ${quoteIdentifier(table.schema)} TO ${user}; ${grant}`);
  if (!found.all) return warn(`${columns}; others are hidden from ${spec.user}`, denied(grant));
  return pass(found.filtered ? `${columns}; row security shows only some of the rows` : columns);
}

async function fromTable(client: pg.Client, spec: DatabaseConnection, object: ObjectRef): Promise<string> {
  return quoteTable(await resolveTable(client, object.table ?? '', spec));
}

/** Exact, by index or scan; `null` when it takes too long. */
async function holdsNulls(client: pg.Client, from: string, column: string): Promise<boolean | null> {
  await client.query('BEGIN READ ONLY');
  try {
    await client.query(`SET LOCAL statement_timeout = ${PROBE_TIMEOUT_MS}`);
    const sql = `SELECT EXISTS (SELECT FROM ${from} WHERE ${quoteIdentifier(column)} IS NULL) AS found`;
    return (await row<{ found: boolean }>(client, sql)).found;
  } catch (error) {
    if ((error as { code?: string }).code === '57014') return null;
    throw error;
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

async function bound(client: pg.Client, spec: DatabaseConnection): Promise<Outcome> {
  const { all, standby } = await row<{ all: boolean; standby: boolean }>(
    client,
    `SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS all, pg_is_in_recovery() AS standby`,
  );
  if (standby) return skip('a replica does not show them: windows end a safety lag before its clock');
  if (all) return pass('all transactions are visible');
  const grant = `GRANT pg_read_all_stats TO ${quoteIdentifier(spec.user)};`;
  const object = 'when the transactions of other users began (pg_stat_activity)';
  const problem = new TributaryError('SOURCE_PERMISSION', { ...factsOf(spec, object), grant });
  return warn('others are hidden: a window may have to keep a safety lag', problem);
}
