/** What the kinds of runs need. Pure. */
import type { RunKind } from '../../runner/core/contracts/run-order.ts';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';

const MOVES_ROWS: ReadonlySet<RunKind> = new Set(['run', 'backfill', 'replay']);
/** A person waits for their answer; nobody else is told. */
const LOOKS: ReadonlySet<RunKind> = new Set(['test', 'discover', 'plan', 'preview']);

/** Whether it needs the lease of its source. */
export function needsLease(kind: RunKind): boolean {
  return MOVES_ROWS.has(kind);
}

export function isTold(kind: RunKind): boolean {
  return !LOOKS.has(kind);
}

/** A run without an order is one of a command line. */
export function kindOf({ order }: RunRecord): RunKind {
  return order?.kind ?? 'run';
}

export function hasEnded({ endedAt }: RunRecord): boolean {
  return endedAt !== null;
}

/** Accepted, and nothing was launched for it yet. */
export function isUnlaunched({ status, execution }: RunRecord): boolean {
  return status === 'queued' && execution === null;
}

/** A later tick has nothing to add to it: it has not begun, and will load all that is there when it does. */
export function isJoinable({ status, order }: RunRecord): boolean {
  return status === 'queued' && order !== null && order.kind === 'run' && order.trigger !== 'person';
}
