/** Holding the lease of a source while a run works on it. */
import type { Lease, RunStore } from '../core/contracts/run-store.ts';
import type { Warehouse } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';

const LEASE_MS = 30_000;

export interface HeldLease extends AsyncDisposable {
  readonly lease: Lease;
  /** Aborts when a newer lease exists. */
  readonly lost: AbortSignal;
}

/**
 * Takes the lease and renews it until disposed, which releases it.
 *
 * @throws LEASE_HELD
 */
export async function holdLease(
  store: RunStore,
  run: { readonly tenant: string; readonly source: string; readonly runId: string },
): Promise<HeldLease> {
  const lease = await store.claim({ ...run, ttlMs: LEASE_MS });
  const lost = new AbortController();
  const renew = () => void store.renew(lease, LEASE_MS).catch((error) => lost.abort(error));
  const renewing = setInterval(renew, LEASE_MS / 3);
  return {
    lease,
    lost: lost.signal,
    async [Symbol.asyncDispose]() {
      clearInterval(renewing);
      await store.release(lease).catch(() => undefined);
    },
  };
}

/** Runs whose process died are settled by the warehouse: committed or not. Needs the lease. */
export async function settleAbandoned(store: RunStore, warehouse: Warehouse, { lease }: HeldLease): Promise<void> {
  const { tenant, source } = lease;
  for (const { runId, summary } of await store.abandoned(tenant, source)) {
    if (runId === lease.runId) continue;
    const done = await warehouse.committed({ tenant, runId });
    const problem = done ? null : new TributaryError('RUN_ABANDONED').problem;
    await store.finish(runId, done ? 'succeeded' : 'failed', summary, problem);
  }
}
