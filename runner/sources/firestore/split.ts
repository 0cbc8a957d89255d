/** One query as several that run at the same time. */
import type { ObjectRef, ReadSpec } from '../../core/contracts/source.ts';
import { budgetOf, repeatedly, startRetry } from '../../core/retry.ts';
import type { FirestoreClient } from './client.ts';
import { isTransient, statusOf, UNIMPLEMENTED } from './errors.ts';
import { compareNames, scopeOf } from './names.ts';
import { documentsQuery, type NameRange, type ReadTime, WHOLE } from './queries.ts';

const PIECES_OF_A_READER = 4;
/** Ids that Firestore makes are of these, each as likely as the other. */
const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Stretches of names, without gap or overlap, for each reader. A window stays whole: it is ordered by its cursor. Groups are
 * split by the server (PartitionQuery), one collection by the first letter of its ids.
 */
export async function splitRanges(
  client: FirestoreClient,
  spec: ReadSpec,
  readers: number,
  readTime: ReadTime,
  signal: AbortSignal,
): Promise<readonly (readonly NameRange[])[]> {
  if (readers === 1 || spec.window !== null) return [[WHOLE]];
  const { parent, collectionId, group } = scopeOf(spec.object, client.root);
  if (group) {
    const points = await partitions(client, spec.object, readers * PIECES_OF_A_READER - 1, readTime, signal);
    return dealt(rangesOf(points ?? []), readers);
  }
  const names = Array.from({ length: readers - 1 }, (_, i) => {
    const letter = LETTERS[Math.floor(((i + 1) * LETTERS.length) / readers)];
    return `${parent}/${collectionId}/${letter}`;
  });
  return rangesOf(names).map((range) => [range]);
}

/**
 * Names at which the server would part all collections of that id, in their order, at most so many; `null` where it cannot,
 * as the emulator. Pages come in no order.
 */
export async function partitions(
  { sdk, call, root }: FirestoreClient,
  object: ObjectRef,
  count: number,
  readTime: ReadTime,
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  const { collectionId: collectionGroup } = scopeOf(object, root);
  const query = documentsQuery(root, { object: { collectionGroup }, fields: null, window: null });
  const request = { ...query, partitionCount: count, readTime };
  const retry = startRetry({ budget: budgetOf(), isTransient, givenUp: (error) => error });
  try {
    const client = await sdk();
    const [cursors] = await repeatedly(() => client.partitionQuery(request, { ...call, retry: null }), retry, signal);
    const names = cursors.flatMap(({ values }) => values?.[0]?.referenceValue ?? []);
    return [...new Set(names)].sort(compareNames);
  } catch (error) {
    if (statusOf(error) === UNIMPLEMENTED) return null;
    throw error;
  }
}

/** The stretches between the names, and those at both ends. */
export function rangesOf(names: readonly string[]): NameRange[] {
  return [...names, null].map((to, i) => ({ from: names[i - 1] ?? null, to }));
}

/** Deals the stretches out in turn. */
function dealt(all: readonly NameRange[], readers: number): NameRange[][] {
  return Array.from({ length: readers }, (_, reader) => all.filter((_, i) => i % readers === reader));
}
