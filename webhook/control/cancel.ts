import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import type { Control } from './context.ts';
import { finishUp } from './ended.ts';
import { keys } from './keys.ts';
import { hasEnded, kindOf, needsLease } from './kinds.ts';

/**
 * A queued run ends at once. A running one hears of it when it renews its lease, and is cancelled by the sweep where it
 * does not stop; one without a lease hears of it by its execution's end only.
 */
export async function cancel(control: Control, runId: string): Promise<RunRecord> {
  const { store, launcher, now } = control;
  const before = await store.get(runId);
  if (before !== null && hasEnded(before)) return before;
  await store.deduplicate(keys.cancelled(runId), now().toISOString());
  const run = await store.cancel(runId);
  if (hasEnded(run)) {
    // Its execution may be on its way.
    if (run.execution !== null) await launcher.cancel(run.execution).catch(() => undefined);
    await finishUp(control, run);
  } else if (!needsLease(kindOf(run)) && run.execution !== null) {
    await launcher.cancel(run.execution).catch(() => undefined);
  }
  return run;
}

/** Runs that were asked to stop and did not. */
export async function cancelStubborn(control: Control, runs: readonly RunRecord[]): Promise<void> {
  const { store, launcher, now, settings } = control;
  for (const { runId, execution, cancelRequested } of runs) {
    if (!cancelRequested || execution === null) continue;
    const since = await store.deduplicate(keys.cancelled(runId), now().toISOString());
    if (now().getTime() >= Date.parse(since) + settings.cancelGraceMs) await launcher.cancel(execution);
  }
}
