/** When a call that failed is made again, as Cloud Scheduler does it. Pure. */

export interface RetryPolicy {
  readonly deadlineSeconds: number;
  readonly retries: number;
  readonly minBackoffSeconds: number;
  readonly maxBackoffSeconds: number;
  readonly maxDoublings: number;
}

/** What components/sizing.ts gives every schedule; a test holds the two together. */
export const RETRY: RetryPolicy = {
  deadlineSeconds: 60,
  retries: 3,
  minBackoffSeconds: 10,
  maxBackoffSeconds: 60,
  maxDoublings: 3,
};

/**
 * Doubles `maxDoublings` times, grows linearly after that, and never passes the maximum.
 *
 * @param retry 1 for the first one
 * @example with 10 s, 300 s and 3 doublings: 10, 20, 40, 80, 160, 240, 300, 300, …
 */
export function backoffSeconds(
  { minBackoffSeconds, maxBackoffSeconds, maxDoublings }: Omit<RetryPolicy, 'deadlineSeconds' | 'retries'>,
  retry: number,
): number {
  const step = minBackoffSeconds * 2 ** Math.min(retry - 1, maxDoublings);
  const linear = Math.max(retry - 1 - maxDoublings, 0) * step;
  return Math.min(step + linear, maxBackoffSeconds);
}
