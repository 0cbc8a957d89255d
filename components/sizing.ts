/** How big things are: the one table of defaults. A changed default changes every tenant, so a test holds a snapshot. */

export const SIZES = {
  /** The job of a tenant: what a million rows of any width need, measured in docs/benchmarks.md. */
  job: { cpu: '4', memory: '8Gi', maxRetries: 1, timeoutSeconds: 14_400 },
  /** The webhook answers fast and starts runs; it never moves rows. */
  webhook: { cpu: '1', memory: '512Mi', timeoutSeconds: 60, concurrency: 40, minInstances: 0, maxInstances: 5 },
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

/** What decides where a run may be executed. */
export interface Execution {
  readonly mode: 'auto' | 'cloud_run' | 'dataflow';
  /** Kind of the connection that is read. */
  readonly kind: string;
}

/** Kinds of which BigQuery reads the data itself, in parallel; there is nothing to distribute. */
const NEVER_DISTRIBUTED = new Set(['bigquery', 'gcs']);

/** Whether a source can go to Dataflow: then the template, its account and its grants must exist. */
export function mayExceed({ mode, kind }: Execution): boolean {
  return mode !== 'cloud_run' && !NEVER_DISTRIBUTED.has(kind);
}
