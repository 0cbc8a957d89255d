import type { Strategy } from './strategy.ts';
import { transactionalWindow } from './window.ts';

/**
 * Rows of the window are appended once: what a backfill brought of it before is replaced. With a lookback the key tells
 * what is there already.
 */
export function append(lookbackSeconds: number): Strategy {
  const looksBack = lookbackSeconds > 0;
  return {
    name: 'transactional/append',
    dated: false,
    whole: false,
    window: (column, state, bound) => transactionalWindow(column, state, bound, lookbackSeconds),
    change: ({ key, cursor, nullCursors, stretch, again }) => ({
      kind: 'append',
      ...(nullCursors && cursor !== null ? { nullCursor: cursor } : {}),
      ...(looksBack ? { key } : {}),
      ...(stretch !== null && (again || !looksBack) ? { stretch } : {}),
    }),
  };
}
