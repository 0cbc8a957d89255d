/**
 * Calls at the ticks of many schedules, as Cloud Scheduler does: by the wall clock of a time zone, at least once, one call of a
 * schedule at a time, with its retries; what passed while the process was down is not made up for (the sweep does that).
 *
 * In a change of the clocks a time that does not exist is called at the end of the gap, and a fixed time that comes twice at the first;
 * a schedule with `*` in its hours keeps its rhythm. Cloud Scheduler only says that "anomalies" may be seen then, and advises UTC.
 */
import { nextTick } from '../../tenants/cron.ts';
import { type Clock, systemClock } from './clock.ts';
import { backoffSeconds, RETRY, type RetryPolicy } from './retry.ts';

export interface ScheduledJob {
  /** Tells jobs apart. @example "acme/orders" */
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly paused: boolean;
}

/** A moment of a schedule. */
export interface Firing<J extends ScheduledJob = ScheduledJob> {
  readonly job: J;
  /** The moment the schedule meant, not when the call is made. */
  readonly at: Date;
  /** 1, and more for retries. */
  readonly attempt: number;
}

/** What a scheduler did, for logs. */
export type Happening<J extends ScheduledJob = ScheduledJob> =
  | { readonly type: 'fired'; readonly firing: Firing<J> }
  | { readonly type: 'failed'; readonly firing: Firing<J>; readonly error: unknown; readonly last: boolean }
  | { readonly type: 'unread'; readonly error: unknown };

export interface SchedulerOptions<J extends ScheduledJob> {
  /** The jobs as they are now; asked again and again. Where it throws, those known go on. */
  readonly jobs: () => Promise<readonly J[]>;
  /** Makes the call. What it throws is a failure, and the call is made again. */
  readonly fire: (firing: Firing<J>, signal: AbortSignal) => Promise<void>;
  readonly clock?: Clock;
  readonly retry?: RetryPolicy;
  /** How often the jobs are asked for; default 2 s. */
  readonly reloadMs?: number;
  readonly onHappening?: (happening: Happening<J>) => void;
}

export interface Scheduler<J extends ScheduledJob = ScheduledJob> extends AsyncDisposable {
  /** Resolves when the jobs were read for the first time. */
  readonly ready: Promise<void>;
  /** What comes next, the soonest first; without paused jobs and those that never fire again. */
  upcoming(): readonly { readonly job: J; readonly at: Date }[];
}

interface Entry<J> {
  job: J;
  /** The first tick that was not called yet. */
  next: Date | null;
  execution: Promise<void> | null;
}

/** Begins at once; disposing it stops the calls that are under way. */
export function startScheduler<J extends ScheduledJob>(options: SchedulerOptions<J>): Scheduler<J> {
  const { jobs, fire, clock = systemClock, retry = RETRY, reloadMs = 2000, onHappening = () => {} } = options;
  const entries = new Map<string, Entry<J>>();
  const executions = new Set<Promise<void>>();
  const stop = new AbortController();
  let nap = new AbortController();
  const ready = Promise.withResolvers<void>();

  async function reload(): Promise<void> {
    let found: readonly J[];
    try {
      found = await jobs();
    } catch (error) {
      onHappening({ type: 'unread', error });
      return;
    }
    const now = clock.now();
    const names = new Set(found.map(({ name }) => name));
    for (const name of entries.keys()) if (!names.has(name)) entries.delete(name);
    for (const job of found) {
      const entry = entries.get(job.name);
      if (entry === undefined) entries.set(job.name, { job, next: tickAfter(job, now), execution: null });
      else {
        // A schedule that was changed or resumed begins now, like one that was just made.
        if (!sameSchedule(entry.job, job)) entry.next = tickAfter(job, now);
        entry.job = job;
      }
    }
  }

  function begin(entry: Entry<J>, now: Date): void {
    const { job, next } = entry;
    if (next === null || next > now || entry.execution !== null) return;
    const at = newestTick(job, next, now);
    entry.next = tickAfter(job, at);
    const execution = execute(entry, at).finally(() => {
      entry.execution = null;
      executions.delete(execution);
      nap.abort();
    });
    entry.execution = execution;
    executions.add(execution);
  }

  /** One call with its retries, which end where the next tick begins. */
  async function execute(entry: Entry<J>, at: Date): Promise<void> {
    const { job } = entry;
    for (let attempt = 1; !stop.signal.aborted; attempt++) {
      const firing = { job, at, attempt };
      try {
        await withDeadline(firing);
        onHappening({ type: 'fired', firing });
        return;
      } catch (error) {
        if (stop.signal.aborted) return;
        const wait = backoffSeconds(retry, attempt) * 1000;
        const again = clock.now().getTime() + wait;
        const last = attempt > retry.retries || (entry.next !== null && again >= entry.next.getTime());
        onHappening({ type: 'failed', firing, error, last });
        if (last) return;
        await clock.sleep(wait, stop.signal);
      }
    }
  }

  async function withDeadline(firing: Firing<J>): Promise<void> {
    const deadline = new AbortController();
    const signal = AbortSignal.any([stop.signal, deadline.signal]);
    const over = new AbortController();
    const late = clock.sleep(retry.deadlineSeconds * 1000, AbortSignal.any([over.signal, stop.signal])).then(() => {
      if (over.signal.aborted) return;
      const error = new Error(stop.signal.aborted ? 'stopped' : `no answer within ${retry.deadlineSeconds} s`);
      deadline.abort(error);
      throw error;
    });
    late.catch(() => {});
    try {
      await Promise.race([fire(firing, signal), late]);
    } finally {
      over.abort();
    }
  }

  async function loop(): Promise<void> {
    let reloadAt = Number.NEGATIVE_INFINITY;
    let before = clock.now().getTime();
    while (!stop.signal.aborted) {
      nap = new AbortController();
      // A clock that was set back must not stop the reading of the jobs.
      if (clock.now().getTime() >= reloadAt || clock.now().getTime() < before) {
        await reload();
        reloadAt = clock.now().getTime() + reloadMs;
        ready.resolve();
      }
      const now = clock.now();
      before = now.getTime();
      for (const entry of entries.values()) begin(entry, now);
      const idle = [...entries.values()].filter(({ execution }) => execution === null);
      const wake = Math.min(reloadAt, ...idle.flatMap(({ next }) => (next === null ? [] : [next.getTime()])));
      await clock.sleep(wake - clock.now().getTime(), AbortSignal.any([stop.signal, nap.signal]));
    }
  }

  const looping = loop();
  looping.catch(ready.reject);
  return {
    ready: ready.promise,
    upcoming: () =>
      [...entries.values()]
        .flatMap(({ job, next }) => (next === null ? [] : [{ job, at: next }]))
        .sort((a, b) => a.at.getTime() - b.at.getTime()),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await looping;
      await Promise.all(executions);
    },
  };
}

function tickAfter(job: ScheduledJob, after: Date): Date | null {
  return job.paused ? null : nextTick(job, after);
}

/** Of ticks that passed unseen (a machine that slept, an execution that took long) only the newest is called. */
function newestTick(job: ScheduledJob, first: Date, now: Date): Date {
  let newest = first;
  for (let next = tickAfter(job, newest); next !== null && next <= now; next = tickAfter(job, newest)) newest = next;
  return newest;
}

function sameSchedule(a: ScheduledJob, b: ScheduledJob): boolean {
  return a.cron === b.cron && a.timeZone === b.timeZone && a.paused === b.paused;
}
