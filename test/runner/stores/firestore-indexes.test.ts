/** Firestore refuses a query without its index; the emulator does not, so that is held here. */
import { describe, expect, test } from 'vitest';
import type { RunFilter } from '../../../runner/core/contracts/run-store.ts';
import { type RunQuery, runQuery } from '../../../runner/stores/firestore/queries.ts';
import { RUN_STORE_INDEXES, type RunStoreIndex } from '../../../tenants/run-store-layout.ts';

const PARTS = {
  tenant: 'acme',
  source: 'orders',
  statuses: ['queued', 'running'],
  unannounced: true,
} as const satisfies Partial<RunFilter>;

/** Every set of conditions that a list can have. */
let filters: Omit<RunFilter, 'before'>[] = [{ limit: 10 }];
for (const [name, value] of Object.entries(PARTS)) {
  filters = filters.flatMap((filter) => [filter, { ...filter, [name]: value }]);
}

/**
 * Indexes that are merged for a query: each begins with some of its equalities (`in` is many of them) and ends with its
 * order; together they have all equalities. A query without any has the automatic index of its order.
 */
function serves(query: RunQuery, indexes: readonly RunStoreIndex[]): boolean {
  const equal = query.where.map(([field]) => field);
  const [ordered, direction] = query.orderBy;
  const usable = indexes.filter(({ collection, fields }) => {
    const [last, ...front] = [...fields].reverse();
    const ends = last?.[0] === ordered && last[1] === (direction === 'desc' ? 'DESCENDING' : 'ASCENDING');
    return collection === 'runs' && ends && front.every(([field]) => equal.includes(field));
  });
  return equal.every((field) => usable.some(({ fields }) => fields.some(([name]) => name === field)));
}

describe('indexes of the run store', () => {
  test.each(filters)('%o', (filter) => {
    expect(serves(runQuery(filter), RUN_STORE_INDEXES)).toBe(true);
  });

  test('what this holds against them is not always true', () => {
    const some = RUN_STORE_INDEXES.filter(({ fields }) => !fields.some(([name]) => name === 'status'));
    expect(filters.filter((filter) => !serves(runQuery(filter), some))).toHaveLength(8);
  });
});
