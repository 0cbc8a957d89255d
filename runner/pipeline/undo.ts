/** Takes a committed run back: a run of its own, under the same lease. */
import { destinationOf } from '../../tenants/naming.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import type { EndedStatus, RunEvent, RunStore } from '../core/contracts/run-store.ts';
import type { Billing, Undone, Warehouse } from '../core/contracts/warehouse.ts';
import { type Problem, problemOf } from '../core/errors.ts';
import { Journal } from './journal.ts';
import { type HeldLease, holdLease, settleAbandoned, stopProblem } from './lease.ts';
import { statusOf } from './status.ts';
import { Stopwatch } from './summary.ts';

export interface UndoRequest {
  readonly tenant: TenantSpec;
  readonly sourceName: string;
  /** Of the undo itself. */
  readonly runId: string;
  /** The run to take back. */
  readonly undo: string;
  /** What people should know although all went well goes into the run's events. */
  readonly openWarehouse: (onWarning: (text: string) => void) => Promise<Warehouse>;
  readonly store: RunStore;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

/** The contract of `undo --json`. */
export interface UndoSummary {
  readonly runId: string;
  readonly tenant: string;
  readonly source: string;
  readonly mode: 'undo';
  readonly destination: string;
  /** The run that was asked to go, rows and cursor that are left, and all runs that are gone. */
  readonly undone: (Undone & { readonly runId: string }) | null;
  readonly billed: Billing | null;
  readonly seconds: Readonly<Record<string, number>>;
  readonly startedAt: string;
  readonly status: string;
}

export interface UndoOutcome {
  readonly status: EndedStatus;
  readonly summary: UndoSummary;
  readonly problem: Problem | null;
}

/** Carries out one undo and records how it ended; never throws for what it met. */
export async function undoRun(request: UndoRequest): Promise<UndoOutcome> {
  const { tenant, sourceName, runId, store, onEvent } = request;
  const startedAt = new Date().toISOString();
  const watch = new Stopwatch([]);
  const target = destinationOf(tenant, sourceName);
  const journal = new Journal(runId, store, onEvent);
  let billed: Billing | null = null;

  const ended = (status: UndoOutcome['status'], undone: Undone | null, problem: Problem | null): UndoOutcome => ({
    status,
    problem,
    summary: {
      runId,
      tenant: tenant.tenant,
      source: sourceName,
      mode: 'undo',
      destination: `${target.dataset}.${target.table}`,
      undone: undone === null ? null : { runId: request.undo, ...undone },
      billed,
      seconds: watch.seconds,
      startedAt,
      status,
    },
  });

  const undo = async (held: HeldLease): Promise<Undone> => {
    const signal = AbortSignal.any([request.signal, held.lost]);
    await using warehouse = await request.openWarehouse((text) => journal.tell('warning', undefined, { text }));
    const { fencingToken } = held.lease;
    const run = { tenant: tenant.tenant, source: sourceName, runId, fencingToken, startedAt };
    await watch.time('plan', async () => {
      await warehouse.prepare(run, target);
      await settleAbandoned(store, warehouse, held);
    });
    signal.throwIfAborted();
    journal.tell('step-start', 'commit');
    try {
      return await watch.time('commit', () => warehouse.undo(run, target, request.undo));
    } finally {
      billed = warehouse.billed;
      journal.tell('step-end', 'commit', { seconds: watch.seconds.commit });
    }
  };

  let held: HeldLease;
  try {
    held = await holdLease(store, { tenant: tenant.tenant, source: sourceName, runId });
  } catch (error) {
    const problem = problemOf(error);
    return ended(statusOf(problem), null, problem);
  }
  await using _ = held;
  journal.tell('run-start', undefined, { tenant: tenant.tenant, source: sourceName, undo: request.undo });
  const outcome = await undo(held).then(
    (undone) => ended('succeeded', undone, null),
    (error) => {
      const stop = AbortSignal.any([request.signal, held.lost]);
      const problem = stop.aborted ? stopProblem(stop) : problemOf(error);
      return ended(statusOf(problem), null, problem);
    },
  );
  await journal.close(outcome.status, outcome.summary, outcome.problem);
  return outcome;
}
