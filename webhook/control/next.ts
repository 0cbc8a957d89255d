/** The next of what waits. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { problemOf } from '../../runner/core/errors.ts';
import type { Control } from './context.ts';
import { type Dispatched, dispatch } from './dispatch.ts';
import { hasEnded, isUnlaunched, kindOf, needsLease } from './kinds.ts';
import { runsOf, waiting } from './queue.ts';

/** Of runs that end as soon as they are tried, so many are passed over at once. */
const MOST_OVER = 20;
/** Queued runs that are looked at when there is room again. */
const MOST_TRIED = 50;
/** A runner that has reported its end is gone after some of these; the sweep tries again after all. */
const MOMENTS = [50, 100, 200, 400, 800, 1600, 3200] as const;

export interface Begun {
  readonly runId: string;
  readonly dispatched: Dispatched;
}

/** Launches the oldest run that waits for a source. @returns what was tried, in order */
export async function startNext(control: Control, tenant: string, source: string): Promise<readonly Begun[]> {
  const tried: Begun[] = [];
  for (const run of (await waiting(control, tenant, source)).slice(0, MOST_OVER)) {
    // It was launched, and has the source as soon as its runner comes.
    if (!isUnlaunched(run)) break;
    const dispatched = await dispatch(control, run);
    tried.push({ runId: run.runId, dispatched });
    if (dispatched.type !== 'over') break;
  }
  return tried;
}

/**
 * A run ended, so a launcher that had no room has some, or will in a moment: its runner reports the end before it goes.
 * Starts what waits for room, oldest first; what is not possible at once is tried again behind this call.
 */
export async function useRoom(control: Control): Promise<void> {
  const { memory } = control;
  if (memory.crowds === 0) return;
  // Whoever tries already has the moments of this end as well.
  if (memory.tries !== null) memory.tries = 0;
  if ((await startAnother(control)) === 'none' || memory.tries !== null) return;
  memory.tries = 0;
  void keepTrying(control);
}

async function keepTrying(control: Control): Promise<void> {
  const { memory, observe } = control;
  try {
    while (memory.tries !== null && memory.tries < MOMENTS.length) {
      await sleep(MOMENTS[memory.tries], undefined, { ref: false });
      memory.tries += 1;
      if ((await startAnother(control)) === 'none') return;
    }
  } catch (error) {
    observe({ type: 'trouble', during: 'queue', problem: problemOf(error) });
  } finally {
    memory.tries = null;
  }
}

/** Starts as many as there is room for. @returns whether more are left */
async function startAnother(control: Control): Promise<'more' | 'none'> {
  const { memory } = control;
  const { crowds } = memory;
  const seen = new Set<string>();
  for (const run of (await runsOf(control, { statuses: ['queued'] })).slice(0, MOST_TRIED)) {
    const source = needsLease(kindOf(run)) ? `${run.tenant}/${run.source}` : run.runId;
    if (seen.has(source) || !isUnlaunched(run)) continue;
    seen.add(source);
    if ((await dispatch(control, run)).type === 'busy') return 'more';
  }
  if (memory.crowds === crowds) memory.crowds = 0;
  return 'none';
}

/** Brings a run forward that was accepted before, by this process or by one that was killed. @returns its newest record */
export async function resume(control: Control, run: RunRecord): Promise<RunRecord> {
  if (!isUnlaunched(run) || hasEnded(run)) return run;
  if (needsLease(kindOf(run))) await startNext(control, run.tenant, run.source);
  else await dispatch(control, run);
  return (await control.store.get(run.runId)) ?? run;
}
