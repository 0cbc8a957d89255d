/** Rows for whom BigQuery cannot reach itself: by the Storage Read API, in reader threads. */
import { Worker } from 'node:worker_threads';
import type { OutletEnd } from '../../core/channel.ts';
import type { ReadSpec, ReadSummary } from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import { budgetOf } from '../../core/retry.ts';
import type { WantedColumn } from './arrow.ts';
import type { Known } from './describe.ts';
import { parseTableName } from './name.ts';
import { type From, maskParameters, selectStatement, windowCondition } from './query.ts';
import type { ReaderAnswer, ReaderTask } from './reader.ts';
import type { SourceSession } from './session.ts';
import { createReadSession, type ReadRequest } from './storage.ts';
import { isPlain } from './types.ts';

/** What queries of a snapshot gave, by their statement: the same rows however often they are read. */
export type Computed = Map<string, Promise<Table>>;

interface Table {
  readonly project: string;
  readonly dataset: string;
  readonly table: string;
}

export interface StreamsRequest {
  readonly session: SourceSession;
  readonly known: Known;
  readonly from: From;
  readonly spec: ReadSpec;
  readonly outlets: readonly OutletEnd[];
  readonly computed: Computed;
}

export async function readStreams(request: StreamsRequest, signal: AbortSignal): Promise<ReadSummary> {
  const { session, spec, outlets } = request;
  signal.throwIfAborted();
  const direct = isDirect(request);
  const wanted = await (direct ? inPlace(request) : computedFirst(request, signal));
  const { schema, streams } = await createReadSession(session.storage(), { ...wanted, streams: outlets.length });
  const columns = spec.columns.map(
    (column, i): WantedColumn => ({
      field: direct ? column.source : column.name,
      name: column.name,
      vector: spec.layout.columns[i] as WantedColumn['vector'],
      unrepresentable: column.unrepresentable,
    }),
  );
  const { storage, budget = budgetOf() } = session.options;
  const summaries = await Promise.all(
    outlets.map((outlet, i) => {
      const own = streams.filter((_, s) => s % outlets.length === i);
      const { layout, maxRejected } = spec;
      const facts = session.facts(spec.object);
      return startReader(
        { emulator: storage ?? null, schema, streams: own, columns, layout, maxRejected, budget, facts, outlet },
        signal,
      );
    }),
  );
  const sum = (field: 'extracted' | 'rejected' | 'nullified' | 'bytes') =>
    summaries.reduce((total, each) => total + each[field], 0);
  return { extracted: sum('extracted'), rejected: sum('rejected'), nullified: sum('nullified'), bytes: sum('bytes') };
}

/** A plain table whose columns are wanted as they lie costs a fifth of what a query does. */
function isDirect({ known, spec }: StreamsRequest): boolean {
  const pseudo = ({ source }: { source: string }) => source.startsWith('_PARTITION');
  return (
    known.plain &&
    spec.columns.every((column) => isPlain(column) && !pseudo(column)) &&
    !spec.window?.column.startsWith('_PARTITION')
  );
}

async function inPlace({ session, from, spec }: StreamsRequest): Promise<Omit<ReadRequest, 'streams'>> {
  const { dataset, table } = parseTableName(spec.object.table ?? '');
  return {
    ...{ project: session.options.project, dataset, table, billed: session.options.billed },
    columns: spec.columns.map(({ source }) => source),
    restriction: windowCondition(spec.window, spec.nullCursors, from.cursorType),
    ...(from.at === undefined ? {} : { at: from.at }),
  };
}

/** The rows lie for a day in a table that only this account may read; it is billed once, by the query. */
async function computedFirst(
  { session, known, from, spec, computed }: StreamsRequest,
  signal: AbortSignal,
): Promise<Omit<ReadRequest, 'streams'>> {
  const sql = selectStatement(from, spec, 'text');
  const made =
    computed.get(sql) ?? session.compute(sql, { location: known.location, parameters: maskParameters(spec), signal });
  computed.set(sql, made);
  made.catch(() => computed.delete(sql));
  return { ...(await made), billed: session.options.billed, columns: [], restriction: '' };
}

function startReader(task: ReaderTask, signal: AbortSignal): Promise<ReadSummary> {
  const worker = new Worker(new URL('./reader.ts', import.meta.url), {
    workerData: task,
    transferList: [task.outlet.port],
    name: 'reader',
  });
  const stop = () => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  return new Promise<ReadSummary>((resolve, reject) => {
    worker.once('message', (answer: ReaderAnswer) => {
      if ('summary' in answer) resolve(answer.summary);
      else reject(TributaryError.from(answer.problem));
    });
    worker.once('error', reject);
    worker.once('exit', () => reject(new TributaryError('SOURCE_DISCONNECTED', { reason: 'The reader ended early' })));
  }).finally(() => signal.removeEventListener('abort', stop));
}
