import type { UpperBound, Window } from '../core/contracts/source.ts';
import type { LoadState } from '../core/contracts/warehouse.ts';
import { isEarlier, shiftBack } from './cursor.ts';

/**
 * From where the last run ended, less the lookback, to where no writer in flight can undercut. That may lie further back, as
 * when a replica falls behind: then the window ends where the last one did, and what it brought is not read again.
 */
export function transactionalWindow(
  column: string | null,
  state: LoadState | null,
  bound: UpperBound | null,
  lookbackSeconds: number,
): Window | null {
  if (column === null || bound === null) return null;
  const from = state?.cursor ?? null;
  if (from === null) return { column, from, to: bound.to };
  return { column, from: shiftBack(from, lookbackSeconds), to: isEarlier(bound.to, from) ? from : bound.to };
}
