import type { Strategy } from './strategy.ts';
import { transactionalWindow } from './window.ts';

/** Rows of the window are appended once. */
export function append(lookbackSeconds: number): Strategy {
  return {
    name: 'transactional/append',
    dated: false,
    whole: false,
    window: (column, state, bound) => transactionalWindow(column, state, bound, lookbackSeconds),
    change: ({ key, cursor, nullCursors }) => ({
      kind: 'append',
      ...(nullCursors && cursor !== null ? { nullCursor: cursor } : {}),
      ...(lookbackSeconds > 0 ? { key } : {}),
    }),
  };
}
