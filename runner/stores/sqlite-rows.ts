/** Rows of a SQLite run store, as the contract has them. */
import type { SQLOutputValue } from 'node:sqlite';
import type { RunOrder } from '../core/contracts/run-order.ts';
import type { Lease, RunEvent, RunRecord, RunStatus, Step } from '../core/contracts/run-store.ts';
import { type Problem, TributaryError } from '../core/errors.ts';
import type { Owner } from '../core/owner.ts';

export type Row = Record<string, SQLOutputValue>;

export function leaseOf(row: Row): Lease {
  return {
    tenant: text(row.tenant),
    source: text(row.source),
    runId: text(row.run_id),
    fencingToken: Number(row.token),
    expiresAt: iso(Number(row.expires_at)),
  };
}

export function ownerOf(row: Row): Owner {
  return {
    host: text(row.host),
    pid: Number(row.pid),
    started: text(row.started),
    namespace: text(row.namespace),
  };
}

/** Names the process only where the lease is its own: of another's run it says nothing. */
export function leaseHeld(row: Row): TributaryError {
  return new TributaryError('LEASE_HELD', {
    holder: text(row.run_id),
    tenant: text(row.tenant),
    source: text(row.source),
    ...(row.bound === 0 ? {} : { pid: Number(row.pid), host: text(row.host) }),
    until: iso(Number(row.expires_at)),
  });
}

export function runOf(row: Row): RunRecord {
  return {
    runId: text(row.run_id),
    tenant: text(row.tenant),
    source: text(row.source),
    status: text(row.status) as RunStatus,
    order: parsed<RunOrder>(row.order),
    execution: row.execution === null ? null : text(row.execution),
    cancelRequested: row.cancel_requested === 1,
    createdAt: text(row.created_at),
    startedAt: text(row.started_at),
    endedAt: row.ended_at === null ? null : text(row.ended_at),
    summary: parsed<RunRecord['summary']>(row.summary) ?? {},
    problem: parsed<Problem>(row.problem),
  };
}

export function eventOf(row: Row): RunEvent & { readonly sequence: number } {
  return {
    sequence: Number(row.sequence),
    runId: text(row.run_id),
    at: text(row.at),
    type: text(row.type) as RunEvent['type'],
    ...(row.step === null ? {} : { step: text(row.step) as Step }),
    ...(row.data === null ? {} : { data: JSON.parse(text(row.data)) as Readonly<Record<string, unknown>> }),
  };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function text(value: SQLOutputValue | undefined): string {
  return String(value);
}

function parsed<T>(value: SQLOutputValue | undefined): T | null {
  return value === null || value === undefined ? null : (JSON.parse(text(value)) as T);
}
