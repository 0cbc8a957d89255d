/** One read time, shared by all readers of a run. */
import { Worker } from 'node:worker_threads';
import type { OutletEnd } from '../../core/channel.ts';
import type { Offer } from '../../core/contracts/offer.ts';
import type {
  Estimate,
  ObjectRef,
  ReadColumn,
  ReadSpec,
  ReadSummary,
  Snapshot,
  Window,
} from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import type { LogicalKind } from '../../core/types.ts';
import type { VectorColumn, VectorKind } from '../../core/vectors.ts';
import type { FirestoreClient, FirestoreConnection } from './client.ts';
import type { Described } from './describe.ts';
import { factsOf, firestoreProblem } from './errors.ts';
import { exportOffers, wayOf } from './export.ts';
import { mergeLate } from './infer.ts';
import { objectName } from './names.ts';
import { priceOf } from './price.ts';
import { type Asked, countQuery, orderedQuery, type ReadTime } from './queries.ts';
import type { ReaderAnswer, ReaderTask } from './reader.ts';
import { splitRanges } from './split.ts';

const VECTORS: Readonly<Partial<Record<LogicalKind, VectorKind>>> = {
  INT64: 'int64',
  FLOAT64: 'float64',
  BOOL: 'bool',
  STRING: 'text',
  BYTES: 'bytes',
  TIMESTAMP: 'timestamp',
};

export interface SnapshotOptions {
  readonly client: FirestoreClient;
  readonly connection: FirestoreConnection;
  readonly readTime: ReadTime;
  /** What was described; its types decide what a cursor is. */
  readonly described: Described;
  /** Full reads are offered as a managed export. */
  readonly exports: boolean;
}

export class FirestoreSnapshot implements Snapshot {
  readonly #options: SnapshotOptions;
  /** Entries that were counted. */
  #counted = 0;
  #nulls = 0;

  constructor(options: SnapshotOptions) {
    this.#options = options;
  }

  /** Exact: a count of the documents that would be read. */
  async estimate(object: ObjectRef, window: Window | null): Promise<Estimate> {
    const { client, described } = this.#options;
    const rows = await this.#count(object, countQuery(client.root, object, window));
    const all =
      window !== null && this.#nulls > 0 ? await this.#count(object, countQuery(client.root, object, null)) : 0;
    const { reads, usd } = priceOf(Math.max(rows, all), this.#counted);
    const way = wayOf(rows, window, this.#options.exports);
    const bytes = rows * described.documentBytes;
    return { rows, bytes, price: { usd, what: `${reads} reads of Firestore` }, ...(way === null ? {} : { way }) };
  }

  /** Documents without a value of the cursor's type in the field: a filter finds only those that have one. */
  async countNulls(object: ObjectRef, column: string): Promise<number> {
    const { client, described } = this.#options;
    const found = described.shape.columns.find(({ name }) => name === column);
    const type = found?.logical.kind === 'INT64' ? 'INT64' : 'TIMESTAMP';
    const all = await this.#count(object, countQuery(client.root, object, null));
    const ordered = await this.#count(object, orderedQuery(client.root, object, column, type));
    this.#nulls = all - ordered;
    return this.#nulls;
  }

  vectors(columns: readonly ReadColumn[]): readonly VectorColumn[] {
    return columns.map(({ name, logical, mask }) => ({
      name,
      kind: mask === undefined ? (VECTORS[logical.kind] ?? 'json') : 'text',
    }));
  }

  offers(spec: ReadSpec): readonly Offer[] {
    const { client, connection, readTime, exports } = this.#options;
    return exports ? exportOffers({ client, connection, readTime, spec }) : [];
  }

  async read(spec: ReadSpec, outlets: readonly OutletEnd[], signal: AbortSignal): Promise<ReadSummary> {
    const { client, connection, readTime } = this.#options;
    const ranges = await splitRanges(client, spec, outlets.length, readTime, signal).catch((error) => {
      throw firestoreProblem(error, factsOf(connection, objectName(spec.object)));
    });
    const readers = outlets.map((outlet, i) =>
      this.#reader({ connection, readTime, spec, ranges: ranges[i] ?? [], outlet }, signal),
    );
    const summaries = await Promise.all(readers);
    const sum = (field: 'extracted' | 'rejected' | 'nullified' | 'bytes') =>
      summaries.reduce((total, summary) => total + summary[field], 0);
    return {
      ...{ extracted: sum('extracted'), rejected: sum('rejected') },
      ...{ nullified: sum('nullified'), bytes: sum('bytes') },
      late: mergeLate(summaries.map(({ late = [] }) => late)),
    };
  }

  #reader(task: ReaderTask, signal: AbortSignal): Promise<ReadSummary> {
    const worker = new Worker(new URL('./reader.ts', import.meta.url), {
      workerData: task,
      transferList: [task.outlet.port],
      name: 'reader',
      resourceLimits: { maxYoungGenerationSizeMb: 16 },
    });
    const facts = factsOf(task.connection, objectName(task.spec.object));
    const stop = () => void worker.terminate();
    signal.addEventListener('abort', stop, { once: true });
    return new Promise<ReadSummary>((resolve, reject) => {
      worker.once('message', (answer: ReaderAnswer) => {
        if ('summary' in answer) resolve(answer.summary);
        else reject(TributaryError.from(answer.problem));
        // The SDK keeps its connection, and the thread with it.
        void worker.terminate();
      });
      worker.once('error', reject);
      worker.once('exit', () =>
        reject(new TributaryError('SOURCE_DISCONNECTED', { ...facts, reason: 'The reader ended early' })),
      );
    }).finally(() => signal.removeEventListener('abort', stop));
  }

  async #count(object: ObjectRef, query: Asked): Promise<number> {
    const { client, connection, readTime } = this.#options;
    try {
      const found = await client.count({ ...query, readTime });
      this.#counted += Math.max(1, found);
      return found;
    } catch (error) {
      throw firestoreProblem(error, factsOf(connection, objectName(object)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.client[Symbol.asyncDispose]();
  }
}
