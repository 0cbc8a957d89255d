/** One query as several that run at the same time. */
import type { ReadSpec } from '../../core/contracts/source.ts';
import type { FirestoreClient } from './client.ts';
import { statusOf, UNIMPLEMENTED } from './errors.ts';
import { scopeOf } from './names.ts';
import { documentsQuery, type NameRange, type ReadTime } from './queries.ts';

const WHOLE: NameRange = { from: null, to: null };
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
): Promise<readonly (readonly NameRange[])[]> {
  if (readers === 1 || spec.window !== null) return [[WHOLE]];
  const { parent, collectionId, group } = scopeOf(spec.object, client.root);
  if (group) return dealt(ranges(await partitions(client, spec, readers, readTime)), readers);
  const names = Array.from({ length: readers - 1 }, (_, i) => {
    const letter = LETTERS[Math.floor(((i + 1) * LETTERS.length) / readers)];
    return `${parent}/${collectionId}/${letter}`;
  });
  return ranges(names).map((range) => [range]);
}

/** Names at which the server would part the group; none where it cannot, as the emulator. */
async function partitions(
  { sdk, call, root }: FirestoreClient,
  { object }: ReadSpec,
  readers: number,
  readTime: ReadTime,
): Promise<readonly string[]> {
  const query = documentsQuery(root, { object, fields: null, window: null });
  const request = { ...query, partitionCount: readers * 4 - 1, readTime };
  try {
    const [cursors] = await (await sdk()).partitionQuery(request, call);
    const names = cursors.flatMap(({ values }) => values?.[0]?.referenceValue ?? []);
    return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  } catch (error) {
    if (statusOf(error) === UNIMPLEMENTED) return [];
    throw error;
  }
}

function ranges(names: readonly string[]): NameRange[] {
  return [...names, null].map((to, i) => ({ from: names[i - 1] ?? null, to }));
}

/** Deals the stretches out in turn. */
function dealt(all: readonly NameRange[], readers: number): NameRange[][] {
  return Array.from({ length: readers }, (_, reader) => all.filter((_, i) => i % readers === reader));
}
