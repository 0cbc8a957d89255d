/** The thread that holds the snapshot of a run: one connection in one transaction. Started by snapshot.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { BatchSender } from '../../core/batch-sender.ts';
import { BatchOutlet, ChannelStopped, type OutletEnd } from '../../core/channel.ts';
import type { ReadSpec, ReadSummary } from '../../core/contracts/source.ts';
import { type DatabaseConnection, factsOf } from '../../core/database.ts';
import { type Problem, problemOf, TributaryError } from '../../core/errors.ts';
import { type CoreColumn, connect, rows, type Session, withPrepared } from './connect.ts';
import { type DecodedColumn, makeDecoder } from './decoder.ts';
import { mysqlProblem } from './errors.ts';
import { setMaskKey } from './mask-key.ts';
import { type PieceTask, pieceStatement, SERVER } from './pieces.ts';
import { selectStatement } from './query.ts';
import { executeRows } from './result.ts';
import { wireColumn, wireOf } from './types.ts';

/** What the thread is started with; structured-cloneable. */
export interface ReaderTask {
  readonly connection: DatabaseConnection;
  /** The password, resolved; `null` where the connection has none. */
  readonly password: string | null;
  /** The piece that is read, and of what; absent where the whole read is. */
  readonly split?: PieceTask & { readonly object: string };
}

export type Request =
  | { readonly ask: 'rows'; readonly sql: string; readonly values: readonly string[]; readonly object?: string }
  | { readonly ask: 'columns'; readonly sql: string; readonly object?: string }
  | { readonly ask: 'read'; readonly spec: ReadSpec; readonly outlet: OutletEnd }
  | { readonly ask: 'end' };

export type Answer = { readonly value: unknown } | { readonly problem: Problem };

async function begin({ connection, password, split }: ReaderTask): Promise<Session> {
  const session = await connect(
    connection,
    { get: async () => password ?? '' },
    { applicationName: 'tributary reader' },
  );
  if (split !== undefined) await expectServer(session, split);
  await session.client.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  return session;
}

/** Another server may lack rows that were committed below the bound. @throws SPLIT_LOST */
async function expectServer({ client }: Session, { server, object }: NonNullable<ReaderTask['split']>): Promise<void> {
  const [found] = await rows<{ server: string }>(client, SERVER);
  if (found?.server !== server) throw new TributaryError('SPLIT_LOST', { object, reason: 'another server answered' });
}

/** What a statement would give. */
function columns({ client }: Session, sql: string): Promise<CoreColumn[]> {
  return withPrepared(client, sql, (statement) =>
    statement.columns.map(({ name, columnType, columnLength, characterSet, decimals, flags }) => {
      return { name, columnType, columnLength, characterSet, decimals, flags };
    }),
  );
}

async function read({ client }: Session, spec: ReadSpec, end: OutletEnd): Promise<ReadSummary> {
  const outlet = new BatchOutlet(end, spec.layout);
  try {
    if (spec.maskKey !== undefined) await setMaskKey({ client }, spec.maskKey);
    const { split } = workerData as ReaderTask;
    const select = split === undefined ? selectStatement(spec) : pieceStatement(spec, split.piece);
    return await withPrepared(client, select, async (statement) => {
      const decoded = spec.columns.map((column, i): DecodedColumn => {
        const wire = wireOf(statement.columns[i] as CoreColumn);
        return { wire, vector: wireColumn(column).vector, name: column.name, unrepresentable: column.unrepresentable };
      });
      const sender = new BatchSender(outlet, spec, makeDecoder(decoded, spec.layout));
      await executeRows(client, statement, sender.take);
      return sender.finish();
    });
  } catch (error) {
    if (!(error instanceof ChannelStopped))
      outlet.fail(problemOf(mysqlProblem(error, facts(spec.object.table ?? 'query'))));
    throw error;
  }
}

function facts(object?: string) {
  return factsOf((workerData as ReaderTask).connection, object);
}

async function answer(session: Session, request: Request): Promise<unknown> {
  switch (request.ask) {
    case 'rows':
      return rows(session.client, request.sql, request.values);
    case 'columns':
      return columns(session, request.sql);
    case 'read':
      return read(session, request.spec, request.outlet);
    case 'end':
      return session.client.end();
  }
}

function objectOf(request: Request): string | undefined {
  if (request.ask === 'read') return request.spec.object.table;
  return request.ask === 'end' ? undefined : request.object;
}

if (parentPort !== null) {
  const port = parentPort;
  const reply = (work: Promise<unknown>, object?: string) =>
    work.then(
      (value) => port.postMessage({ value } satisfies Answer),
      (error) => port.postMessage({ problem: problemOf(mysqlProblem(error, facts(object))) } satisfies Answer),
    );
  const session = begin(workerData as ReaderTask);
  // One at a time: the pipeline asks, waits, and asks again.
  let last: Promise<unknown> = reply(session.then(() => null));
  port.on('message', (request: Request) => {
    last = last.then(async () => {
      await reply(
        session.then((open) => answer(open, request)),
        objectOf(request),
      );
      if (request.ask === 'end') port.close();
    });
  });
}
