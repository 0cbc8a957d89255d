/** What follows the begin and the end of a run. */
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { problemOf } from '../../runner/core/errors.ts';
import { announce, tellStart } from './announce.ts';
import type { Control } from './context.ts';
import { hasEnded, kindOf, needsLease } from './kinds.ts';
import { startNext, useRoom } from './next.ts';

export async function started(control: Control, runId: string): Promise<void> {
  await attended(control, 'started', async () => {
    const run = await control.store.get(runId);
    if (run?.status === 'running') await tellStart(control, run);
  });
}

export async function ended(control: Control, runId: string): Promise<void> {
  await attended(control, 'ended', async () => {
    const run = await control.store.get(runId);
    if (run === null || !hasEnded(run)) return;
    const { tenant, source, status, problem } = run;
    control.observe({ type: 'ended', runId, tenant, source, kind: kindOf(run), status, problem });
    await finishUp(control, run);
  });
}

/** The source goes to the next run, and whoever waits is told. Never fails. */
export async function finishUp(control: Control, run: RunRecord): Promise<void> {
  const { tenant, source, runId } = run;
  const next = async () => {
    if (needsLease(kindOf(run))) {
      const lease = await control.store.holder(tenant, source);
      if (lease?.runId === runId) await control.store.release(lease);
      await startNext(control, tenant, source);
    }
    await useRoom(control);
  };
  await Promise.all([
    attended(control, 'next', next),
    attended(control, 'announce', async () => void (await announce(control, [run], 'first'))),
  ]);
}

/** What fails here is found and done again by the sweep. */
async function attended(control: Control, during: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    control.observe({ type: 'trouble', during, problem: problemOf(error) });
  }
}
