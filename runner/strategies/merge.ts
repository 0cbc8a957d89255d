import type { Strategy } from './strategy.ts';
import { transactionalWindow } from './window.ts';

/** Rows of the window replace those with the same key. */
export function merge(lookbackSeconds: number, deletes: 'ignore' | 'soft' | 'hard'): Strategy {
  return {
    name: 'transactional/merge',
    dated: false,
    whole: false,
    window: (column, state, bound) => transactionalWindow(column, state, bound, lookbackSeconds),
    change: ({ key, cursor, keyIsUnique, nullCursors }) => ({
      kind: 'merge',
      key,
      cursor: cursor ?? '',
      keyIsUnique,
      mayRepeat: lookbackSeconds > 0 || nullCursors,
      deletes,
    }),
  };
}
