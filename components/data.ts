/** What a tenant keeps: accounts, datasets, secrets, staged objects and the topic of its events. */
import { Dataset } from '@pulumi/gcp/bigquery/dataset.js';
import { Topic } from '@pulumi/gcp/pubsub/topic.js';
import { Secret } from '@pulumi/gcp/secretmanager/secret.js';
import { Account as ServiceAccount } from '@pulumi/gcp/serviceaccount/account.js';
import { Bucket } from '@pulumi/gcp/storage/bucket.js';
import type { Resource } from '@pulumi/pulumi';
import { DATAFLOW_FOLDER, secretId } from '../tenants/naming.ts';
import { keyFor } from './encryption.ts';
import { computeOptions, dataOptions, deletionPolicy } from './protection.ts';
import { days, daysInMilliseconds, SIZES } from './sizing.ts';
import type { TenantPlan } from './tenant-plan.ts';

/** What a tenant's stack holds, each thing by its physical name. */
export interface Data {
  readonly runner: ServiceAccount;
  readonly scheduler: ServiceAccount;
  readonly datasets: ReadonlyMap<string, Dataset>;
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly bucket: Bucket;
  readonly topic: Topic;
}

export function createData(parent: Resource, name: string, plan: TenantPlan): Data {
  return {
    runner: createRunner(parent, name, plan),
    scheduler: createScheduler(parent, name, plan),
    datasets: new Map([...createDatasets(parent, name, plan), [plan.staging, createStaging(parent, name, plan)]]),
    secrets: createSecrets(parent, name, plan),
    bucket: createBucket(parent, name, plan),
    topic: createTopic(parent, name, plan),
  };
}

/** Its numeric id is what Amazon and Azure trust; an account made anew has another one, so it is kept like data. */
function createRunner(parent: Resource, name: string, plan: TenantPlan): ServiceAccount {
  const { runner, displayName, protection } = plan;
  return new ServiceAccount(
    `${name}-runner`,
    {
      project: runner.project,
      accountId: runner.id,
      displayName: `tributary: runs of ${displayName}`.slice(0, 100),
      deletionPolicy: deletionPolicy(protection.data),
    },
    dataOptions({ parent }, protection.data),
  );
}

function createScheduler(parent: Resource, name: string, plan: TenantPlan): ServiceAccount {
  const { scheduler, displayName, protection } = plan;
  return new ServiceAccount(
    `${name}-scheduler`,
    {
      project: scheduler.project,
      accountId: scheduler.id,
      displayName: `tributary: schedules of ${displayName}`.slice(0, 100),
      deletionPolicy: deletionPolicy(protection.compute),
    },
    computeOptions({ parent }, protection.compute),
  );
}

/** Rows and evidence. */
function createDatasets(parent: Resource, name: string, plan: TenantPlan): [string, Dataset][] {
  const { protection, raw, evidence, datasets, displayName } = plan;
  const kept = [
    { suffix: 'raw', datasetId: raw, description: `Rows of ${displayName}.` },
    {
      suffix: 'evidence',
      datasetId: evidence,
      description: `What runs of ${displayName} did: runs, checks, rejected rows.`,
    },
    ...datasets.map((datasetId) => ({
      suffix: `dataset-${datasetId}`,
      datasetId,
      description: `Rows of ${displayName}.`,
    })),
  ];
  return kept.map(({ suffix, datasetId, description }) => [
    datasetId,
    new Dataset(
      `${name}-${suffix}`,
      {
        ...datasetArgs(plan, datasetId),
        description,
        maxTimeTravelHours: String(SIZES.dataset.timeTravelHours),
        deleteContentsOnDestroy: !protection.data,
        deletionPolicy: deletionPolicy(protection.data),
      },
      dataOptions({ parent }, protection.data),
    ),
  ]);
}

/** Half-done loads; what a killed run leaves behind expires. */
function createStaging(parent: Resource, name: string, plan: TenantPlan): Dataset {
  return new Dataset(
    `${name}-staging`,
    {
      ...datasetArgs(plan, plan.staging),
      description: `Loads of ${plan.displayName} that are under way; tables expire.`,
      defaultTableExpirationMs: daysInMilliseconds(SIZES.staging.tableDays),
      deleteContentsOnDestroy: true,
      deletionPolicy: deletionPolicy(false),
    },
    computeOptions({ parent }, false),
  );
}

/** Empty: values are written by `tributary secret set`, and no program of ours reads them but the runner. */
function createSecrets(parent: Resource, name: string, plan: TenantPlan): Map<string, Secret> {
  const { tenant, project, region, labels, protection, secrets, platform } = plan;
  const key = keyFor(region, platform);
  const create = (secret: string) =>
    new Secret(
      `${name}-secret-${secret}`,
      {
        project,
        secretId: secretId(tenant, secret),
        labels,
        replication: {
          userManaged: {
            replicas: [
              { location: region, ...(key === undefined ? {} : { customerManagedEncryption: { kmsKeyName: key } }) },
            ],
          },
        },
        versionDestroyTtl: days(SIZES.secret.versionDestroyDays),
        deletionProtection: protection.data,
        deletionPolicy: deletionPolicy(protection.data),
      },
      dataOptions({ parent }, protection.data),
    );
  return new Map(secrets.map((secret) => [secretId(tenant, secret), create(secret)]));
}

/** Staged objects of runs, which expire, and the Dataflow templates, which do not. */
function createBucket(parent: Resource, name: string, plan: TenantPlan): Bucket {
  const { tenant, project, region, labels, bucket, platform } = plan;
  const key = keyFor(region, platform);
  return new Bucket(
    `${name}-staging-bucket`,
    {
      project,
      name: bucket,
      location: region,
      labels,
      uniformBucketLevelAccess: true,
      publicAccessPrevention: 'enforced',
      softDeletePolicy: { retentionDurationSeconds: 0 },
      lifecycleRules: [
        {
          action: { type: 'Delete' },
          condition: { age: SIZES.staging.objectDays, matchesPrefixes: [`${tenant}/`, DATAFLOW_FOLDER] },
        },
        { action: { type: 'AbortIncompleteMultipartUpload' }, condition: { age: 1 } },
      ],
      ...(key === undefined ? {} : { encryption: { defaultKmsKeyName: key } }),
      forceDestroy: true,
      deletionPolicy: deletionPolicy(false),
    },
    computeOptions({ parent }, false),
  );
}

/** Where "rows landed" is said. */
function createTopic(parent: Resource, name: string, plan: TenantPlan): Topic {
  const { project, region, labels, topic, protection, platform } = plan;
  const key = keyFor(region, platform);
  return new Topic(
    `${name}-landed`,
    {
      project,
      name: topic,
      labels,
      messageRetentionDuration: days(SIZES.event.retentionDays),
      messageStoragePolicy: { allowedPersistenceRegions: [region] },
      ...(key === undefined ? {} : { kmsKeyName: key }),
      deletionPolicy: deletionPolicy(protection.compute),
    },
    computeOptions({ parent }, protection.compute),
  );
}

function datasetArgs({ project, location, labels, platform }: TenantPlan, datasetId: string) {
  const key = keyFor(location, platform);
  return {
    project,
    datasetId,
    location,
    labels,
    ...(key === undefined ? {} : { defaultEncryptionConfiguration: { kmsKeyName: key } }),
  };
}
