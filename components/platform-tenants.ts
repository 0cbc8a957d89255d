/** Where the webhook finds the files of tenants: apart from the state of stacks, which it must never read. */
import { Bucket } from '@pulumi/gcp/storage/bucket.js';
import type { Resource } from '@pulumi/pulumi';
import { keyFor } from './encryption.ts';
import type { PlatformPlan } from './platform-plan.ts';
import { dataOptions, deletionPolicy } from './protection.ts';
import { SIZES } from './sizing.ts';

const DAY_SECONDS = 86_400;

/** Versions and a soft delete bring back a file that somebody overwrote or removed. */
export function createTenants(parent: Resource, name: string, plan: PlatformPlan, dependsOn: Resource[]): Bucket {
  const { softDeleteDays, noncurrentDays, newerVersions } = SIZES.state;
  const key = keyFor(plan.region, plan);
  return new Bucket(
    `${name}-tenants`,
    {
      project: plan.project,
      name: plan.tenantsBucket,
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
