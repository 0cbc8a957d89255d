/** One reader: a thread with a connection of its own, on the run's snapshot. Started by thread.ts. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type pg from 'pg';
import { BatchSender } from '../../core/batch-sender.ts';
import type { Facts } from '../../core/catalogue.ts';
import { BatchOutlet, ChannelStopped, type OutletEnd } from '../../core/channel.ts';
import type { ReadSpec, ReadSummary } from '../../core/contracts/source.ts';
import { type DatabaseConnection, factsOf } from '../../core/database.ts';
import { type Problem, problemOf, TributaryError } from '../../core/errors.ts';
import { connect } from './connect.ts';
import { copyOut } from './copy.ts';
import { type DecodedColumn, makeDecoder } from './decoder.ts';
import { isSnapshotGone, postgresProblem } from './errors.ts';
import { quoteLiteral } from './identifier.ts';
import { setMaskKey } from './mask-key.ts';
import { type Footing, SERVER_STARTED } from './pieces.ts';
import { row } from './row.ts';
import { wireColumn } from './types.ts';

/** What a reader begins with; structured-cloneable. */
export interface ReaderSession extends Footing {
  readonly connection: DatabaseConnection;
  /** The password, resolved; `null` where the connection has none. */
  readonly password: string | null;
  /** What is read, for messages. */
  readonly object: string;
}

/** What it then reads. */
export interface ReaderTask {
  readonly statement: string;
  readonly spec: ReadSpec;
  readonly outlet: OutletEnd;
}

export type ReaderAnswer = { readonly begun: true } | { readonly summary: ReadSummary } | { readonly problem: Problem };

const REPLAY_MS = 60_000;
const POLL_MS = 250;

async function begin(session: ReaderSession): Promise<pg.Client> {
  const { connection, password, snapshot, reached } = session;
  const client = await connect(
    connection,
    { get: async () => password ?? '' },
    { applicationName: 'tributary reader' },
  );
  if (reached !== null) await outwaitReplay(client, reached);
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  if (snapshot !== null) await take(client, session, snapshot);
  return client;
}

async function take(
  client: pg.Client,
  { object }: ReaderSession,
  { name, server }: NonNullable<Footing['snapshot']>,
): Promise<void> {
  const lost = (reason: string, cause?: unknown) => new TributaryError('SPLIT_LOST', { object, reason }, { cause });
  await client.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(name)}`).catch((error) => {
    throw server !== null && isSnapshotGone(error) ? lost('the session that held the snapshot ended', error) : error;
  });
  if (server === null) return;
  const { started } = await row<{ started: string }>(client, SERVER_STARTED);
  if (started !== server) throw lost('another server answered, or it has started anew');
}

/** A replica shows what was committed elsewhere only once it has replayed it. @throws SOURCE_LAG */
async function outwaitReplay(client: pg.Client, reached: string): Promise<void> {
  const sql = `SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= $1::pg_lsn AS there,
    extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::int AS seconds`;
  for (const end = Date.now() + REPLAY_MS; ; await sleep(POLL_MS)) {
    const { there, seconds } = await row<{ there: boolean; seconds: number | null }>(client, sql, [reached]);
    if (there) return;
    if (Date.now() > end) throw new TributaryError('SOURCE_LAG', { seconds: seconds ?? '?' });
  }
}

async function read(client: pg.Client, { statement, spec, outlet: end }: ReaderTask): Promise<ReadSummary> {
  const outlet = new BatchOutlet(end, spec.layout);
  try {
    if (spec.maskKey !== undefined) await setMaskKey(client, spec.maskKey);
    const columns: DecodedColumn[] = spec.columns.map((column) => ({
      ...wireColumn(column),
      name: column.name,
      unrepresentable: column.unrepresentable,
    }));
    const sender = new BatchSender(outlet, spec, makeDecoder(columns, spec.layout));
    const sql = `COPY (${statement}) TO STDOUT (FORMAT binary)`;
    const extracted = await copyOut(client, sql, (bytes, view, start, stop) =>
      sender.take(bytes, view, start, stop, 0),
    );
    return { ...sender.finish(), extracted };
  } catch (error) {
    if (!(error instanceof ChannelStopped)) outlet.fail(problemOf(postgresProblem(error, facts())));
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function facts(): Facts {
  const { connection, object } = workerData as ReaderSession;
  return factsOf(connection, object);
}

async function serve(port: MessagePort): Promise<ReaderAnswer> {
  const told = once(port, 'message');
  try {
    const client = await begin(workerData as ReaderSession);
    port.postMessage({ begun: true } satisfies ReaderAnswer);
    const [task] = (await told) as [ReaderTask];
    return { summary: await read(client, task) };
  } catch (error) {
    return { problem: problemOf(postgresProblem(error, facts())) };
  }
}

if (parentPort !== null) {
  const answer = await serve(parentPort);
  parentPort.postMessage(answer);
  parentPort.close();
}
