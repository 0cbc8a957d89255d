/** What there is to read: collections at the root and below documents that are looked at, with their counts. */
import type { SourceObject } from '../../core/contracts/source.ts';
import type { FirestoreClient } from './client.ts';
import { countQuery } from './queries.ts';

/** Documents of each collection under which further collections are looked for. */
const LOOKED_AT = 5;
const DEEPEST = 3;
const MOST_OBJECTS = 500;

export async function discover(client: FirestoreClient, signal: AbortSignal): Promise<readonly SourceObject[]> {
  const found: SourceObject[] = [];
  const below = new Set<string>();
  const pending: { readonly path: string; readonly depth: number }[] = [{ path: '', depth: 0 }];
  for (let next = pending.shift(); next !== undefined && found.length < MOST_OBJECTS; next = pending.shift()) {
    signal.throwIfAborted();
    const { path, depth } = next;
    for (const id of await collectionIds(client, path)) {
      const collection = path === '' ? id : `${path}/${id}`;
      if (depth > 0) below.add(id);
      const rows = await client.count(countQuery(client.root, { collection }, null));
      found.push({ name: collection, kind: 'collection', rows, bytes: null });
      if (depth >= DEEPEST) continue;
      for (const name of await someDocuments(client, path, id)) pending.push({ path: name, depth: depth + 1 });
    }
  }
  for (const collectionGroup of [...below].sort()) {
    const rows = await client.count(countQuery(client.root, { collectionGroup }, null));
    found.push({ name: collectionGroup, kind: 'collection group', rows, bytes: null });
  }
  return found;
}

async function collectionIds({ sdk, call, root }: FirestoreClient, path: string): Promise<readonly string[]> {
  const [ids] = await (await sdk()).listCollectionIds({ parent: path === '' ? root : `${root}/${path}` }, call);
  return ids;
}

/** Paths of a few documents, missing ones too: a document that is not there may have collections below it. */
async function someDocuments(client: FirestoreClient, path: string, collectionId: string): Promise<readonly string[]> {
  const { call, root } = client;
  const parent = path === '' ? root : `${root}/${path}`;
  const request = { parent, collectionId, pageSize: LOOKED_AT, showMissing: true, mask: { fieldPaths: ['__name__'] } };
  const [documents] = await (await client.sdk()).listDocuments(request, { ...call, autoPaginate: false });
  return documents.map(({ name }) => (name ?? '').slice(root.length + 1));
}
