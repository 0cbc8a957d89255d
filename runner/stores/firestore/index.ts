/**
 * Leases, runs and events in Firestore: the run store of the cloud. Time is the database's own: a machine with a wrong clock
 * neither steals a lease nor keeps one.
 */
import { randomUUID } from 'node:crypto';
import { type DocumentReference, Firestore, type Query, type Timestamp } from '@google-cloud/firestore';
import type { Lease, RunStore } from '../../core/contracts/run-store.ts';
import { TributaryError } from '../../core/errors.ts';
import { appender } from './appending.ts';
import { ALREADY_EXISTS, databaseOf, statusOf } from './database.ts';
import {
  digest,
  type EventDocument,
  ended,
  eventOf,
  expiry,
  heldAt,
  type LeaseDocument,
  later,
  leaseHeld,
  leaseOf,
  nameOf,
  newRun,
  type RunDocument,
  runOf,
} from './documents.ts';
import { type RunQuery, runQuery } from './queries.ts';

export interface FirestoreStoreOptions {
  readonly project: string;
  readonly database: string;
  /** `127.0.0.1:8080` of an emulator; absent: Google. */
  readonly emulator?: string;
  /** How long a call may take, with all its repetitions; default 30 s. */
  readonly patienceMs?: number;
}

type Tenancy = { readonly tenant: string; readonly source: string };

const FREE = { runId: null };
/** The next claim finds the others. */
const MOST_ABANDONED = 100;

