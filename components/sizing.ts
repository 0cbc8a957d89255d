/** How big things are: the one table of defaults. A changed default changes every tenant, so a test holds a snapshot. */

export const SIZES = {
  /** The job of a tenant: what a million rows of any width need, measured in docs/benchmarks.md. */
  job: { cpu: '4', memory: '8Gi', maxRetries: 1, timeoutSeconds: 14_400 },
  /** The webhook answers fast and starts runs; it never moves rows. */
  webhook: {
    ...{ cpu: '1', memory: '512Mi', timeoutSeconds: 60, concurrency: 40, minInstances: 0, maxInstances: 5 },
    /** 152 MB of the memory under 200 requests a second, and no more after a minute; without it 343 MB and growing. */
    nodeOptions: '--max-old-space-size=256 --max-semi-space-size=4',
  },
  /** A schedule's call: bounded, and shorter than the five minutes to the next tick. */
  schedule: { deadlineSeconds: 60, retries: 3, minBackoffSeconds: 10, maxBackoffSeconds: 60, maxDoublings: 3 },
  /** What a killed webhook left open is found within a minute; the next call comes anyway. */
  sweep: { cron: '* * * * *', deadlineSeconds: 60, retries: 0 },
  /** What is left behind by a killed run goes by itself. */
  staging: { tableDays: 3, objectDays: 7 },
  secret: { versionDestroyDays: 7 },
  state: { softDeleteDays: 30, noncurrentDays: 90, newerVersions: 20 },
  event: { retentionDays: 7 },
  dataset: { timeTravelHours: 168 },
  key: { rotationDays: 90, destroyDays: 30 },
  alert: { windowSeconds: 300, autoCloseDays: 1 },
} as const;

const DAY = 86_400;

/** Seconds as the cloud's APIs write them. @example seconds(60) // '60s' */
export function seconds(amount: number): string {
  return `${amount}s`;
}

/** @example days(7) // '604800s' */
export function days(amount: number): string {
  return seconds(amount * DAY);
}

/** @example daysInMilliseconds(3) // 259200000 */
export function daysInMilliseconds(amount: number): number {
  return amount * DAY * 1000;
}
