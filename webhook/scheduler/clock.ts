/** Time, as a port: a test compresses a year into a moment. */
import { setTimeout as timeout } from 'node:timers/promises';

export interface Clock {
  now(): Date;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Node's timers take no more than this. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) =>
    timeout(Math.min(Math.max(ms, 0), LONGEST_MS), undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    }),
};
