/** The connection test: one named step after the other, each with what it found. */
import { lookup } from 'node:dns/promises';
import { clockSkew, type Outcome, pass, reach, type Step, skip, stepper, warn } from '../../core/check-steps.ts';
import type { Secrets } from '../../core/contracts/secrets.ts';
import type { Check, ObjectRef, ObjectShape } from '../../core/contracts/source.ts';
import { CONNECT_TIMEOUT_MS, type DatabaseConnection, factsOf } from '../../core/database.ts';
import { TributaryError } from '../../core/errors.ts';
import { replicaOf } from './bound/replica.ts';
import { connect, encryptionOf, rows, type Session } from './connect.ts';
import { describe } from './describe.ts';
import { mysqlProblem } from './errors.ts';
import { quoteIdentifier } from './identifier.ts';
import { fromClause, nullClause } from './query.ts';
import { CURSOR_TYPE } from './types.ts';

interface CheckTarget {
  readonly object?: ObjectRef;
  readonly cursor?: string;
}

const PROBE_SECONDS = 5;
const LAG_SECONDS = 60;
const OLDEST = { mariadb: [10, 5], mysql: [8, 0] } as const;

/** Tests a connection; ends after the first failed step that makes the rest pointless. Never throws. */
export async function* checkConnection(
  spec: DatabaseConnection,
  secrets: Secrets,
  target: CheckTarget,
  signal: AbortSignal,
): AsyncGenerator<Check, void, undefined> {
  const step = stepper(signal, (error) => mysqlProblem(error, factsOf(spec)));
  const resolved = await step('resolve', 'Host name', async () => pass((await lookup(spec.host)).address));
  yield resolved;
  if (resolved.status === 'fail') return;
  const reached = await step('reach', 'Server', async () => {
    (await reach(spec, CONNECT_TIMEOUT_MS, signal)).destroy();
    return pass(`${spec.host}:${spec.port}`);
  });
  yield reached;
  if (reached.status === 'fail') return;
  // The protocol has no encryption without a login: one attempt answers both steps.
  let session: Session | undefined;
  const login = await step('login', 'Login', async () => {
    session = await connect(spec, secrets, { applicationName: 'tributary check', signal });
    return pass(`${spec.user} in ${spec.database}`);
  });
  yield encryption(spec, session, login);
  if (login.problem?.code !== 'SOURCE_TLS') yield login;
  if (session === undefined) return;
  try {
    yield* inside(session, spec, target, step);
  } finally {
    await session.client.end().catch(() => undefined);
  }
}

function encryption(spec: DatabaseConnection, session: Session | undefined, login: Check): Check {
  const step = { id: 'tls', title: 'Encryption', ms: 0 };
  if (login.problem?.code === 'SOURCE_TLS') return { ...login, ...step, ms: login.ms };
  if (spec.tls === 'disable')
    return { ...step, ...skip('tls is disable: passwords are hashed, rows travel in the clear') };
  if (session === undefined) return { ...step, ...skip('not established: the login failed') };
  return { ...step, ...pass(encryptionOf(session.client)) };
}

async function* inside(
  session: Session,
  spec: DatabaseConnection,
  { object, cursor }: CheckTarget,
  step: Step,
): AsyncGenerator<Check, void, undefined> {
  yield await step('server', 'Server version', () => serverVersion(session));
  yield await step('clock', 'Clock', () => clockSkew(() => millisOf(session)));
  yield await step('replica', 'Replica', () => replica(session, spec));
  if (object !== undefined) {
    let shape: ObjectShape | undefined;
    const readable = await step('permission', 'Permission to read', async () => {
      shape = await describe(session, object, spec);
      return pass(`${shape.columns.length} columns`);
    });
    yield readable;
    if (shape === undefined) return;
    if (cursor !== undefined) yield* cursorSteps(session, spec, { object, cursor }, shape, step);
  }
  yield await step('bound', 'View of writers in flight', () => bound(session, spec));
}

