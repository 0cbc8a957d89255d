/** One reader: a thread with a connection of its own, on the run's snapshot. Started by snapshot.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import type pg from 'pg';
import { BatchOutlet, ChannelStopped, type OutletEnd } from '../../core/channel.ts';
import type { ReadSpec, ReadSummary } from '../../core/contracts/source.ts';
import { type Problem, problemOf, TributaryError } from '../../core/errors.ts';
import { connect, type PostgresConnection } from './connect.ts';
import { copyOut } from './copy.ts';
import { type DecodedColumn, makeDecoder } from './decoder.ts';
import { postgresProblem } from './errors.ts';
import { quoteLiteral } from './identifier.ts';
import { setMaskKey } from './mask-key.ts';
import { wireColumn } from './types.ts';

/** Everything a reader needs; structured-cloneable. */
export interface ReaderTask {
  readonly connection: PostgresConnection;
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
    const { state, decode } = makeDecoder(columns, spec.layout);
    let attached = false;
    let sent = 0;
    let bytes = 0;
    let rejected = 0;
    const flush = () => {
      const { batch } = state;
      sent += batch.rows;
      bytes += state.bytes;
      rejected += batch.rejected.length;
      outlet.send(batch);
      outlet.report(sent, bytes, rejected);
      attached = false;
      if (rejected > spec.maxRejected) {
        const reason = batch.rejected.at(-1)?.reason ?? 'unknown';
        throw new TributaryError('QUARANTINE_OVERFLOW', {
          rows: rejected,
          total: sent + rejected,
          limit: spec.maxRejected,
          reason,
        });
      }
    };
    const extracted = await copyOut(
      client,
      `COPY (${task.statement}) TO STDOUT (FORMAT binary)`,
      (buffer, view, start, end) => {
        let position = start;
        for (;;) {
          if (!attached) {
            const buffers = outlet.take();
            state.attach(buffers.fixed, buffers.blobs);
            attached = true;
          }
          position = decode(buffer, view, position, end);
          const full = state.row === spec.layout.rows || state.bytes >= state.limit;
          if (!full && state.rejected.length <= spec.maxRejected) return position;
          flush();
        }
      },
    );
    if (attached && (state.row > 0 || state.rejected.length > 0)) flush();
    outlet.end();
    return { extracted, rejected, nullified: state.nullified, bytes };
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

function facts(task: ReaderTask): Record<string, string | number> {
  const { connection, spec } = task;
  return {
    host: connection.host,
    port: connection.port,
    user: connection.user,
    object: spec.object.table ?? 'query',
    tenant: connection.tenant,
    connection: connection.name,
  };
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
