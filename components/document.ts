/** What the webhook is told of a tenant, beside the platform: it goes before the job and comes after it. */
import { BucketObject } from '@pulumi/gcp/storage/bucketObject.js';
import type { Resource } from '@pulumi/pulumi';
import { tenantObject, tenantsBucket } from '../tenants/naming.ts';
import { computeOptions } from './protection.ts';
import type { TenantPlan } from './tenant-plan.ts';

/** The versions of the bucket bring back what the API wrote over it. */
export function createDocument(
  parent: Resource,
  name: string,
  { tenant, platform, document }: TenantPlan,
  dependsOn: Resource[],
): BucketObject | undefined {
  if (document === undefined) return undefined;
  return new BucketObject(
    `${name}-document`,
    {
      bucket: tenantsBucket(platform.project),
      name: tenantObject(tenant),
      contentType: 'application/yaml',
      content: document,
    },
    computeOptions({ parent, dependsOn }, false),
  );
}
