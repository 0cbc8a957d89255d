/** What `npm run live` makes in a real project, by names that nothing else has. */
import { evidenceDataset, rawDataset, stagingBucket, stagingDataset } from '../../tenants/naming.ts';

export interface LiveNames {
  /** The tenant of the suite; all other names follow from it, as for any tenant. */
  readonly tenant: string;
  readonly datasets: readonly string[];
  readonly bucket: string;
}

/** Rows of a crashed session are gone after so long; objects after a day. */
export const TABLE_HOURS = 1;
export const OBJECT_DAYS = 1;

/** @param session a few letters and digits that no other session has */
export function liveNames(project: string, session: string): LiveNames {
  const tenant = `live-${session}`;
  return {
    tenant,
    datasets: [rawDataset(tenant), stagingDataset(tenant), evidenceDataset(tenant)],
    bucket: stagingBucket(project, tenant),
  };
}

/** Sorts by time; unique without asking anybody. */
export function newSession(now = new Date(), chance = Math.random()): string {
  const tail = Math.floor(chance * 36 ** 4).toString(36);
  return `${now.toISOString().slice(2, 16).replace(/\D/g, '')}${tail.padStart(4, '0')}`;
}