/** Safe for many processes. What it opens is connected with its first call. */
export function openFirestoreStore({
  project,
  database: databaseId,
  emulator,
  patienceMs = 30_000,
}: FirestoreStoreOptions): RunStore {
  const firestore = new Firestore({
    ...{ projectId: project, databaseId },
    ...(emulator === undefined ? {} : { host: emulator, ssl: false, universeDomain: 'googleapis.com' }),
  });
  const database = databaseOf(firestore, `projects/${project}/databases/${databaseId}`, patienceMs);
  const { step, atOneMoment, call } = database;

  const runs = firestore.collection('runs');
  const runDocument = (runId: string) => runs.doc(nameOf(runId)) as DocumentReference<RunDocument>;
  const leaseDocument = ({ tenant, source }: Tenancy) =>
    firestore.collection('leases').doc(nameOf(`${tenant}~${source}`)) as DocumentReference<LeaseDocument>;
  const tickDocument = (key: string) => firestore.collection('ticks').doc(digest(key));

  /** @param decide what changes; `null`: nothing. A queued run that ends no longer keeps its source. */
  const alter = (runId: string, decide: (run: RunDocument, now: Timestamp) => Partial<RunDocument> | null) =>
    step(async ({ update }) => {
      const found = await runDocument(runId).get();
      const run = found.data();
      if (run === undefined) throw new TributaryError('RUN_NOT_FOUND', { run: runId });
      const changes = decide(run, found.readTime);
      if (changes === null) return run;
      if (run.status === 'queued' && changes.endedAt) {
        const lease = await leaseDocument(run).get();
        if (lease.data()?.runId === runId) update(lease, FREE);
      }
      update(found, changes);
      return { ...run, ...changes };
    });
  /** The lease as it is, where it is this one. */
  const own = async (lease: Lease) => {
    const found = await leaseDocument(lease).get();
    const { token, runId } = found.data() ?? {};
    return token === lease.fencingToken && runId === lease.runId ? found : null;
  };
  const built = ({ where, orderBy, limit }: RunQuery): Query => {
    const filtered = where.reduce<Query>((query, condition) => query.where(...condition), runs);
    return filtered.orderBy(...orderBy).limit(limit);
  };

  return {
    enqueue: (request) =>
      step(async ({ create }) => {
        const found = await runDocument(request.runId).get();
        const before = found.data();
        if (before !== undefined) return runOf(before);
        const run = newRun(request, request.order, found.readTime);
        create(found, run);
        return runOf(run);
      }),

    claim: ({ tenant, source, runId, ttlMs, reserve = false, claimant = randomUUID() }) =>
      step(async ({ create, update }) => {
        const [leaseFound, runFound] = await Promise.all([
          leaseDocument({ tenant, source }).get(),
          runDocument(runId).get(),
        ]);
        const before = leaseFound.data();
        const now = leaseFound.readTime;
        const held = heldAt(before, now);
        const again = held?.runId === runId && held.claimant === claimant && held.reserved === reserve;
        const mine = again || (held?.runId === runId && held.reserved && !reserve);
        if (held !== null && !mine) throw leaseHeld(held);

        const known = runFound.data();
        const run = known ?? newRun({ runId, tenant, source }, null, now);
        const wrong = run.tenant !== tenant || run.source !== source || run.endedAt !== null;
        if (wrong || (reserve && run.status !== 'queued')) {
          const reason = `Run ${runId} of ${run.tenant}/${run.source} exists already (${run.status}).`;
          throw new TributaryError('USAGE', { reason, advice: 'Start a new run with an id of its own.' });
        }
        const startedAt = run.status === 'queued' ? now : run.startedAt;
        const begun: Partial<RunDocument> = reserve ? {} : { status: 'running', leased: true, startedAt };
        const token = again ? held.token : (before?.token ?? 0) + 1;
        const taken = { tenant, source, runId, token, expiresAt: later(now, ttlMs), reserved: reserve, claimant };
        if (known === undefined) create(runFound, { ...run, ...begun });
        else update(runFound, begun);
        if (before === undefined) create(leaseFound, taken);
        else update(leaseFound, taken);
        return leaseOf(taken);
      }),

    renew: (lease, ttlMs) =>
      step(async ({ update }) => {
        const [found, run] = await Promise.all([own(lease), runDocument(lease.runId).get()]);
        if (found === null) throw new TributaryError('LEASE_LOST', { tenant: lease.tenant, source: lease.source });
        const expiresAt = later(found.readTime, ttlMs);
        update(found, { expiresAt });
        const cancelRequested = run.data()?.cancelRequested === true;
        return { ...lease, expiresAt: expiresAt.toDate().toISOString(), cancelRequested };
      }),

    // The document stays, so that the token grows for ever.
    release: (lease) =>
      step(async ({ update }) => {
        const found = await own(lease);
        if (found !== null) update(found, FREE);
      }),

    holder: async (tenant, source) => {
      const found = await call(() => leaseDocument({ tenant, source }).get());
      const held = heldAt(found.data(), found.readTime);
      return held === null ? null : leaseOf(held);
    },

    start: async (runId) => {
      await alter(runId, ({ status }, now) => (status === 'queued' ? { status: 'running', startedAt: now } : null));
    },

    launched: async (runId, execution) => {
      await alter(runId, () => ({ execution }));
    },

    cancel: async (runId) => {
      const { problem } = new TributaryError('RUN_CANCELLED');
      const end = { status: 'interrupted', summary: {}, problem, by: randomUUID() } as const;
      return runOf(
        await alter(runId, (run, now) => {
          if (run.endedAt !== null) return null;
          return { ...(run.status === 'queued' ? ended(run, end, now) : {}), cancelRequested: true };
        }),
      );
    },

    append: appender(database),

    finish: async (runId, status, summary, problem, only) => {
      const end = { status, summary, problem, by: randomUUID() };
      const run = await alter(runId, (run, now) => {
        const late = run.endedAt !== null || (only !== undefined && run.status !== only);
        return late ? null : ended(run, end, now);
      });
      // A call whose answer was lost comes again and finds what it did itself.
      return run.endedBy === end.by;
    },

    announced: async (runId) => {
      await alter(runId, () => ({ unannounced: false }));
    },

    get: async (runId) => {
      const run = (await call(() => runDocument(runId).get())).data();
      return run === undefined ? null : runOf(run);
    },

    list: async ({ before, ...filter }) => {
      if (filter.statuses?.length === 0) return [];
      const query = built(runQuery(filter));
      const last = before === undefined ? null : await call(() => runDocument(before).get());
      if (last !== null && !last.exists) throw new TributaryError('RUN_NOT_FOUND', { run: `${before}` });
      const { docs } = await call(() => (last === null ? query : query.startAfter(last)).get());
      return docs.map((found) => runOf(found.data() as RunDocument));
    },

    events: async (runId, after = 0) => {
      const events = runDocument(runId).collection('events').where('sequence', '>', after).orderBy('sequence');
      const { docs } = await call(() => events.get());
      return docs.map((found) => eventOf(runId, found.data() as EventDocument));
    },

    abandoned: (tenant, source) =>
      atOneMoment(async (transaction) => {
        const found = await transaction.get(leaseDocument({ tenant, source }));
        const held = heldAt(found.data(), found.readTime);
        const query = built(runQuery({ tenant, source, statuses: ['running'], limit: MOST_ABANDONED }));
        const running = (await transaction.get(query)).docs.map((document) => document.data() as RunDocument);
        return running.filter(({ leased, runId }) => leased && runId !== held?.runId).map(runOf);
      }),

    deduplicate: async (key, runId) => {
      const tick = tickDocument(key);
      const found = await call(() => tick.get());
      if (found.exists) return String(found.get('runId'));
      try {
        await call(() => tick.create({ key, runId, expireAt: expiry('ticks', found.readTime) }));
        return runId;
      } catch (error) {
        if (statusOf(error) !== ALREADY_EXISTS) throw error;
        return String((await call(() => tick.get())).get('runId'));
      }
    },

    tick: async (key) => {
      const found = await call(() => tickDocument(key).get());
      return found.exists ? String(found.get('runId')) : null;
    },

    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
