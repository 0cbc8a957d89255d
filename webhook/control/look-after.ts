/** Runs that somebody should have brought forward by now: launched and never begun, or begun and left. */
import type { Lease, RunRecord } from '../../runner/core/contracts/run-store.ts';
import { type Problem, TributaryError } from '../../runner/core/errors.ts';
import { lastAttempt } from './attempts.ts';
import type { Control } from './context.ts';
import { type Dispatched, dispatch, endQueued } from './dispatch.ts';
import { finishUp } from './ended.ts';
import { keys } from './keys.ts';
import { kindOf, needsLease } from './kinds.ts';
import { newMark } from './mark.ts';
import { launchRequest } from './target.ts';

/** A launched run that its runner has not taken. @returns what came of launching it again; `null`: that was not needed */
export async function lookAfterLaunched(control: Control, run: RunRecord): Promise<Dispatched | null> {
  const { launcher, settings, now } = control;
  if (run.execution === null) return null;
  const { state, problem } = await launcher.status(run.execution);
  if (state === 'gone') return relaunch(control, run);
  if (state !== 'starting' && state !== 'running') {
    await giveUp(control, run, problem ?? notBegun(control, run, 'its execution ended before its runner began'));
    return null;
  }
  const since = (await lastAttempt(control, run.runId)) ?? Date.parse(run.createdAt);
  if (now().getTime() <= since + settings.startWithinMs) {
    if (needsLease(kindOf(run))) await keepSource(control, run);
    return null;
  }
  await giveUp(
    control,
    run,
    notBegun(control, run, `its runner had not begun ${settings.startWithinMs / 60_000} min later`),
  );
  await launcher.cancel(run.execution);
  return null;
}

/** Whoever launched it was killed before the name of its execution was written down. */
export async function findExecution(control: Control, run: RunRecord): Promise<RunRecord> {
  if (run.execution !== null || run.order === null) return run;
  const execution = await control.launcher.find(await launchRequest(control, run));
  if (execution === null) return run;
  await control.store.launched(run.runId, execution);
  return { ...run, execution };
}

/**
 * A run that says `running` and is carried out by nobody. One that moves rows is not declared failed: whether it has
 * committed only the warehouse knows, and the next run of the source asks it.
 *
 * @returns whether that is news
 */
export async function lookAfterRunning(control: Control, run: RunRecord): Promise<boolean> {
  const { store, launcher, now, observe } = control;
  const { runId, tenant, source, execution } = run;
  const leased = needsLease(kindOf(run));
  if (leased && (await store.holder(tenant, source))?.runId === runId) return false;
  if (execution !== null) {
    const { state } = await launcher.status(execution);
    if (state === 'starting' || state === 'running') return false;
  }
  // What it reported before it ended has arrived by now.
  if ((await store.get(runId))?.status !== 'running') return false;
  const { problem } = new TributaryError('RUN_ABANDONED');
  if (leased) {
    const at = now();
    const text = 'Its runner is gone; the next run of the source finds out whether it committed.';
    const event = { runId, at: at.toISOString(), type: 'warning' as const, data: { text, code: problem.code } };
    await store.append(event, 'abandoned');
    const mine = newMark(at);
    if ((await store.deduplicate(keys.abandoned(runId), mine)) !== mine) return false;
  } else {
    if (!(await store.finish(runId, 'failed', run.summary, problem))) return false;
    await finishLatest(control, runId);
  }
  observe({ type: 'abandoned', runId, tenant, source });
  return true;
}

/** The reservation lasts while the execution is starting. */
async function keepSource({ store, settings }: Control, run: RunRecord): Promise<void> {
  const { runId, tenant, source } = run;
  const held = await store.holder(tenant, source);
  if (held === null) {
    await ignoringRunner(() => store.claim({ runId, tenant, source, ttlMs: settings.pickupMs, reserve: true }));
  } else if (held.runId === runId) {
    await ignoringRunner(() => store.renew(held, settings.pickupMs));
  }
}

/** The runner was faster, or another run was. */
async function ignoringRunner(work: () => Promise<Lease>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!TributaryError.is(error) || !['LEASE_HELD', 'LEASE_LOST', 'USAGE'].includes(error.problem.code)) throw error;
  }
}

async function relaunch(control: Control, run: RunRecord): Promise<Dispatched> {
  const held = await control.store.holder(run.tenant, run.source);
  if (held?.runId === run.runId) await control.store.release(held);
  return dispatch(control, run);
}

async function giveUp(control: Control, run: RunRecord, problem: Problem): Promise<void> {
  if (await endQueued(control, run, problem)) await finishLatest(control, run.runId);
}

async function finishLatest(control: Control, runId: string): Promise<void> {
  const latest = await control.store.get(runId);
  if (latest !== null) await finishUp(control, latest);
}

function notBegun({ launcher }: Control, { runId }: RunRecord, reason: string): Problem {
  return new TributaryError('LAUNCH_FAILED', { launcher: launcher.kind, run: runId, reason }).problem;
}
