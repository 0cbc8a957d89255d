/** Telling the notifiers: at least once, each notice under one id. The store's mark `announced` is the outbox. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Notice, Notifier } from '../../runner/core/contracts/notice.ts';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { problemOf, TributaryError } from '../../runner/core/errors.ts';
import type { Control } from './context.ts';
import { keys } from './keys.ts';
import { isTold, kindOf, needsLease } from './kinds.ts';
import { endNotices, missedNotice, startNotices } from './notice.ts';

/**
 * Tells of the ends of these runs.
 *
 * @param time `again`: some of the notifiers may have been told before
 * @returns the runs of which everybody knows now
 */
export async function announce(
  control: Control,
  runs: readonly RunRecord[],
  time: 'first' | 'again',
): Promise<readonly string[]> {
  const { store, notifiers } = control;
  const told = await Promise.all(runs.map(async (run) => ({ run, notices: await noticesOf(control, run) })));
  const missing = new Set<string>();
  const delivered = await Promise.all(
    notifiers.map(async (notifier) => {
      const due: Notice[] = [];
      for (const notice of told.flatMap(({ notices }) => notices)) {
        const asks = time === 'again' || notice.type === 'schedule.missed';
        const known = asks && (await store.tick(keys.told(notice.id, notifier.name))) !== null;
        if (!known) due.push(notice);
      }
      if (due.length === 0 || (await deliver(control, notifier, due))) return { notifier, due };
      for (const { runId } of due) missing.add(runId ?? '');
      return { notifier, due: [] };
    }),
  );
  // Who was told is only written down where somebody else was not.
  for (const { notifier, due } of delivered)
    for (const { id, runId } of due)
      if (missing.has(runId ?? '')) await store.deduplicate(keys.told(id, notifier.name), 'told');
  const done = runs.filter(({ runId }) => !missing.has(runId));
  await Promise.all(done.map(({ runId }) => store.announced(runId)));
  return done.map(({ runId }) => runId);
}

/** Tells of a begin, where that is possible now; nobody comes back to it. */
export async function tellStart(control: Control, run: RunRecord): Promise<void> {
  const notices = startNotices(run, { link: control.link(run.runId), publishes: false });
  if (notices.length > 0) await Promise.all(control.notifiers.map((notifier) => deliver(control, notifier, notices)));
}

/** Tells at once that a schedule did not call; where a notifier is not reached, it hears of it with the end of the run. */
export async function tellMissed(control: Control, run: RunRecord, tick: string): Promise<void> {
  const notice = missedNotice(run, tick, control.link(run.runId));
  for (const notifier of control.notifiers)
    if (await deliver(control, notifier, [notice]))
      await control.store.deduplicate(keys.told(notice.id, notifier.name), 'told');
}

async function noticesOf(control: Control, run: RunRecord): Promise<readonly Notice[]> {
  if (control.notifiers.length === 0 || !isTold(kindOf(run))) return [];
  const age = control.now().getTime() - Date.parse(run.endedAt ?? run.createdAt);
  if (age > control.settings.announceWithinMs) return [];
  const link = control.link(run.runId);
  const notices = endNotices(run, { link, publishes: await publishes(control, run) });
  const { trigger, tick } = run.order ?? {};
  if (trigger !== 'catch-up' || typeof tick !== 'string') return notices;
  const missed = missedNotice(run, tick, link);
  const known = await Promise.all(control.notifiers.map(({ name }) => control.store.tick(keys.told(missed.id, name))));
  return known.includes(null) ? [missed, ...notices] : notices;
}

async function publishes({ openTenant }: Control, run: RunRecord): Promise<boolean> {
  if (run.status !== 'succeeded' || !needsLease(kindOf(run))) return false;
  const sources = (await openTenant(run.tenant))?.file.tenant?.sources ?? {};
  return Object.hasOwn(sources, run.source) && sources[run.source]?.after.publish === true;
}

async function deliver(control: Control, notifier: Notifier, notices: readonly Notice[]): Promise<boolean> {
  const { observe, settings } = control;
  const patience = new AbortController();
  const tooLong = async () => {
    await sleep(settings.announceMs, undefined, { signal: patience.signal, ref: false });
    throw new TributaryError('NOTICE_FAILED', { notifier: notifier.name, reason: 'it takes too long' });
  };
  try {
    await Promise.race([notifier.send(notices), tooLong()]);
    return true;
  } catch (error) {
    observe({ type: 'untold', notifier: notifier.name, problem: problemOf(error) });
    return false;
  } finally {
    patience.abort();
  }
}
