/** Firestore as a source. */
import { durationSeconds } from '../../../tenants/schema/duration.ts';
import type {
  Check,
  ObjectRef,
  ObjectShape,
  ReadColumn,
  Snapshot,
  Source,
  SourceObject,
  SourceRequest,
  UpperBound,
} from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import { about } from './about.ts';
import { checkConnection } from './check.ts';
import { type FirestoreClient, type FirestoreConnection, openClient } from './client.ts';
import { type Described, describe } from './describe.ts';
import { discover } from './discover.ts';
import { factsOf, firestoreProblem } from './errors.ts';
import { objectName } from './names.ts';
import { documentsQuery, type ReadTime } from './queries.ts';
import { sampleDocuments } from './sample.ts';
import { FirestoreSnapshot } from './snapshot.ts';
import { openSplit } from './split-snapshot.ts';
import { momentText, readTimeOf } from './wire.ts';

type FirestoreRequest = SourceRequest<Extract<SourceRequest['connection'], { kind: 'firestore' }>>;

const DEFAULT_LAG_SECONDS = 60;
/** About a second of reading. */
const SPLIT_DOCUMENTS = 10_000;

export interface FirestoreOptions {
  /** Documents of a split, where there are so many. */
  readonly splitDocuments?: number;
}

/** The emulator that FIRESTORE_EMULATOR_HOST names, else Google. */
export function openFirestore(request: FirestoreRequest, options: FirestoreOptions = {}): Source {
  const { FIRESTORE_EMULATOR_HOST: emulator, FIRESTORE_ADMIN_EMULATOR_HOST: admin } = process.env;
  return new FirestoreSource(request, { ...(emulator ? { emulator } : {}), ...(admin ? { admin } : {}) }, options);
}

class FirestoreSource implements Source {
  readonly kind = 'firestore';
  readonly capabilities = about.capabilities;
  readonly #connection: FirestoreConnection;
  readonly #lagSeconds: number;
  readonly #exports: boolean;
  readonly #splitDocuments: number;
  #client: FirestoreClient | null = null;
  /** What was described last: a run asks again when it opens. */
  #described: { readonly key: string; readonly described: Described } | null = null;

  constructor(
    { tenant, name, connection, source }: FirestoreRequest,
    emulators: Pick<FirestoreConnection, 'emulator' | 'admin'>,
    { splitDocuments = SPLIT_DOCUMENTS }: FirestoreOptions,
  ) {
    const { project, database } = connection;
    this.#connection = { tenant, name, project, database, ...emulators };
    this.#exports = source?.execution.firestoreExport === true && source.load.strategy === 'catalog';
    this.#splitDocuments = splitDocuments;
    this.#lagSeconds =
      source?.load.strategy === 'transactional' ? durationSeconds(source.load.lag) : DEFAULT_LAG_SECONDS;
  }

  check(target: { readonly object?: ObjectRef; readonly cursor?: string }, signal: AbortSignal): AsyncIterable<Check> {
    return checkConnection(this.#connection, target, signal);
  }

  discover(signal: AbortSignal): Promise<readonly SourceObject[]> {
    return this.#with(undefined, (client) => discover(client, signal));
  }

  async describe(object: ObjectRef, signal: AbortSignal): Promise<ObjectShape> {
    return (await this.#describe(object, signal)).shape;
  }

  sample(
    object: ObjectRef,
    columns: readonly ReadColumn[],
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly (string | null)[])[]> {
    return this.#with(object, (client) => sampleDocuments(client, object, columns, limit, signal));
  }

  open(
    { object, cursor }: { readonly object: ObjectRef; readonly cursor?: string },
    signal: AbortSignal,
  ): Promise<{ snapshot: Snapshot; bound: UpperBound | null }> {
    return this.#with(object, async (client) => {
      const key = JSON.stringify(object);
      const described = this.#described?.key === key ? this.#described.described : await this.#describe(object, signal);
      if (cursor !== undefined) checkCursor(described.shape, cursor);
      const readTime = await now(client, object, signal);
      // The snapshot takes the connection over.
      this.#client = null;
      const snapshot = new FirestoreSnapshot({
        ...{
          client,
          connection: this.#connection,
          readTime,
          described,
          exports: this.#exports,
          splitDocuments: this.#splitDocuments,
        },
      });
      return { snapshot, bound: cursor === undefined ? null : this.#bound(readTime) };
    });
  }

  openSplit(object: ObjectRef, task: unknown, signal: AbortSignal): Promise<Snapshot> {
    return this.#with(object, (client) => openSplit(client, this.#connection, object, task, signal));
  }

  /** A commit is visible at its time; a time that a client set may be older than its commit. */
  #bound({ seconds, nanos }: ReadTime): UpperBound {
    const to = momentText({ seconds: seconds - this.#lagSeconds, micros: Math.floor(nanos / 1000) });
    const reason = `read time less ${this.#lagSeconds} s, for times that clients set before they commit`;
    return { to, proof: 'lag', reason };
  }

  async #describe(object: ObjectRef, signal: AbortSignal): Promise<Described> {
    const described = await this.#with(object, (client) => describe(client, object, signal));
    this.#described = { key: JSON.stringify(object), described };
    return described;
  }

  async #with<T>(object: ObjectRef | undefined, work: (client: FirestoreClient) => Promise<T>): Promise<T> {
    try {
      this.#client ??= await openClient(this.#connection);
      return await work(this.#client);
    } catch (error) {
      throw firestoreProblem(error, factsOf(this.#connection, object === undefined ? undefined : objectName(object)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
    this.#client = null;
  }
}

/** @throws SOURCE_CURSOR_UNSUITABLE; a field that the sample lacks may still be a time */
function checkCursor(shape: ObjectShape, column: string): void {
  const found = shape.columns.find(({ name }) => name === column);
  if (found === undefined || found.logical.kind === 'TIMESTAMP') return;
  throw new TributaryError('SOURCE_CURSOR_UNSUITABLE', { object: shape.name, column, type: found.sourceType });
}

/** The server's time, at which all is read. */
async function now(client: FirestoreClient, object: ObjectRef, signal: AbortSignal): Promise<ReadTime> {
  let found: ReadTime | null = null;
  await client.run(
    documentsQuery(client.root, { object, fields: [], window: null, limit: 1 }),
    (message) => {
      found = readTimeOf(message) ?? found;
    },
    signal,
  );
  if (found === null) throw new TributaryError('SOURCE_FAILED', { reason: 'The server told no read time.' });
  return found;
}
