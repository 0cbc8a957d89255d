import type { Strategy } from './strategy.ts';

/** The whole table, swapped. */
export const replace: Strategy = {
  name: 'catalog/replace',
  dated: false,
  whole: true,
  window: () => null,
  change: () => ({ kind: 'replace' }),
};
