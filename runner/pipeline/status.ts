import type { EndedStatus } from '../core/contracts/run-store.ts';
import type { Problem } from '../core/errors.ts';

/** How a run that met this problem ended. */
export function statusOf({ code }: Problem): EndedStatus {
  if (code === 'INTERRUPTED' || code === 'RUN_CANCELLED') return 'interrupted';
  return code.startsWith('BRAKE_') || code.startsWith('LEASE_') ? 'refused' : 'failed';
}
