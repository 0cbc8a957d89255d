/** What time or a killed process left open. Two sweeps at once do no harm: every step asks the store first. */
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { problemOf } from '../../runner/core/errors.ts';
import { announce } from './announce.ts';
import { cancelStubborn } from './cancel.ts';
import type { Control } from './context.ts';
import type { SweepReport } from './contract.ts';
import { type Dispatched, dispatch } from './dispatch.ts';
import { isUnlaunched, kindOf, needsLease } from './kinds.ts';
import { findExecution, lookAfterLaunched, lookAfterRunning } from './look-after.ts';
import { beginning, catchUp, dueOf } from './missed.ts';
import { startNext } from './next.ts';
import { runsOf } from './queue.ts';

/** Pieces of work at once. */
const WIDTH = 8;
/** Ends in one message to a notifier. */
const TOLD_AT_ONCE = 100;

export async function sweep(control: Control): Promise<SweepReport> {
  const { clock, settings, now } = control;
  const end = clock.now() + settings.sweepMs;
  const each = <T>(during: string, items: readonly T[], work: (item: T) => Promise<void>) =>
    inParallel(control, during, items, work, () => clock.now() >= end);
  const launched: string[] = [];
  const caughtUp: string[] = [];
  const abandoned: string[] = [];
  let announced = 0;

  const running: RunRecord[] = [];
  await each('running', await runsOf(control, { statuses: ['running'] }), async (run) => {
    running.push(await findExecution(control, run));
  });
  await each('cancel', [running], (runs) => cancelStubborn(control, runs));
  await each('running', running, async (run) => {
    if (await lookAfterRunning(control, run)) abandoned.push(run.runId);
  });

  let room = true;
  await each('queue', grouped(await runsOf(control, { statuses: ['queued'] })), async (runs) => {
    const tried = await bringForward(control, runs, room);
    if (tried.some(({ dispatched }) => dispatched.type === 'busy')) room = false;
    for (const { runId, dispatched } of tried) if (dispatched.type === 'launched') launched.push(runId);
  });

  const names: string[] = [];
  const since = await beginning(control);
  await each('missed', [names], async (found) => void found.push(...(await control.tenants.list())));
  await each('missed', names, async (name) => {
    for (const due of await dueOf(control, name, since)) {
      const runId = await catchUp(control, due);
      if (runId !== null) caughtUp.push(runId);
    }
  });

  const before = new Date(now().getTime() - settings.announceAfterMs).toISOString();
  const untold = (await runsOf(control, { unannounced: true })).filter(({ endedAt }) => (endedAt ?? '') < before);
  for (let at = 0; at < untold.length; at += TOLD_AT_ONCE)
    await each('announce', [untold.slice(at, at + TOLD_AT_ONCE)], async (runs) => {
      announced += (await announce(control, runs, 'again')).length;
    });
  return { launched, caughtUp, abandoned, announced };
}

/** The queued runs of a source are one piece of work, oldest first; one that needs no lease is a piece of its own. */
function grouped(queued: readonly RunRecord[]): readonly (readonly RunRecord[])[] {
  const groups = new Map<string, RunRecord[]>();
  for (const run of queued) {
    const key = needsLease(kindOf(run)) ? `${run.tenant}/${run.source}` : run.runId;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()];
}

async function bringForward(
  control: Control,
  runs: readonly RunRecord[],
  room: boolean,
): Promise<readonly { readonly runId: string; readonly dispatched: Dispatched }[]> {
  const tried: { runId: string; dispatched: Dispatched }[] = [];
  for (const run of runs) {
    const dispatched = isUnlaunched(run) ? null : await lookAfterLaunched(control, run);
    if (dispatched !== null) tried.push({ runId: run.runId, dispatched });
  }
  const [first] = runs;
  if (first === undefined || !isUnlaunched(first) || !room) return tried;
  if (needsLease(kindOf(first))) return [...tried, ...(await startNext(control, first.tenant, first.source))];
  return [...tried, { runId: first.runId, dispatched: await dispatch(control, first) }];
}

/** What fails is told and left to the next sweep; what is not begun in time as well. */
async function inParallel<T>(
  control: Control,
  during: string,
  items: readonly T[],
  work: (item: T) => Promise<void>,
  isLate: () => boolean,
): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) {
      if (isLate()) return;
      await work(item).catch((error) =>
        control.observe({ type: 'trouble', during: `sweep: ${during}`, problem: problemOf(error) }),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(WIDTH, items.length) }, worker));
}
