/** One read time, shared by all readers of a run. */
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
import type { Split, Unity } from '../../core/contracts/splits.ts';
import { mergeLate } from '../../core/late.ts';
import type { VectorColumn } from '../../core/vectors.ts';
import type { FirestoreClient, FirestoreConnection } from './client.ts';
import type { Described } from './describe.ts';
import { divide } from './divide.ts';
import { factsOf, firestoreProblem } from './errors.ts';
import { exportOffers, wayOf } from './export.ts';
import { objectName } from './names.ts';
import { priceOf } from './price.ts';
import { type Asked, countQuery, orderedQuery, type ReadTime } from './queries.ts';
import { startReader, vectorsOf } from './reading.ts';
import { splitRanges } from './split.ts';
import { momentText } from './wire.ts';

export interface SnapshotOptions {
  readonly client: FirestoreClient;
  readonly connection: FirestoreConnection;
  readonly readTime: ReadTime;
  /** What was described; its types decide what a cursor is. */
  readonly described: Described;
  /** Full reads are offered as a managed export. */
  readonly exports: boolean;
  /** Documents of a split, where there are so many. */
  readonly splitDocuments: number;
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
    return vectorsOf(columns);
  }

  offers(spec: ReadSpec): readonly Offer[] {
    const { client, connection, readTime, exports } = this.#options;
    return exports ? exportOffers({ client, connection, readTime, spec }) : [];
  }

  async divisible(): Promise<Unity> {
    const { seconds, nanos } = this.#options.readTime;
    const at = momentText({ seconds, micros: Math.floor(nanos / 1000) });
    return { by: 'read-time', reason: `all documents as of ${at}, which Firestore keeps for an hour` };
  }

  divide(spec: ReadSpec, most: number, signal: AbortSignal): Promise<readonly Split[]> {
    return divide(this.#options, spec, most, signal);
  }

  async read(spec: ReadSpec, outlets: readonly OutletEnd[], signal: AbortSignal): Promise<ReadSummary> {
    const { client, connection, readTime } = this.#options;
    const ranges = await splitRanges(client, spec, outlets.length, readTime, signal).catch((error) => {
      throw firestoreProblem(error, factsOf(connection, objectName(spec.object)));
    });
    const readers = outlets.map((outlet, i) =>
      startReader({ connection, readTime, spec, ranges: ranges[i] ?? [], outlet }, signal),
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
