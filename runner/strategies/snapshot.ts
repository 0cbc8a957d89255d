import type { Strategy } from './strategy.ts';

/** One dated snapshot a day; today's is replaced when it is taken again. */
export const daily: Strategy = {
  name: 'catalog/daily',
  dated: true,
  whole: true,
  window: () => null,
  change: ({ snapshotDate }) => ({ kind: 'partition', column: '_snapshot_date', date: snapshotDate }),
};
