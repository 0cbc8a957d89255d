/** Trying again: exponential backoff with full jitter, within a budget of attempts and of seconds. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Time and chance, so that tests have their own. */
export interface Clock {
  /** Milliseconds that only grow; no time of day. */
  now(): number;
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** 0 to 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  },
  random: Math.random,
};

export interface Budget {
  /** In a row: an answer that brings the work forward begins anew. */
  readonly attempts: number;
  /** Counted from the first failure of a row: a long job uses none of it. */
  readonly seconds: number;
  /** Longest wait before the second attempt; it doubles with each. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Outages of Google Cloud that people report end within minutes; a quota of a table is counted over ten seconds. */
export const DEFAULT_BUDGET: Budget = { attempts: 12, seconds: 300, firstMs: 500, longestMs: 30_000 };

/**
 * The usual budget, or one of so many seconds where TRIBUTARY_RETRY_SECONDS says so.
 *
 * @throws RangeError where that is no number of seconds
 */
export function budgetOf(environment: Readonly<Record<string, string | undefined>> = process.env): Budget {
  const said = environment.TRIBUTARY_RETRY_SECONDS;
  if (said === undefined || said === '') return DEFAULT_BUDGET;
  const seconds = Number(said);
  if (!Number.isFinite(seconds) || seconds < 0) throw new RangeError(`TRIBUTARY_RETRY_SECONDS is no number: ${said}`);
  return { ...DEFAULT_BUDGET, seconds };
}

/** What was tried before it was given up. */
export interface Tried {
  readonly attempts: number;
  readonly seconds: number;
}

export interface RetryOptions {
  readonly budget: Budget;
  readonly clock?: Clock;
  /** Whether the failure may pass by itself. */
  readonly isTransient: (error: unknown) => boolean;
  /** What is thrown in the end, made of the last failure. */
  readonly givenUp: (error: unknown, tried: Tried) => unknown;
}

/** Counts the failures of one piece of work and waits between them. */
export interface Retry {
  /**
   * Waits before the next attempt, or throws where the failure is not transient or the budget is used up.
   *
   * @throws what `givenUp` makes of the failure; what `signal` was aborted with
   */
  after(error: unknown, signal?: AbortSignal): Promise<void>;
  /** Something was reached: what failed before no longer counts. */
  forward(): void;
}

export function startRetry({ budget, clock = systemClock, isTransient, givenUp }: RetryOptions): Retry {
  let failures = 0;
  let since = clock.now();
  return {
    async after(error, signal) {
      signal?.throwIfAborted();
      if (failures === 0) since = clock.now();
      failures += 1;
      const waitMs = clock.random() * Math.min(budget.longestMs, budget.firstMs * 2 ** (failures - 1));
      const spentMs = clock.now() - since;
      const last = failures >= budget.attempts || spentMs + waitMs > budget.seconds * 1000;
      if (last || !isTransient(error))
        throw givenUp(error, { attempts: failures, seconds: Math.round(spentMs / 1000) });
      await clock.sleep(waitMs, signal).catch((failed: unknown) => {
        signal?.throwIfAborted();
        throw failed;
      });
    },
    forward() {
      failures = 0;
    },
  };
}

/** Does it again while it fails for a time. For what may be done twice. */
export async function repeatedly<T>(work: () => Promise<T>, retry: Retry, signal?: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await retry.after(error, signal);
    }
  }
}
