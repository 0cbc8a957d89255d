/** A queued run → reserve its source → launch → record. Whoever is killed in between, the next one goes on from there. */
import type { Launcher, LaunchRequest } from '../../runner/core/contracts/launcher.ts';
import type { Lease, RunRecord } from '../../runner/core/contracts/run-store.ts';
import { type Problem, problemOf, TributaryError } from '../../runner/core/errors.ts';
import { type Budget, repeatedly, startRetry } from '../../runner/core/retry.ts';
import { giveBack, takeTurn } from './attempts.ts';
import type { Control } from './context.ts';
import { hasEnded, kindOf, needsLease } from './kinds.ts';
import { launchRequest } from './target.ts';

export type Dispatched =
  | { readonly type: 'launched' }
  /** Another run has the source. */
  | { readonly type: 'waiting'; readonly problem: Problem }
  /** Another process launches it, it was launched, or it is too early to try again. */
  | { readonly type: 'left' }
  /** The launcher has no room for anything. */
  | { readonly type: 'busy' }
  /** Failed for now; the sweep tries again. */
  | { readonly type: 'failed'; readonly problem: Problem }
  /** It has ended: refused for good, or tried too often. `null`: by somebody else. */
  | { readonly type: 'over'; readonly problem: Problem | null };

export async function dispatch(control: Control, run: RunRecord): Promise<Dispatched> {
  const reserved = needsLease(kindOf(run)) ? await reserve(control, run) : null;
  if (reserved !== null && 'type' in reserved) return reserved;
  const dispatched = await attempt(control, run, reserved).catch((error): Dispatched => failed(control, run, error));
  // Whoever comes next goes behind the runs that wait, so a source that is kept for none of them is free for the oldest.
  if (reserved !== null && dispatched.type !== 'launched') await control.store.release(reserved).catch(() => undefined);
  return dispatched;
}

/** Ends a run that no runner has taken. @returns whether this call ended it */
export async function endQueued(control: Control, run: RunRecord, problem: Problem): Promise<boolean> {
  const { store, observe } = control;
  const { runId, tenant, source } = run;
  const ended = await store.finish(runId, 'failed', {}, problem, 'queued');
  if (ended) observe({ type: 'ended', runId, tenant, source, kind: kindOf(run), status: 'failed', problem });
  return ended;
}

async function reserve({ store, settings }: Control, run: RunRecord): Promise<Lease | Dispatched> {
  const { runId, tenant, source } = run;
  try {
    return await store.claim({ tenant, source, runId, ttlMs: settings.reservationMs, reserve: true });
  } catch (error) {
    const problem = problemOf(error);
    if (problem.code !== 'LEASE_HELD' && problem.code !== 'USAGE') throw error;
    const latest = await store.get(runId);
    if (latest === null || latest.status !== 'queued') return { type: 'left' };
    if (problem.code === 'USAGE') throw error;
    return (await store.holder(tenant, source))?.runId === runId ? { type: 'left' } : { type: 'waiting', problem };
  }
}

async function attempt(control: Control, run: RunRecord, lease: Lease | null): Promise<Dispatched> {
  const { runId, tenant, source } = run;
  const { launcher, store, settings, observe, memory } = control;
  const turn = await takeTurn(control, runId);
  if (turn.type === 'later') return { type: 'left' };
  if (turn.type === 'spent') {
    const facts = { launcher: launcher.kind, run: runId, reason: `it was tried ${turn.attempts} times` };
    const { problem } = new TributaryError('LAUNCH_FAILED', facts);
    return { type: 'over', problem: (await endQueued(control, run, problem)) ? problem : null };
  }
  let execution: string;
  try {
    const request = await launchRequest(control, run);
    execution = await launchOnce(control, request, turn.attempt > 1);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.code === 'LAUNCHER_BUSY') {
      memory.crowds += 1;
      await giveBack(control, runId, turn.attempt);
      return { type: 'busy' };
    }
    if (problem.code !== 'LAUNCH_REFUSED') throw error;
    return { type: 'over', problem: (await endQueued(control, run, problem)) ? problem : null };
  }
  await store.launched(runId, execution);
  // A runner that is faster has taken the lease over.
  if (lease !== null) await store.renew(lease, settings.pickupMs).catch(() => undefined);
  const latest = await store.get(runId);
  if (latest !== null && hasEnded(latest)) await launcher.cancel(execution).catch(() => undefined);
  const waitedMs = control.now().getTime() - Date.parse(run.createdAt);
  observe({ type: 'launched', runId, tenant, source, attempt: turn.attempt, waitedMs });
  return { type: 'launched' };
}

/** A launch whose answer was lost did happen: from the second try on it is looked for first. */
async function launchOnce(control: Control, request: LaunchRequest, again: boolean): Promise<string> {
  const { launcher, clock, settings } = control;
  const budget: Budget = { attempts: 5, seconds: settings.launchMs / 1000, firstMs: 500, longestMs: 5000 };
  const isTransient = (error: unknown) => problemOf(error).code === 'LAUNCH_FAILED';
  const retry = startRetry({ budget, clock, isTransient, givenUp: (error) => error });
  const signal = AbortSignal.timeout(settings.launchMs);
  let tried = again;
  return repeatedly(
    async () => {
      const found = tried ? await findLaunched(launcher, request) : null;
      tried = true;
      return found ?? (await launcher.launch(request, signal));
    },
    retry,
    signal,
  );
}

async function findLaunched(launcher: Launcher, request: LaunchRequest): Promise<string | null> {
  const execution = await launcher.find(request);
  return execution === null || (await launcher.status(execution)).state === 'gone' ? null : execution;
}

function failed({ launcher, observe }: Control, { runId, tenant, source }: RunRecord, error: unknown): Dispatched {
  const reason = error instanceof Error ? error.message : String(error);
  const problem = TributaryError.is(error)
    ? error.problem
    : new TributaryError('LAUNCH_FAILED', { launcher: launcher.kind, run: runId, reason }).problem;
  observe({ type: 'launch-failed', runId, tenant, source, problem });
  return { type: 'failed', problem };
}
