/** One reader: a thread with a connection of its own, at the run's read time. Started by snapshot.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { BatchOutlet, ChannelStopped, type OutletEnd } from '../../core/channel.ts';
import type { ReadSpec, ReadSummary } from '../../core/contracts/source.ts';
import { type Problem, problemOf, TributaryError } from '../../core/errors.ts';
import { budgetOf, startRetry } from '../../core/retry.ts';
import { type FirestoreClient, type FirestoreConnection, openClient } from './client.ts';
import { Decoder } from './decoder.ts';
import { factsOf, firestoreProblem, isTransient, splitProblem } from './errors.ts';
import { objectName } from './names.ts';
import { lastPosition, Sieve } from './position.ts';
import { documentsQuery, type NameRange, neededFields, type Position } from './queries.ts';

/** Everything a reader needs; structured-cloneable. */
export interface ReaderTask {
  readonly connection: FirestoreConnection;
  readonly readTime: { readonly seconds: number; readonly nanos: number };
  readonly spec: ReadSpec;
  /** What this reader reads, one after the other. */
  readonly ranges: readonly NameRange[];
  readonly outlet: OutletEnd;
  /** These are one split of a read that other processes carry out. */
  readonly split?: boolean;
}

export type ReaderAnswer = { readonly summary: ReadSummary } | { readonly problem: Problem };

/** Bytes on the wire after which a batch is sent. */
const BATCH_BYTES = 4 << 20;

class Reader {
  readonly #task: ReaderTask;
  readonly #client: FirestoreClient;
  readonly #outlet: BatchOutlet;
  readonly #decoder: Decoder;
  readonly #sieve: Sieve | null;
  #attached = false;
  #sent = 0;
  #bytes = 0;
  #rejected = 0;

  constructor(task: ReaderTask, client: FirestoreClient, outlet: BatchOutlet) {
    const { window, nullCursors } = task.spec;
    this.#task = task;
    this.#client = client;
    this.#outlet = outlet;
    this.#decoder = new Decoder(task.spec, client.root);
    this.#sieve = window !== null && nullCursors ? new Sieve(window) : null;
  }

  async read(): Promise<ReadSummary> {
    for (const range of this.#task.ranges) await this.#range(range);
    this.#flush();
    this.#outlet.end();
    const { nullified, late } = this.#decoder;
    return { extracted: this.#sent + this.#rejected, rejected: this.#rejected, nullified, bytes: this.#bytes, late };
  }

  /** A stream that breaks is begun anew behind the last document that came whole. */
  async #range(range: NameRange): Promise<void> {
    const { spec, connection, readTime } = this.#task;
    const facts = factsOf(connection, objectName(spec.object));
    const retry = startRetry({
      budget: budgetOf(),
      isTransient,
      givenUp: (error) => firestoreProblem(error, facts),
    });
    // Rows without a cursor come with a read of all: no query asks for what is not there.
    const window = this.#sieve === null ? spec.window : null;
    const fields = neededFields(spec.columns, spec.window, spec.late);
    let last: Buffer | null = null;
    let after: Position | null = null;
    for (;;) {
      const query = documentsQuery(this.#client.root, { object: spec.object, fields, window, range, after });
      try {
        const never = new AbortController().signal;
        await this.#client.run(
          { ...query, readTime },
          (message) => {
            if (!this.#take(message)) return;
            if (last === null) retry.forward();
            last = message;
          },
          never,
        );
        return;
      } catch (error) {
        if (last !== null) {
          after = lastPosition(last, window);
          retry.forward();
          last = null;
        }
        await retry.after(error);
      }
    }
  }

  /** @returns whether the message held a document */
  #take(message: Buffer): boolean {
    if (!this.#attached) {
      const { fixed, blobs } = this.#outlet.take();
      this.#decoder.batch.attach(fixed, blobs);
      this.#attached = true;
    }
    if (this.#sieve?.drops(message) === true) return true;
    const taken = this.#decoder.take(message);
    const { batch } = this.#decoder;
    const rejected = this.#rejected + batch.rejected.length;
    if (batch.full || batch.bytes >= BATCH_BYTES || rejected > this.#task.spec.maxRejected) this.#flush();
    return taken;
  }

  #flush(): void {
    if (!this.#attached) return;
    const { batch } = this.#decoder;
    const { maxRejected: limit } = this.#task.spec;
    this.#sent += batch.row;
    this.#bytes += batch.bytes;
    this.#rejected += batch.rejected.length;
    const reason = batch.rejected.at(-1)?.reason ?? 'unknown';
    this.#outlet.send(batch.finish());
    this.#outlet.report(this.#sent, this.#bytes, this.#rejected);
    this.#attached = false;
    if (this.#rejected <= limit) return;
    const total = this.#sent + this.#rejected;
    throw new TributaryError('QUARANTINE_OVERFLOW', { rows: this.#rejected, total, limit, reason });
  }
}

async function read(task: ReaderTask): Promise<ReadSummary> {
  const outlet = new BatchOutlet(task.outlet, task.spec.layout);
  const facts = factsOf(task.connection, objectName(task.spec.object));
  try {
    await using client = await openClient(task.connection);
    return await new Reader(task, client, outlet).read();
  } catch (error) {
    const own = firestoreProblem(error, facts);
    const problem = task.split === true ? splitProblem(own, objectName(task.spec.object), task.readTime) : own;
    if (!(error instanceof ChannelStopped)) outlet.fail(problemOf(problem));
    throw problem;
  }
}

if (parentPort !== null) {
  const answer: ReaderAnswer = await read(workerData as ReaderTask).then(
    (summary) => ({ summary }),
    (error) => ({ problem: problemOf(error) }),
  );
  parentPort.postMessage(answer);
  parentPort.close();
}
