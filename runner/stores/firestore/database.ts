/** Calls of the database: steps that are made anew when somebody was quicker, and errors in the words of the catalogue. */
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  DocumentData,
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Transaction,
  UpdateData,
} from '@google-cloud/firestore';
import { TributaryError } from '../../core/errors.ts';

/** Status codes of gRPC. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
export const ALREADY_EXISTS = 6;
const PERMISSION_DENIED = 7;
const FAILED_PRECONDITION = 9;
const ABORTED = 10;
/** CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE. */
const TRANSIENT = new Set([1, 4, 8, ABORTED, 13, 14]);
/** What a commit says when a document is no longer as it was read. */
const OUTRUN = new Set([NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED]);

const FIRST_MS = 10;
const LONGEST_MS = 1000;
/** Cloud Run gives a process ten seconds to end. */
const CLOSING_MS = 8000;

/** Documents that are written all or none, and only if they still are as they were read. */
export interface Step {
  /** Makes a document that was not there. */
  create<T extends DocumentData>(found: DocumentSnapshot<T> | DocumentReference, document: DocumentData): void;
  /** Changes one that was there; without changes it only has to be the same still. */
  update<T extends DocumentData>(found: DocumentSnapshot<T>, changes: Partial<T>): void;
}

export interface Database extends AsyncDisposable {
  readonly firestore: Firestore;
  /**
   * Reads, decides and writes. No lock is held meanwhile, so a process that is killed in it stops nobody. `body` runs again
   * when somebody else wrote first, or when the answer of its commit was lost: it must know what it did itself.
   */
  step<T>(body: (step: Step) => Promise<T>): Promise<T>;
  /** What is read inside is of one moment. */
  atOneMoment<T>(body: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** One call, which is safe to make again. */
  call<T>(body: () => Promise<T>): Promise<T>;
}

/** @param patienceMs how long a call may take, with all its repetitions */
export function databaseOf(firestore: Firestore, name: string, patienceMs: number): Database {
  const pending = new Set<Promise<unknown>>();
  let closed = false;
  const repeated = async <T>(body: () => Promise<T>, deadline: number): Promise<T> => {
    for (let pause = FIRST_MS; ; pause = Math.min(pause * 2, LONGEST_MS)) {
      try {
        return await body();
      } catch (error) {
        if (TributaryError.is(error) || statusOf(error) === ALREADY_EXISTS) throw error;
        const hopeless = closed || Date.now() > deadline || !TRANSIENT.has(statusOf(error) ?? -1);
        if (hopeless) throw storeFailed(name, error);
        // Whoever collided does not meet again.
        await sleep(pause * Math.random());
      }
    }
  };
  /** The client itself would go on for minutes where nobody answers. */
  const call = async <T>(body: () => Promise<T>): Promise<T> => {
    if (closed) throw storeFailed(name, new Error('it is closed'));
    const waiting = new AbortController();
    const late = sleep(patienceMs, null, { signal: waiting.signal }).then(() => {
      throw storeFailed(name, new Error(`no answer within ${patienceMs / 1000} s`));
    });
    const work = repeated(body, Date.now() + patienceMs);
    const settled: Promise<void> = work
      .catch(() => undefined)
      .then(() => {
        pending.delete(settled);
      });
    pending.add(settled);
    try {
      return await Promise.race([work, late]);
    } finally {
      waiting.abort();
      late.catch(() => undefined);
    }
  };
  return {
    firestore,
    call,
    step: (body) =>
      call(async () => {
        const batch = firestore.batch();
        let writes = 0;
        const result = await body({
          create(found, document) {
            batch.create(('ref' in found ? found.ref : found) as DocumentReference, document);
            writes++;
          },
          update(found, changes) {
            // A change to nothing is not taken, so a field is set to what it is.
            const [same] = Object.entries(found.data() ?? {});
            const data = Object.keys(changes).length > 0 || same === undefined ? changes : Object.fromEntries([same]);
            const lastUpdateTime = found.updateTime;
            batch.update(found.ref as DocumentReference, data as UpdateData<DocumentData>, {
              ...(lastUpdateTime && { lastUpdateTime }),
            });
            writes++;
          },
        });
        if (writes > 0) await batch.commit().catch(outrun);
        return result;
      }),
    atOneMoment: (body) => call(() => firestore.runTransaction(body, { readOnly: true })),
    // A client that is closed in the midst of a call ends the process by a rejection that nobody can catch.
    async [Symbol.asyncDispose]() {
      closed = true;
      const waiting = new AbortController();
      const late = sleep(CLOSING_MS, 'late', { signal: waiting.signal, ref: false }).catch(() => 'late');
      const left = await Promise.race([Promise.all(pending).then(() => 'done'), late]);
      waiting.abort();
      if (left === 'done') await firestore.terminate();
    },
  };
}

export function statusOf(error: unknown): number | null {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'number' ? code : null;
}

function outrun(error: unknown): never {
  if (OUTRUN.has(statusOf(error) ?? -1)) {
    throw Object.assign(new Error('others wrote first, again and again', { cause: error }), { code: ABORTED });
  }
  throw error;
}

function storeFailed(store: string, error: unknown): TributaryError {
  const [reason, advice] = reasonOf(error);
  return new TributaryError('STORE_FAILED', { store, reason, advice }, { cause: error });
}

function reasonOf(error: unknown): readonly [reason: string, advice: string] {
  const message = String((error as Partial<Error>)?.message ?? error).replace(/^\d+ [A-Z_]+: /, '');
  switch (statusOf(error)) {
    case PERMISSION_DENIED:
      return ['this account may not use it', 'Give the account of the webhook roles/datastore.user on the database.'];
    case NOT_FOUND:
      return ['there is no such database', 'Bring the stack of the platform up.'];
    case FAILED_PRECONDITION:
      return [message, 'An index may be missing or still being built: bring the stack of the platform up.'];
    case INVALID_ARGUMENT:
      return [message, 'A run whose summary or event is larger than a megabyte cannot be kept.'];
    default:
      return [message, 'It is tried again by itself; if it stays so, look at the status of Firestore.'];
  }
}
