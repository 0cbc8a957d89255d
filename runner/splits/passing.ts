import type { Problem } from '../core/errors.ts';

/** Whether the same split may succeed when it is tried again; a run that begins anew may do more. */
export function isPassing({ code, retryable }: Problem): boolean {
  return retryable && code !== 'SPLIT_LOST' && code !== 'STAGING_DISK_FULL';
}
