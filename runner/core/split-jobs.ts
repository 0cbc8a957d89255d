/** Jobs of a platform that carry out splits: which work one is of, and how it is watched to its end. */
import type { SplitJob, SplitProgress } from './contracts/splits.ts';
import { problemOf, TributaryError } from './errors.ts';
import { type Budget, type Clock, DEFAULT_BUDGET, startRetry, systemClock } from './retry.ts';

/** How a job is at the moment. */
export interface SeenJob {
  readonly progress: Omit<SplitProgress, 'warning'>;
  /** All that it has warned of so far; each is told once. */
  readonly warnings: readonly string[];
  /** `null`: it goes on. */
  readonly end: 'done' | TributaryError | null;
  /** It goes on in vain: it is cancelled, and this is why. */
  readonly doom?: TributaryError | null;
  /** When the platform took it; milliseconds since 1970. */
  readonly beganAt: number;
  /** What it has cost so far, about; `null`: nobody counts. */
  readonly usd: number | null;
}

export interface WatchedJob {
  readonly platform: string;
  readonly job: string;
  /** `null`: the platform knows nothing of it. @throws what cannot be asked, as an entry of the catalogue */
  look(): Promise<SeenJob | null>;
  /** Asks it to end; where it has ended, nothing happens. */
  cancel(): Promise<void>;
}

export interface WatchSettings {
  /** Between two looks, at first and at most. @default 2000, 15000 */
  readonly pollMs?: readonly [number, number];
  /** How long a cancelled job may take to end. @default 300000 */
  readonly cancelWithinMs?: number;
  /** A job that takes longer is cancelled. @default 21600, six hours */
  readonly maxSeconds?: number;
  /** A job that has cost more is cancelled; absent: whatever it costs. */
  readonly maxUsd?: number;
  readonly budget?: Budget;
  readonly clock?: Clock;
}

/** A job may be unknown for a moment after it was taken. */
const MISSED = 3;
const SIX_HOURS = 21_600;
const WORK = /\/(\d{1,15})\/splits\/work\.json$/;

/** The fencing token of the process that laid a work down; `null`: the address does not say. */
export function workToken(address: string): number | null {
  const found = WORK.exec(address)?.[1];
  return found === undefined ? null : Number(found);
}

/** Of the process that laid the work of this job down: it may have been an earlier one. */
export function tokenOf({ work, run }: SplitJob): number {
  return workToken(work) ?? run.fencingToken;
}

/**
 * Resolves once the job is done.
 *
 * @throws what ended it; what it was aborted with, once the platform was asked to cancel it; SPLIT_JOB_GONE,
 *   SPLIT_JOB_TIMED_OUT, SPLIT_JOB_COST
 */
export async function watchJob(
  watched: WatchedJob,
  watch: { readonly signal: AbortSignal; readonly onProgress: (progress: SplitProgress) => void },
  settings: WatchSettings = {},
): Promise<void> {
  try {
    await follow(watched, watch, settings);
  } catch (error) {
    if (!watch.signal.aborted) throw error;
    await endJob(watched, settings).catch(() => undefined);
    throw watch.signal.reason;
  }
}

/**
 * Asks a job to end until it has.
 *
 * @throws LAUNCHER_UNREACHABLE where it goes on
 */
export async function endJob(watched: WatchedJob, settings: WatchSettings = {}): Promise<void> {
  const { clock = systemClock, cancelWithinMs = 300_000, pollMs: [waitMs] = [2000] } = settings;
  const until = clock.now() + cancelWithinMs;
  let failed: unknown = null;
  for (;;) {
    try {
      const seen = await watched.look();
      if (seen === null || seen.end !== null) return;
      if (seen.progress.state !== 'cancelling') await watched.cancel();
    } catch (error) {
      if (!problemOf(error).retryable) throw error;
      failed = error;
    }
    if (clock.now() >= until) break;
    await clock.sleep(waitMs);
  }
  const facts = { launcher: watched.platform, execution: watched.job, reason: 'it was cancelled and does not end' };
  throw new TributaryError('LAUNCHER_UNREACHABLE', facts, { cause: failed });
}

async function follow(
  watched: WatchedJob,
  { signal, onProgress }: Parameters<typeof watchJob>[1],
  settings: WatchSettings,
): Promise<void> {
  const { clock = systemClock, pollMs: [firstMs, longestMs] = [2000, 15_000], budget = DEFAULT_BUDGET } = settings;
  const isTransient = (error: unknown) => problemOf(error).retryable;
  const patience = startRetry({ budget, clock, isTransient, givenUp: (error) => error });
  const told = new Set<string>();
  let last = '';
  let missed = 0;
  let waitMs = firstMs;
  for (;;) {
    signal.throwIfAborted();
    let seen: SeenJob | null;
    try {
      seen = await watched.look();
      patience.forward();
    } catch (error) {
      await patience.after(error, signal);
      continue;
    }
    signal.throwIfAborted();
    missed = seen === null ? missed + 1 : 0;
    if (missed >= MISSED) throw new TributaryError('SPLIT_JOB_GONE', { platform: watched.platform, job: watched.job });
    if (seen !== null) {
      for (const warning of seen.warnings) {
        if (!told.has(warning)) onProgress({ ...seen.progress, warning });
        told.add(warning);
      }
      const now = JSON.stringify(seen.progress);
      if (now !== last) onProgress(seen.progress);
      // What moves is looked at more often than what waits.
      waitMs = now === last ? Math.min(longestMs, waitMs * 1.5) : firstMs;
      last = now;
      if (seen.end === 'done') return;
      if (seen.end !== null) throw seen.end;
      const exceeded = seen.doom ?? limitOf(watched, seen, settings);
      if (exceeded !== null) {
        await endJob(watched, settings).catch(() => undefined);
        throw exceeded;
      }
    }
    await clock.sleep(waitMs * (0.75 + clock.random() / 2), signal);
  }
}

function limitOf({ platform, job }: WatchedJob, seen: SeenJob, settings: WatchSettings): TributaryError | null {
  const { maxSeconds = SIX_HOURS, maxUsd } = settings;
  const seconds = (Date.now() - seen.beganAt) / 1000;
  if (seconds > maxSeconds) {
    return new TributaryError('SPLIT_JOB_TIMED_OUT', { platform, job, seconds: Math.round(seconds) });
  }
  if (maxUsd === undefined || seen.usd === null || seen.usd <= maxUsd) return null;
  return new TributaryError('SPLIT_JOB_COST', { platform, job, usd: seen.usd.toFixed(2), limit: maxUsd });
}
