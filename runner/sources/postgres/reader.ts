/** One reader: a thread with a connection of its own, on the run's snapshot. Started by snapshot.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import type pg from 'pg';
import { BatchSender } from '../../core/batch-sender.ts';
import type { Facts } from '../../core/catalogue.ts';
import { BatchOutlet, ChannelStopped, type OutletEnd } from '../../core/channel.ts';
import type { ReadSpec, ReadSummary } from '../../core/contracts/source.ts';
import { type DatabaseConnection, factsOf } from '../../core/database.ts';
import { type Problem, problemOf } from '../../core/errors.ts';
import { connect } from './connect.ts';
import { copyOut } from './copy.ts';
import { type DecodedColumn, makeDecoder } from './decoder.ts';
import { postgresProblem } from './errors.ts';
import { quoteLiteral } from './identifier.ts';
import { setMaskKey } from './mask-key.ts';
import { wireColumn } from './types.ts';

/** Everything a reader needs; structured-cloneable. */
export interface ReaderTask {
  readonly connection: DatabaseConnection;
  /** The password, resolved; `null` where the connection has none. */
  readonly password: string | null;
  /** Name of the exported snapshot. */
  readonly snapshot: string;
  readonly statement: string;
  readonly spec: ReadSpec;
  readonly outlet: OutletEnd;
}

export type ReaderAnswer = { readonly summary: ReadSummary } | { readonly problem: Problem };

async function read(task: ReaderTask): Promise<ReadSummary> {
  const { spec } = task;
  const outlet = new BatchOutlet(task.outlet, spec.layout);
  const client = await open(task);
  try {
    const columns: DecodedColumn[] = spec.columns.map((column) => ({
      ...wireColumn(column),
      name: column.name,
      unrepresentable: column.unrepresentable,
    }));
    const sender = new BatchSender(outlet, spec, makeDecoder(columns, spec.layout));
    const sql = `COPY (${task.statement}) TO STDOUT (FORMAT binary)`;
    const extracted = await copyOut(client, sql, (bytes, view, start, end) => sender.take(bytes, view, start, end, 0));
    return { ...sender.finish(), extracted };
  } catch (error) {
    if (!(error instanceof ChannelStopped)) outlet.fail(problemOf(postgresProblem(error, facts(task))));
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function open(task: ReaderTask): Promise<pg.Client> {
  const client = await connect(
    task.connection,
    { get: async () => task.password ?? '' },
    { applicationName: 'tributary reader' },
  );
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await client.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(task.snapshot)}`);
  if (task.spec.maskKey !== undefined) await setMaskKey(client, task.spec.maskKey);
  return client;
}

function facts({ connection, spec }: ReaderTask): Facts {
  return factsOf(connection, spec.object.table ?? 'query');
}

if (parentPort !== null) {
  const task = workerData as ReaderTask;
  const answer: ReaderAnswer = await read(task).then(
    (summary) => ({ summary }),
    (error) => ({ problem: problemOf(postgresProblem(error, facts(task))) }),
  );
  parentPort.postMessage(answer);
  parentPort.close();
}
