/** The objects of runs are removed when nobody needs them any more; the lifecycle rule of the bucket takes what is missed. */
import type { Bucket, File } from '@google-cloud/storage';
import { stagingPath } from '../../tenants/naming.ts';
import type { RunIdentity } from '../core/contracts/warehouse.ts';
import { type Budget, repeatedly } from '../core/retry.ts';
import { startAttempts } from './attempts.ts';
import { MANIFEST } from './job.ts';
import { jsonObjects } from './json-objects.ts';
import { OWNER, release } from './ownership.ts';

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

/**
 * What processes of the run up to this one have laid down, except the work that a newer one has taken up: an old process
 * that has lost the lease may come here late.
 */
export async function removeOwn(
  removal: Omit<Removal, 'prefix' | 'keep'>,
  { tenant, source, runId, fencingToken }: Omit<RunIdentity, 'startedAt'>,
): Promise<void> {
  const objects = jsonObjects(removal.bucket, removal.tenant, removal.budget);
  const own = stagingPath(tenant, source, runId);
  const names = await objects.names(own);
  const tokens = new Set(names.flatMap((name) => /^(\d+)\//.exec(name.slice(own.length))?.[1] ?? []));
  for (const token of [...tokens].map(Number).filter((each) => each <= fencingToken)) {
    const folder = stagingPath(tenant, source, runId, token);
    if (names.includes(`${folder}${OWNER}`) && !(await release(objects, folder, fencingToken))) continue;
    await removeObjects({ ...removal, prefix: folder, keep: (name) => name === `${folder}${OWNER}` });
    await removeObjects({ ...removal, prefix: `${folder}${OWNER}`, keep: () => false });
  }
}

/** A manifest promises its parts: it goes before them. */
function byManifest(a: File, b: File): number {
  return Number(b.name.endsWith(MANIFEST)) - Number(a.name.endsWith(MANIFEST));
}