async function* cursorSteps(
  session: Session,
  spec: DatabaseConnection,
  { object, cursor }: Required<CheckTarget>,
  shape: ObjectShape,
  step: Step,
): AsyncGenerator<Check, void, undefined> {
  const facts = { ...factsOf(spec, shape.name), column: cursor };
  const column = shape.columns.find(({ name }) => name === cursor);
  const exists = await step('cursor', 'Cursor column', async () => {
    if (column === undefined) throw new TributaryError('SOURCE_COLUMN_MISSING', { ...facts, why: 'it is the cursor' });
    if (CURSOR_TYPE.test(column.sourceType)) return pass(column.sourceType);
    throw new TributaryError('SOURCE_CURSOR_UNSUITABLE', { ...facts, type: column.sourceType });
  });
  yield exists;
  if (exists.status === 'fail' || column === undefined) return;
  const candidate = shape.cursorCandidates.find((one) => one.column === cursor);
  yield await step('index', 'Cursor index', async () => {
    if (shape.kind !== 'table' && shape.kind !== 'partitioned table') return skip(`a ${shape.kind} has no index`);
    if (candidate?.reason.startsWith('indexed')) return pass('indexed');
    const index = `CREATE INDEX ${quoteIdentifier(`${cursor}_index`)} ON ${fromClause(object)} (${quoteIdentifier(cursor)});`;
    return warn(
      'no index',
      new TributaryError('SOURCE_CURSOR_UNINDEXED', { ...facts, rows: shape.rows ?? 'unknown', index }),
    );
  });
  yield await step('nulls', 'Cursor without NULL', async () => {
    if (object.query !== undefined) return skip('not looked up for a query');
    const pointInTime = !/int\b/.test(column.sourceType);
    if (!column.nullable) return pass('not null');
    const found = await holdsNulls(session, fromClause(object), nullClause(cursor, pointInTime));
    if (found === null) return skip(`not established within ${PROBE_SECONDS} s`);
    if (!found) return pass(pointInTime ? 'none now, and no zero date' : 'none now, though the column allows them');
    return warn('some are NULL or zero dates', new TributaryError('SOURCE_CURSOR_NULL', { ...facts, rows: 'Some' }));
  });
}

// ── Steps ───────────────────────────────────────────────────────────────────

async function serverVersion({ client, mariadb }: Session): Promise<Outcome> {
  const [found] = await rows<{ version: string; charset: string }>(
    client,
    'SELECT VERSION() AS version, @@character_set_database AS charset',
  );
  const { version = '', charset = '' } = found ?? {};
  const name = mariadb ? 'MariaDB' : 'MySQL';
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [oldestMajor, oldestMinor] = mariadb ? OLDEST.mariadb : OLDEST.mysql;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    const reason = `${name} ${version} is older than ${oldestMajor}.${oldestMinor}, the oldest that is supported.`;
    throw new TributaryError('SOURCE_FAILED', { reason });
  }
  return pass(`${name} ${version.replace(/-mariadb.*$/i, '')}, ${charset}`);
}

async function millisOf({ client }: Session): Promise<number> {
  const [found] = await rows<{ s: string }>(client, 'SELECT CAST(UNIX_TIMESTAMP(NOW(6)) AS CHAR) AS s');
  return Number(found?.s ?? 0) * 1000;
}

async function replica(session: Session, spec: DatabaseConnection): Promise<Outcome> {
  const found = await replicaOf(session);
  if (found === null) return pass('follows no other server');
  const { behind, stopped, member } = found;
  if (member) return pass('member of a cluster, or refuses writes: windows end a safety lag before the clock');
  if (stopped !== null)
    return warn('replica, stopped', new TributaryError('SOURCE_REPLICA_STOPPED', { reason: stopped }));
  if (behind === null) {
    const right = session.mariadb ? 'REPLICA MONITOR' : 'REPLICATION CLIENT';
    const facts = {
      ...factsOf(spec, 'how far the replica is behind'),
      grant: `GRANT ${right} ON *.* TO '${spec.user}'@'%';`,
    };
    return warn('replica, does not say how far behind', new TributaryError('SOURCE_PERMISSION', facts));
  }
  const words = `replica, ${behind} s behind`;
  return behind <= LAG_SECONDS ? pass(words) : warn(words, new TributaryError('SOURCE_LAG', { seconds: behind }));
}

/** Exact, by index or scan; `null` when it takes too long. */
async function holdsNulls({ client, mariadb }: Session, from: string, where: string): Promise<boolean | null> {
  const probe = `SELECT EXISTS (SELECT 1 FROM ${from} WHERE ${where}) AS found`;
  const sql = mariadb
    ? `SET STATEMENT max_statement_time = ${PROBE_SECONDS} FOR ${probe}`
    : probe.replace(/^SELECT/, `SELECT /*+ MAX_EXECUTION_TIME(${PROBE_SECONDS * 1000}) */`);
  try {
    const [found] = await rows<{ found: string | number }>(client, sql);
    return Number(found?.found) === 1;
  } catch (error) {
    if ([1969, 3024].includes((error as { errno?: number }).errno ?? 0)) return null;
    throw error;
  }
}

async function bound(session: Session, spec: DatabaseConnection): Promise<Outcome> {
  if ((await replicaOf(session)) !== null) {
    return skip('a replica does not show them: windows end a safety lag before its clock');
  }
  try {
    await session.client.query('SELECT trx_id FROM information_schema.INNODB_TRX LIMIT 1');
    return pass('all transactions are visible');
  } catch (error) {
    const { problem } = mysqlProblem(error, factsOf(spec));
    if (problem.code !== 'SOURCE_PERMISSION') throw error;
    return { status: 'warn', found: 'others are hidden: a window keeps a safety lag', problem };
  }
}
