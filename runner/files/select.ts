/** Which objects a source of files means, and what their names say. Pure but for the listing. */
import picomatch from 'picomatch';
import { durationSeconds } from '../../tenants/schema/duration.ts';
import type { FilesSpec } from '../../tenants/schema/index.ts';
import type { ObjectStore, StoredObject } from '../core/contracts/object-store.ts';
import type { OfferedFile } from '../core/contracts/offer.ts';

/** What a list of a bucket gave. */
export interface Listing {
  /** Objects to be read, the oldest first. */
  readonly objects: readonly StoredObject[];
  /** How many were left for the next run. */
  readonly young: number;
}

/** Whether the name of an object fits. */
export function matcher({ prefix, match }: Pick<FilesSpec, 'prefix' | 'match'>): (name: string) => boolean {
  const fits = picomatch(match, { dot: true, nonegate: true });
  return (name) => name.startsWith(prefix) && !name.endsWith('/') && fits(name.slice(prefix.length));
}

/** @param now milliseconds since 1970 */
export async function listObjects(
  store: ObjectStore,
  spec: FilesSpec,
  now: number,
  signal: AbortSignal,
): Promise<Listing> {
  const fits = matcher(spec);
  const settled = now - durationSeconds(spec.settleFor) * 1000;
  const objects: StoredObject[] = [];
  let young = 0;
  for await (const page of store.list({ prefix: spec.prefix }, signal)) {
    for (const object of page) {
      if (!fits(object.name)) continue;
      if (spec.settleFor !== '0s' && Date.parse(object.modifiedAt) > settled) young += 1;
      else objects.push(object);
    }
  }
  return { objects: objects.sort(byTime), young };
}

function byTime(a: StoredObject, b: StoredObject): number {
  if (a.modifiedAt !== b.modifiedAt) return a.modifiedAt < b.modifiedAt ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

/** Columns that every file has beside its own: where a row came from, and when that was written. */
export const FILE_COLUMN = '_file';
export const MODIFIED_COLUMN = '_modified_at';

/**
 * Values that all rows of an object have.
 *
 * @example constantsOf(…'sales/year=2026/a.csv' with hive) // { year: '2026', _file: 'gs://…', _modified_at: '…' }
 */
export function constantsOf(
  { name, modifiedAt }: Pick<StoredObject, 'name' | 'modifiedAt'>,
  uri: string,
  { hive }: Pick<FilesSpec, 'hive'>,
): Readonly<Record<string, string>> {
  const folders = hive ? name.split('/').slice(0, -1) : [];
  const parts = folders.flatMap((folder): [string, string][] => {
    const at = folder.indexOf('=');
    return at > 0 ? [[folder.slice(0, at), unescaped(folder.slice(at + 1))]] : [];
  });
  return { ...Object.fromEntries(parts), [FILE_COLUMN]: uri, [MODIFIED_COLUMN]: modifiedAt };
}

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

const COMPRESSIONS: Readonly<Record<string, OfferedFile['compression']>> = {
  gz: 'gzip',
  gzip: 'gzip',
  zst: 'zstd',
  zstd: 'zstd',
  zip: 'zip',
};

/** By the ending of the name. Parquet compresses inside. */
export function compressionOf(name: string, { format }: Pick<FilesSpec, 'format'>): OfferedFile['compression'] {
  if (format === 'parquet') return 'none';
  const ending = /\.([a-z]+)$/.exec(name.toLowerCase())?.[1] ?? '';
  return COMPRESSIONS[ending] ?? 'none';
}
