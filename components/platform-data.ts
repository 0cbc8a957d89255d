/** What the platform keeps: keys, the registry, the state bucket and the run store. */
import { Repository } from '@pulumi/gcp/artifactregistry/repository.js';
import { Database } from '@pulumi/gcp/firestore/database.js';
import { CryptoKey } from '@pulumi/gcp/kms/cryptoKey.js';
import { KeyRing } from '@pulumi/gcp/kms/keyRing.js';
import { Bucket } from '@pulumi/gcp/storage/bucket.js';
import type { Resource } from '@pulumi/pulumi';
import { PLATFORM, stateBucket } from '../tenants/naming.ts';
import { keyFor } from './encryption.ts';
import { createGrants, madeKey } from './grants.ts';
import type { PlatformPlan } from './platform-plan.ts';
import { dataOptions, deletionPolicy } from './protection.ts';
import { createRunStoreIndexes } from './run-store-indexes.ts';
import { days, SIZES } from './sizing.ts';

const DAY_SECONDS = 86_400;

/** One key for the region, and one for a multi-region of datasets; a key must lie where its data lies. */
export function createKeys(parent: Resource, name: string, plan: PlatformPlan, dependsOn: Resource[]): Resource[] {
  return plan.keys.flatMap((key) => {
    const location = key.split('/')[3] ?? '';
    const ring = new KeyRing(
      `${name}-keys-${location}`,
      { project: plan.project, name: PLATFORM.keyRing, location },
      { parent, dependsOn, protect: plan.protect, retainOnDelete: true },
    );
    const made = new CryptoKey(
      `${name}-key-${location}`,
      {
        keyRing: `projects/${plan.project}/locations/${location}/keyRings/${PLATFORM.keyRing}`,
        name: PLATFORM.dataKey,
        purpose: 'ENCRYPT_DECRYPT',
        rotationPeriod: days(SIZES.key.rotationDays),
        destroyScheduledDuration: days(SIZES.key.destroyDays),
        labels: plan.labels,
        deletionPolicy: deletionPolicy(plan.protect),
      },
      dataOptions({ parent, dependsOn: [ring] }, plan.protect),
    );
    const grants = plan.keyGrants.filter(({ scope }) => scope.on === 'key' && scope.name === key);
    return createGrants(parent, `${name}-${location}`, grants, new Map([[madeKey('key', key), made]]));
  });
}

export function createRegistry(parent: Resource, name: string, plan: PlatformPlan, dependsOn: Resource[]): Repository {
  const key = keyFor(plan.region, plan);
  return new Repository(
    `${name}-registry`,
    {
      project: plan.project,
      location: plan.region,
      repositoryId: PLATFORM.registry,
      format: 'DOCKER',
      description: 'Images of webhook, runner and Dataflow template.',
      dockerConfig: { immutableTags: true },
      labels: plan.labels,
      ...(key === undefined ? {} : { kmsKeyName: key }),
      deletionPolicy: deletionPolicy(plan.protect),
    },
    dataOptions({ parent, dependsOn }, plan.protect),
  );
}

/** Stack state and templates. Versions and a soft delete bring back what was overwritten or lost. */
export function createState(parent: Resource, name: string, plan: PlatformPlan, dependsOn: Resource[]): Bucket {
  const { softDeleteDays, noncurrentDays, newerVersions } = SIZES.state;
  const key = keyFor(plan.region, plan);
  return new Bucket(
    `${name}-state`,
    {
      project: plan.project,
      name: stateBucket(plan.project),
      location: plan.region,
      labels: plan.labels,
      uniformBucketLevelAccess: true,
      publicAccessPrevention: 'enforced',
      versioning: { enabled: true },
      softDeletePolicy: { retentionDurationSeconds: softDeleteDays * DAY_SECONDS },
      lifecycleRules: [
        {
          action: { type: 'Delete' },
          condition: {
            daysSinceNoncurrentTime: noncurrentDays,
            numNewerVersions: newerVersions,
            withState: 'ARCHIVED',
          },
        },
      ],
      ...(key === undefined ? {} : { encryption: { defaultKmsKeyName: key } }),
      forceDestroy: false,
      deletionPolicy: deletionPolicy(plan.protect),
    },
    dataOptions({ parent, dependsOn }, plan.protect),
  );
}

/** Runs, events and leases of all tenants; only the webhook reads and writes it. */
export function createRunStore(parent: Resource, name: string, plan: PlatformPlan, dependsOn: Resource[]): Database {
  const key = keyFor(plan.runStoreLocation, plan);
  const runStore = new Database(
    `${name}-run-store`,
    {
      project: plan.project,
      name: PLATFORM.runStoreDatabase,
      locationId: plan.runStoreLocation,
      type: 'FIRESTORE_NATIVE',
      concurrencyMode: 'PESSIMISTIC',
      appEngineIntegrationMode: 'DISABLED',
      pointInTimeRecoveryEnablement: 'POINT_IN_TIME_RECOVERY_ENABLED',
      deleteProtectionState: plan.protect ? 'DELETE_PROTECTION_ENABLED' : 'DELETE_PROTECTION_DISABLED',
      ...(key === undefined ? {} : { cmekConfig: { kmsKeyName: key } }),
      deletionPolicy: deletionPolicy(plan.protect),
    },
    dataOptions({ parent, dependsOn }, plan.protect),
  );
  createRunStoreIndexes(parent, name, plan.project, runStore);
  return runStore;
}
