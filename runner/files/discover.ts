/** What lies in a bucket: its folders, by the kinds of files in them. */
import type { ObjectStore } from '../core/contracts/object-store.ts';
import type { SourceObject } from '../core/contracts/source.ts';

/** Past so many objects the rest is left out: the list is for a look. */
const MOST_OBJECTS = 100_000;

/** Each name is a prefix and a pattern: `daily/*.csv.gz`. */
export async function discoverFiles(store: ObjectStore, signal: AbortSignal): Promise<readonly SourceObject[]> {
  const found = new Map<string, { objects: number; bytes: number }>();
  let seen = 0;
  for await (const page of store.list({ prefix: '' }, signal)) {
    for (const { name, bytes } of page) {
      const ending = /\.(?:csv|tsv|txt|json|ndjson|jsonl|parquet)(?:\.[a-z0-9]+)?$/i.exec(name)?.[0];
      if (ending === undefined) continue;
      const group = `${name.slice(0, name.lastIndexOf('/') + 1)}*${ending}`;
      const { objects = 0, bytes: before = 0 } = found.get(group) ?? {};
      found.set(group, { objects: objects + 1, bytes: before + bytes });
    }
    seen += page.length;
    if (seen >= MOST_OBJECTS) break;
  }
  return [...found].map(([name, { objects, bytes }]) => ({
    name,
    kind: 'files',
    rows: null,
    bytes,
    partitions: objects,
  }));
}
