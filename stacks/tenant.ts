/** The program of a tenant's stack. */
import { type ComponentResourceOptions, type Output, output, type Resource } from '@pulumi/pulumi';
import type { SourceArgs } from '../components/schedule.ts';
import { Tenant } from '../components/tenant.ts';
import type { ConnectionKind, TenantSpec } from '../tenants/schema/index.ts';
import type { PlatformOutputs } from './contract.ts';
import { createAzureIdentities, createS3Roles } from './foreign-identities.ts';
import { createStreams, type StreamOutputs } from './streams.ts';
import { scheduleArgs, tenantArgs } from './tenant-args.ts';

/** The outputs of a tenant's stack. */
export interface TenantOutputs {
  readonly tenant: string;
  readonly project: string;
  readonly jobName: Output<string>;
  readonly runnerEmail: Output<string>;
  /** The subject that Amazon and Azure trust. */
  readonly runnerUniqueId: Output<string>;
  readonly datasets: Output<string[]>;
  /** Ids of the secrets; empty until `tributary secret set`. */
  readonly secrets: Output<string[]>;
  /** Scheduler jobs, by source. */
  readonly schedules: Output<Record<string, string>>;
  /** What flows in by itself, by stream. */
  readonly streams: Record<string, StreamOutputs>;
  /** Client ids of managed identities of Azure, by connection, for `clientId` in the tenant's file. */
  readonly azureClientIds: Output<Record<string, string>>;
  /** What owners of other projects and clouds must run themselves, by connection. */
  readonly ownerCommands: Output<Record<string, string[]>>;
}

type SourceClass = new (
  name: string,
  args: SourceArgs,
  opts?: ComponentResourceOptions,
) => Resource & { readonly schedulerName: Output<string> };

/** A kind without a line here does not compile; each is loaded only where a tenant has one. */
const sourceClasses: Record<ConnectionKind, () => Promise<SourceClass>> = {
  postgres: async () => (await import('../components/sources/postgres-source.ts')).PostgresSource,
  mysql: async () => (await import('../components/sources/mysql-source.ts')).MysqlSource,
  bigquery: async () => (await import('../components/sources/bigquery-source.ts')).BigquerySource,
  firestore: async () => (await import('../components/sources/firestore-source.ts')).FirestoreSource,
  gcs: async () => (await import('../components/sources/gcs-source.ts')).GcsSource,
  s3: async () => (await import('../components/sources/s3-source.ts')).S3Source,
  'azure-blob': async () => (await import('../components/sources/azure-blob-source.ts')).AzureBlobSource,
};

/** Declares a tenant: itself, the identities it has in other clouds, and its sources. */
export async function tenantProgram(spec: TenantSpec, platform: PlatformOutputs): Promise<TenantOutputs> {
  const args = tenantArgs(spec, platform);
  const tenant = new Tenant(spec.tenant, args);
  await createS3Roles(tenant, args);
  const azureClientIds = await createAzureIdentities(tenant, args);
  const schedules = await createSources(tenant, spec, platform);
  const streams = await createStreams(tenant, spec, platform);
  return {
    tenant: spec.tenant,
    project: spec.project ?? platform.project,
    jobName: tenant.jobName,
    runnerEmail: tenant.runnerEmail,
    runnerUniqueId: tenant.runnerUniqueId,
    datasets: tenant.datasets,
    secrets: tenant.secrets,
    schedules: output(schedules),
    streams,
    azureClientIds: output(azureClientIds),
    ownerCommands: tenant.ownerCommands,
  };
}

async function createSources(tenant: Tenant, spec: TenantSpec, platform: PlatformOutputs) {
  const schedules: Record<string, Output<string>> = {};
  for (const [source, sourceSpec] of Object.entries(spec.sources)) {
    const kind = spec.connections[sourceSpec.connection]?.kind;
    if (kind === undefined) throw new RangeError(`${spec.tenant}: source ${source} has no connection`);
    const Source = await sourceClasses[kind]();
    const args = {
      tenant: spec.tenant,
      source,
      protect: spec.protection.compute,
      platform,
      ...scheduleArgs(sourceSpec),
    };
    const opts = { parent: tenant, dependsOn: [...tenant.foundations] };
    const { schedulerName } = new Source(`${spec.tenant}-${source}`, args, opts);
    if (sourceSpec.schedule !== undefined) schedules[source] = schedulerName;
  }
  return schedules;
}
