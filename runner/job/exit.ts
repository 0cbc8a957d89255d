/** How processes end: of the command line and of the runner. */
import type { RunRecord } from '../core/contracts/run-store.ts';
import type { Problem } from '../core/errors.ts';

/** docs/cli.md has the table. */
export const EXIT = { done: 0, input: 1, failed: 2, quarantined: 3, refused: 4, interrupted: 130 } as const;

const INTERRUPTED = new Set(['INTERRUPTED', 'RUN_CANCELLED', 'STACK_INTERRUPTED']);

const INPUT = new Set([
  'TENANT_INVALID',
  'TENANT_NOT_FOUND',
  'SOURCE_NOT_FOUND',
  'CONNECTOR_MISSING',
  'RUN_NOT_FOUND',
  'WAREHOUSE_PROJECT_MISSING',
  'DESIGN_INVALID',
  'STACK_PLATFORM_MISSING',
  'PORT_IN_USE',
  'USAGE',
]);

/** A lock, an approval or a policy stands in the way; nothing was changed that cannot stay. */
const REFUSED = new Set(['STACK_LOCKED', 'STACK_BUSY', 'STACK_NEEDED', 'STACK_UNAPPROVED', 'STACK_POLICY']);

export function exitCode({ code }: Problem): number {
  if (INTERRUPTED.has(code)) return EXIT.interrupted;
  if (code.startsWith('BRAKE_') || code.startsWith('LEASE_') || REFUSED.has(code)) return EXIT.refused;
  return INPUT.has(code) ? EXIT.input : EXIT.failed;
}

const ENDED = {
  succeeded: EXIT.done,
  failed: EXIT.failed,
  refused: EXIT.refused,
  interrupted: EXIT.interrupted,
} as const;

/** The exit code of a run that another process ended; `null`: it has not ended. */
export function endedCode({ status }: RunRecord): number | null {
  return status === 'queued' || status === 'running' ? null : ENDED[status];
}
