/** How runs lie in Firestore: what keeps how long, and which indexes its queries need. For the store and what provisions it. */

/** Collections, and how many days a document outlives its last change; `null`: for ever. */
export const RUN_STORE_DAYS = {
  /** `{tenant}~{source}`: who has a source; its fencing token never starts anew. */
  leases: null,
  /** `{run}`; counted from its end. */
  runs: 90,
  /** `runs/{run}/events/{id}` */
  events: 90,
  /** `{run}`: the newest sequence of its events. */
  sequences: 90,
  /** `{digest of the key}`: the run of a schedule's tick. */
  ticks: 7,
} as const;

export type RunStoreCollection = keyof typeof RUN_STORE_DAYS;

/** The field that says when a document may go. */
export const EXPIRY_FIELD = 'expireAt';

export interface RunStoreIndex {
  readonly collection: RunStoreCollection;
  readonly fields: readonly (readonly [name: string, order: 'ASCENDING' | 'DESCENDING'])[];
}

const runsBy = (...names: readonly string[]): RunStoreIndex => ({
  collection: 'runs',
  fields: [...names.map((name) => [name, 'ASCENDING'] as const), ['createdAt', 'DESCENDING']],
});

/**
 * Lists are newest first. Firestore merges indexes of one order for several equalities
 * (firebase.google.com/docs/firestore/query-data/index-overview#taking_advantage_of_index_merging); the first is for what is
 * asked most.
 */
export const RUN_STORE_INDEXES: readonly RunStoreIndex[] = [
  runsBy('tenant', 'source'),
  runsBy('tenant'),
  runsBy('source'),
  runsBy('status'),
  runsBy('unannounced'),
];
