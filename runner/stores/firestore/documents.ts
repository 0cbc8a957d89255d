/** Documents of the run store, and the contract's records of them. */
import { createHash } from 'node:crypto';
import { Timestamp } from '@google-cloud/firestore';
import { RUN_STORE_DAYS, type RunStoreCollection } from '../../../tenants/run-store-layout.ts';
import type { RunOrder } from '../../core/contracts/run-order.ts';
import type { Lease, RunEvent, RunRecord, RunStatus, Step } from '../../core/contracts/run-store.ts';
import { type Problem, TributaryError } from '../../core/errors.ts';

export interface LeaseDocument {
  readonly tenant: string;
  readonly source: string;
  readonly token: number;
  /** `null`: free. */
  readonly runId: string | null;
  readonly expiresAt: Timestamp;
  readonly reserved: boolean;
  readonly claimant: string;
}

/** What is of no query is kept as JSON: Firestore has no lists of lists. */
export interface RunDocument {
  readonly runId: string;
  readonly tenant: string;
  readonly source: string;
  readonly status: RunStatus;
  readonly order: string | null;
  readonly execution: string | null;
  readonly cancelRequested: boolean;
  readonly createdAt: Timestamp;
  readonly startedAt: Timestamp;
  readonly endedAt: Timestamp | null;
  readonly summary: string;
  readonly problem: string | null;
  /** Whether it ever had the lease of its source. */
  readonly leased: boolean;
  readonly unannounced: boolean;
  /** Of the call that ended it, which may come again because its answer was lost. */
  readonly endedBy: string | null;
  readonly expireAt: Timestamp | null;
}

export interface EventDocument {
  readonly sequence: number;
  readonly at: string;
  readonly type: RunEvent['type'];
  readonly step: Step | null;
  readonly data: string | null;
  readonly expireAt: Timestamp;
}

/** A document's name: what Firestore would not take as one goes by its digest. */
export function nameOf(id: string): string {
  return /^(?!__|\.{1,2}$)[\w.~-]{1,200}$/.test(id) ? id : `~${digest(id)}`;
}

export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function later(moment: Timestamp, ms: number): Timestamp {
  return Timestamp.fromMillis(moment.toMillis() + ms);
}

/** When a document that is written now may go. */
export function expiry(collection: RunStoreCollection, now: Timestamp): Timestamp {
  return later(now, (RUN_STORE_DAYS[collection] ?? 0) * 86_400_000);
}

/** The lease while it holds, by the clock of the database. */
export function heldAt(lease: LeaseDocument | undefined, now: Timestamp): (LeaseDocument & { runId: string }) | null {
  if (lease === undefined || lease.runId === null || lease.expiresAt.toMillis() <= now.toMillis()) return null;
  return { ...lease, runId: lease.runId };
}

export function leaseOf(lease: LeaseDocument & { readonly runId: string }): Lease {
  const { tenant, source, runId, token, expiresAt } = lease;
  return { tenant, source, runId, fencingToken: token, expiresAt: iso(expiresAt) };
}

export function leaseHeld({ runId, tenant, source, expiresAt }: LeaseDocument & { runId: string }): TributaryError {
  return new TributaryError('LEASE_HELD', { holder: runId, tenant, source, until: iso(expiresAt) });
}

export function newRun(
  run: { readonly runId: string; readonly tenant: string; readonly source: string },
  order: RunOrder | null,
  now: Timestamp,
): RunDocument {
  return {
    ...{ runId: run.runId, tenant: run.tenant, source: run.source, status: 'queued' },
    ...{ order: order === null ? null : JSON.stringify(order), execution: null, cancelRequested: false },
    ...{ createdAt: now, startedAt: now, endedAt: null, summary: '{}', problem: null },
    ...{ leased: false, unannounced: false, endedBy: null, expireAt: null },
  };
}

/** What changes when a run ends. A run without an order was told of by its command line. */
export function ended(
  run: RunDocument,
  end: {
    readonly status: RunStatus;
    readonly summary: RunRecord['summary'];
    readonly problem: Problem | null;
    readonly by: string;
  },
  now: Timestamp,
): Partial<RunDocument> {
  return {
    ...{
      status: end.status,
      summary: JSON.stringify(end.summary),
      problem: end.problem && JSON.stringify(end.problem),
    },
    ...{ endedAt: now, endedBy: end.by, unannounced: run.order !== null, expireAt: expiry('runs', now) },
  };
}

export function runOf(run: RunDocument): RunRecord {
  return {
    runId: run.runId,
    tenant: run.tenant,
    source: run.source,
    status: run.status,
    order: parsed<RunOrder>(run.order),
    execution: run.execution,
    cancelRequested: run.cancelRequested,
    createdAt: iso(run.createdAt),
    startedAt: iso(run.startedAt),
    endedAt: run.endedAt === null ? null : iso(run.endedAt),
    summary: parsed<RunRecord['summary']>(run.summary) ?? {},
    problem: parsed<Problem>(run.problem),
  };
}

export function newEvent(event: RunEvent, sequence: number, now: Timestamp): EventDocument {
  const { at, type, step = null, data } = event;
  return { sequence, at, type, step, data: data ? JSON.stringify(data) : null, expireAt: expiry('events', now) };
}

export function eventOf(runId: string, event: EventDocument): RunEvent & { readonly sequence: number } {
  const { sequence, at, type, step, data } = event;
  return {
    ...{ sequence, runId, at, type },
    ...(step === null ? {} : { step }),
    ...(data === null ? {} : { data: JSON.parse(data) as Readonly<Record<string, unknown>> }),
  };
}

function iso(moment: Timestamp): string {
  return moment.toDate().toISOString();
}

function parsed<T>(json: string | null): T | null {
  return json === null ? null : (JSON.parse(json) as T);
}
