/**
 * The thread that owns the DuckDB instance. All SQL runs here, one statement after the other, because
 * the callbacks that fill vectors block their thread until the source has more.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { BatchInlet, ChannelStopped, type InletEnd } from '../core/channel.ts';
import { problemOf, TributaryError } from '../core/errors.ts';
import { duckdbProblem } from './errors.ts';
import {
  type AfterFile,
  type Answer,
  DATABASE,
  type OpenOptions,
  type Request,
  type Requests,
  type WrittenFile,
} from './protocol.ts';
import { type Feed, Receiver } from './receive.ts';
import { vectorPathWorks } from './self-test.ts';
import { quoteText } from './sql.ts';

type Handlers = { [K in keyof Requests]: (take: Requests[K]['take']) => Promise<Requests[K]['give']> };

const receiver = new Receiver();
let instance: DuckDBInstance | null = null;
let connection: DuckDBConnection | null = null;
let file = '';

function live(): DuckDBConnection {
  if (connection === null) throw new TributaryError('INTERNAL', { message: 'the warehouse is not open' });
  return connection;
}

async function open(options: OpenOptions): Promise<{ vectorPath: 'fast' | 'safe' }> {
  const spill = options.spill ?? `${options.file}.tmp`;
  file = options.file ?? spill;
  const created = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    memory_limit: options.memory,
    temp_directory: spill,
  });
  const opened = await created.connect();
  try {
    await opened.run('SET preserve_insertion_order = false');
    await opened.run("SET TimeZone = 'UTC'");
    if (options.file !== null) await opened.run(`ATTACH ${quoteText(options.file)} AS ${DATABASE}`);
  } catch (error) {
    opened.closeSync();
    created.closeSync();
    throw error;
  }
  instance = created;
  connection = opened;
  receiver.register(opened, options.threads);
  receiver.path =
    options.vectorPath === 'auto' ? ((await vectorPathWorks(opened, receiver)) ? 'fast' : 'safe') : options.vectorPath;
  return { vectorPath: receiver.path };
}

const handlers: Handlers = {
  open,
  rowGroups: async ({ file: path, rows }) => {
    await live().run(`DETACH ${DATABASE}`);
    await live().run(`ATTACH ${quoteText(path)} AS ${DATABASE} (ROW_GROUP_SIZE ${rows})`);
    return null;
  },
  execute: async ({ sql, parameters }) => {
    const result = await live().run(sql, parameters === undefined ? undefined : [...parameters]);
    return { changed: result.rowsChanged };
  },
  query: async ({ sql, parameters }) => {
    const reader = await live().runAndReadAll(sql, parameters === undefined ? undefined : [...parameters]);
    return reader.getRowObjectsJson() as Record<string, unknown>[];
  },
  load: async ({ sql, inlet, sliceBytes, ...rest }) =>
    receiver.run(feedOf(inlet, rest), () => live().run(sql), sliceBytes),
  files: async ({ select, options, prefix, suffix, layout, inlet, port, sliceBytes, maxRejected }) => {
    const feed = feedOf(inlet, { layout, ...(maxRejected === undefined ? {} : { maxRejected }) });
    let count = 0;
    const writeFile = async () => {
      const path = `${prefix}${String(count++).padStart(5, '0')}${suffix}`;
      const { rowsChanged } = await live().run(`COPY (${select}) TO ${quoteText(path)} (${options})`);
      if (rowsChanged > 0) await announce(port, { file: path, rows: rowsChanged });
      else rmSync(path, { force: true });
    };
    try {
      return await receiver.run(feed, writeFile, sliceBytes);
    } finally {
      port.close();
    }
  },
  close: async () => {
    connection?.closeSync();
    instance?.closeSync();
    connection = null;
    instance = null;
    return null;
  },
};

parentPort?.on('message', async (request: Request) => {
  const handler = handlers[request.name] as (take: unknown) => Promise<unknown>;
  const answer: Answer = await handler(request.take).then(
    (give) => ({ id: request.id, give }),
    (error) => ({ id: request.id, problem: problemOf(failureOf(error)) }),
  );
  parentPort?.postMessage(answer);
  if (request.name === 'close') parentPort?.close();
});

/** A channel that has failed fails again for every thread of DuckDB that asks: nobody would wake the second. */
function feedOf(inlet: InletEnd, rest: Omit<Feed, 'receive'>): Feed {
  const end = new BatchInlet(inlet);
  const failures: unknown[] = [];
  const receive = () => {
    if (failures.length > 0) throw failures[0];
    try {
      return end.receive();
    } catch (error) {
      failures.push(error);
      throw error;
    }
  };
  return { ...rest, receive };
}

async function announce(port: MessagePort, written: WrittenFile): Promise<void> {
  const answered = once(port, 'message');
  port.postMessage(written);
  const [after] = (await answered) as [AfterFile];
  if (after === 'stop') throw new ChannelStopped('The run was stopped.');
}

/** A source's failure comes through the channel as its plain problem. */
function failureOf(error: unknown): unknown {
  if (typeof error === 'object' && error !== null && 'code' in error && 'fix' in error)
    return TributaryError.from(error as never);
  return duckdbProblem(error, { file });
}
