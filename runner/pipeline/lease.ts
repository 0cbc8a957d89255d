/** Holding the lease of a source while a run works on it. */
import type { Lease, RunStore } from '../core/contracts/run-store.ts';
import type { Warehouse } from '../core/contracts/warehouse.ts';
import { type Problem, problemOf, TributaryError } from '../core/errors.ts';

const LEASE_MS = 30_000;

export interface HeldLease extends AsyncDisposable {
  readonly lease: Lease;
  /** Aborts with LEASE_LOST when a newer lease exists, with RUN_CANCELLED when somebody wants the run to stop. */
  readonly lost: AbortSignal;
}

/**
 * Takes the lease and renews it until disposed, which releases it.
 *
 * A store that does not answer takes nothing away: the commit is fenced by the token, so a run that was taken for dead
 * meanwhile cannot commit after a newer one.
 *
 * @throws LEASE_HELD
 */
export async function holdLease(
  store: RunStore,
  run: { readonly tenant: string; readonly source: string; readonly runId: string },
): Promise<HeldLease> {
  const lease = await store.claim({ ...run, ttlMs: LEASE_MS });
  const lost = new AbortController();
  let asking = false;
  const renew = async () => {
    if (asking) return;
    asking = true;
    try {
      const { cancelRequested } = await store.renew(lease, LEASE_MS);
      if (cancelRequested) lost.abort(new TributaryError('RUN_CANCELLED'));
    } catch (error) {
      if (problemOf(error).code === 'LEASE_LOST') lost.abort(error);
    } finally {
      asking = false;
    }
  };
  const renewing = setInterval(() => void renew(), LEASE_MS / 3);
  return {
    lease,
    lost: lost.signal,
    async [Symbol.asyncDispose]() {
      clearInterval(renewing);
      await store.release(lease).catch(() => undefined);
    },
  };
}

/** Why a run stops that was told to. */
export function stopProblem(signal: AbortSignal): Problem {
  return TributaryError.is(signal.reason) ? signal.reason.problem : new TributaryError('INTERRUPTED').problem;
}

/**
 * Runs whose process died are settled by the warehouse: committed or not. Needs the lease. A store that does not answer
 * leaves them to the next run.
 */
export async function settleAbandoned(store: RunStore, warehouse: Warehouse, { lease }: HeldLease): Promise<void> {
  const { tenant, source } = lease;
  const runs = await store.abandoned(tenant, source).catch(unlessAway([]));
  for (const { runId, summary } of runs) {
    if (runId === lease.runId) continue;
    const done = await warehouse.committed({ tenant, runId });
    const problem = done ? null : new TributaryError('RUN_ABANDONED').problem;
    await store.finish(runId, done ? 'succeeded' : 'failed', summary, problem).catch(unlessAway(false));
  }
}

function unlessAway<T>(otherwise: T): (error: unknown) => T {
  return (error) => {
    if (problemOf(error).code === 'WEBHOOK_UNREACHABLE') return otherwise;
    throw error;
  };
}
