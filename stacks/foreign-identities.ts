/** The identities a tenant has in Amazon and Azure, where the platform says that its stacks may create them. */
import type { Output } from '@pulumi/pulumi';
import { readersOf } from '../components/access/index.ts';
import { parseRole } from '../components/access/s3.ts';
import type { Tenant } from '../components/tenant.ts';
import type { S3ReadArgs, TenantArgs } from '../components/tenant-args.ts';
import { planTenant } from '../components/tenant-plan.ts';

/** One role for each ARN, whatever connections share it. */
export async function createS3Roles(tenant: Tenant, args: TenantArgs): Promise<void> {
  const plan = planTenant(args);
  const { aws } = plan.platform;
  if (aws === undefined) return;
  const roles = new Map<string, { reads: S3ReadArgs[]; distributed: boolean }>();
  for (const [name, { s3 }] of Object.entries(plan.connections)) {
    if (s3?.role === undefined || parseRole(s3.role).account !== aws.account) continue;
    const { reads, distributed } = roles.get(s3.role) ?? { reads: [], distributed: false };
    const { bucket, prefixes = [] } = s3;
    const more = readersOf(plan, name).length > 1;
    roles.set(s3.role, { reads: [...reads, { bucket, prefixes }], distributed: distributed || more });
  }
  if (roles.size === 0) return;
  const { S3Role } = await import('../components/s3-role.ts');
  for (const [role, { reads, distributed }] of roles) {
    const { permissionsBoundary } = aws;
    const bounded = permissionsBoundary === undefined ? {} : { permissionsBoundary };
    const subjects = [tenant.runnerUniqueId, ...(distributed ? [tenant.dataflowUniqueId] : [])];
    new S3Role(
      `${plan.tenant}-${parseRole(role).name}`,
      { tenant: plan.tenant, role, reads, subjects, tags: plan.labels, ...bounded },
      { parent: tenant },
    );
  }
}

/** One identity for each connection: writes to one identity cannot run side by side. */
export async function createAzureIdentities(tenant: Tenant, args: TenantArgs): Promise<Record<string, Output<string>>> {
  const plan = planTenant(args);
  const { azure } = plan.platform;
  const clientIds: Record<string, Output<string>> = {};
  for (const [connection, { azureBlob }] of Object.entries(plan.connections)) {
    if (azure === undefined || azureBlob?.directory !== azure.directory) continue;
    const { AzureIdentity } = await import('../components/azure-identity.ts');
    const { account, container } = azureBlob;
    const distributed = readersOf(plan, connection).length > 1;
    const subjects = {
      runner: tenant.runnerUniqueId,
      ...(distributed ? { dataflow: tenant.dataflowUniqueId } : {}),
    };
    const identity = new AzureIdentity(
      `${plan.tenant}-${connection}-azure`,
      { tenant: plan.tenant, connection, account, container, subjects, azure, tags: plan.labels },
      { parent: tenant },
    );
    clientIds[connection] = identity.clientId;
  }
  return clientIds;
}
