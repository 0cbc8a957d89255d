import type { UpperBound, Window } from '../core/contracts/source.ts';
import type { LoadState } from '../core/contracts/warehouse.ts';
import { shiftBack } from './cursor.ts';

/** From where the last run ended, less the lookback, to where no writer in flight can undercut. */
export function transactionalWindow(
  column: string | null,
  state: LoadState | null,
  bound: UpperBound | null,
  lookbackSeconds: number,
): Window | null {
  if (column === null || bound === null) return null;
  const from = state?.cursor ?? null;
  return { column, from: from === null ? null : shiftBack(from, lookbackSeconds), to: bound.to };
}
