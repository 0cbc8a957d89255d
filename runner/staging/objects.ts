/** The objects of runs are removed when nobody needs them any more; the lifecycle rule of the bucket takes what is missed. */
import type { Bucket, File } from '@google-cloud/storage';
import { type Budget, repeatedly } from '../core/retry.ts';
import { startAttempts } from './attempts.ts';
import { MANIFEST } from './job.ts';

export interface Removal {
  readonly bucket: Bucket;
  readonly tenant: string;
  readonly budget: Budget;
  /** Objects whose names begin so. */
  readonly prefix: string;
  /** Objects that stay all the same. */
  readonly keep: (name: string) => boolean;
}

const AT_ONCE = 8;

/** @throws STAGING_FAILED, STAGING_DENIED, STAGING_MISSING, WAREHOUSE_CREDENTIALS */
export async function removeObjects({ bucket, tenant, budget, prefix, keep }: Removal): Promise<void> {
  const signal = new AbortController().signal;
  const what = `Removing gs://${bucket.name}/${prefix}`;
  const attempt = <T>(call: () => Promise<T>) =>
    repeatedly(call, startAttempts({ what, bucket: bucket.name, tenant }, budget), signal);
  const [files] = await attempt(() => bucket.getFiles({ prefix }));
  const waiting = files.filter(({ name }) => !keep(name)).sort(byManifest);
  const remove = (file: File) => attempt(() => file.delete({ ignoreNotFound: true }));
  while (waiting.length > 0) await Promise.all(waiting.splice(0, AT_ONCE).map(remove));
}

/** A manifest promises its parts: it goes before them. */
function byManifest(a: File, b: File): number {
  return Number(b.name.endsWith(MANIFEST)) - Number(a.name.endsWith(MANIFEST));
}
