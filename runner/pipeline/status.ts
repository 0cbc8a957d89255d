import type { RunStatus } from '../core/contracts/run-store.ts';
import type { Problem } from '../core/errors.ts';

/** How a run that met this problem ended. */
export function statusOf({ code }: Problem): Exclude<RunStatus, 'running'> {
  if (code === 'INTERRUPTED') return 'interrupted';
  return code.startsWith('BRAKE_') || code.startsWith('LEASE_') ? 'refused' : 'failed';
}
