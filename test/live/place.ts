/** Makes the place of a live session in a project, and removes it whatever became of it. */
import type { BigQuery } from '@google-cloud/bigquery';
import type { Storage } from '@google-cloud/storage';
import type { Api } from '../../runner/bigquery/client.ts';
import { type LiveNames, OBJECT_DAYS, TABLE_HOURS } from './names.ts';

export interface Clients {
  readonly bigquery: BigQuery;
  readonly storage: Storage;
}

export interface PlaceOptions extends Clients {
  readonly names: LiveNames;
  readonly location: string;
}

/** On all that is made, so that a person finds what is left. */
const LABELS = { managed_by: 'tributary', purpose: 'live' } as const;

interface Listed {
  readonly tableReference: { readonly tableId: string };
}

interface TableList {
  readonly tables?: readonly Listed[];
}

const notFound = (error: unknown) => (error as { code?: unknown }).code === 404;

/** Datasets whose tables expire by themselves, and a bucket whose objects do. */
export async function makePlace({ bigquery, storage, names, location }: PlaceOptions): Promise<void> {
  const labels = { ...LABELS, tenant: names.tenant };
  for (const dataset of names.datasets) {
    await bigquery.createDataset(dataset, {
      location,
      labels,
      defaultTableExpirationMs: `${TABLE_HOURS * 3_600_000}`,
      description: 'A session of npm run live; may be deleted.',
    });
  }
  await storage.createBucket(names.bucket, {
    location,
    labels,
    lifecycle: { rule: [{ action: { type: 'Delete' }, condition: { age: OBJECT_DAYS } }] },
    iamConfiguration: { uniformBucketLevelAccess: { enabled: true }, publicAccessPrevention: 'enforced' },
    softDeletePolicy: { retentionDurationSeconds: 0 },
  });
}

/** Drops all tables: each test of a suite begins with none. */
export async function emptyPlace(api: Api, { datasets }: Pick<LiveNames, 'datasets'>): Promise<void> {
  for (const dataset of datasets) {
    const path = `/datasets/${dataset}/tables`;
    const { tables = [] } = await api.request<TableList>({ path, query: { maxResults: 1000 } });
    const drop = ({ tableReference: { tableId } }: Listed) =>
      api.request({ method: 'DELETE', path: `${path}/${tableId}` });
    await Promise.all(tables.map(drop));
  }
}

/**
 * Removes datasets and bucket with all that is in them. What is gone already is no failure, and one that stays does not
 * keep the others.
 *
 * @returns what could not be removed, in words
 */
export async function removePlace({ bigquery, storage, names }: Omit<PlaceOptions, 'location'>): Promise<string[]> {
  const left: string[] = [];
  const remove = async (what: string, work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      if (!notFound(error)) left.push(`${what}: ${(error as Error).message}`);
    }
  };
  for (const dataset of names.datasets) {
    await remove(`dataset ${dataset}`, () => bigquery.dataset(dataset).delete({ force: true }));
  }
  const bucket = storage.bucket(names.bucket);
  await remove(`objects of ${names.bucket}`, () => bucket.deleteFiles({ force: true, versions: true }));
  await remove(`bucket ${names.bucket}`, () => bucket.delete());
  return left;
}
