/** Tenant → every physical name. Pure, and the same everywhere: components, runner, policies. */
import { createHash } from 'node:crypto';
import type { DestinationSpec } from './schema/destination.ts';
import type { TenantSpec } from './schema/tenant.ts';

export { columnNames, isReservedColumn } from './column-names.ts';

/** Where the rows of a source land. */
export interface TableName {
  readonly dataset: string;
  readonly table: string;
}

/** The identities of a tenant. */
export type AccountRole = 'runner' | 'scheduler' | 'dataflow';

/** The shared identities and the names of what the platform holds for all tenants. */
export const PLATFORM = {
  webhookAccount: 'tributary-webhook',
  webhookService: 'tributary-webhook',
  /** Account and scheduler job of the sweep. */
  sweep: 'tributary-sweep',
  registry: 'tributary',
  runStoreDatabase: 'tributary',
  keyRing: 'tributary',
  dataKey: 'data',
} as const;

/** The secret of a tenant that keys `hmac-sha256` masks. */
export const MASK_SECRET = 'mask-key';

/** A name for BigQuery: everything that is no letter, digit or `_` becomes `_`. */
export function tableSafe(name: string): string {
  return name.replace(/[^A-Za-z0-9_]/g, '_');
}

/** Default dataset of a tenant's rows: `acme_raw`. */
export function rawDataset(tenant: string): string {
  return `${tableSafe(tenant)}_raw`;
}

/** Dataset of what a run leaves behind when it is killed; its tables expire. */
export function stagingDataset(tenant: string): string {
  return `${tableSafe(tenant)}_staging`;
}

/** Dataset of the evidence tables: `acme_tributary`. */
export function evidenceDataset(tenant: string): string {
  return `${tableSafe(tenant)}_tributary`;
}

/**
 * Where the rows of a source land.
 *
 * @throws RangeError where the tenant has no such source.
 */
export function destinationOf(
  tenant: Pick<TenantSpec, 'tenant'> & {
    sources: Record<string, { destination: Pick<DestinationSpec, 'dataset' | 'table'> }>;
  },
  source: string,
): TableName {
  const spec = Object.hasOwn(tenant.sources, source) ? tenant.sources[source] : undefined;
  if (spec === undefined) throw new RangeError(`tenant ${tenant.tenant} has no source ${source}`);
  return {
    dataset: spec.destination.dataset ?? rawDataset(tenant.tenant),
    table: spec.destination.table ?? tableSafe(source),
  };
}

/** The view of the newest snapshot beside a table of dated ones. */
export function latestView(table: string): string {
  return `${table}_latest`;
}

/** Account id of 6 to 30 characters, before `@<project>.iam.gserviceaccount.com`. */
export function serviceAccount(tenant: string, role: AccountRole): string {
  return shortened(`trb-${tenant}-${role}`, 30);
}

/**
 * The address of a service account.
 *
 * @example accountEmail('trb-acme-runner', 'acme-data') // 'trb-acme-runner@acme-data.iam.gserviceaccount.com'
 */
export function accountEmail(account: string, project: string): string {
  return `${account}@${projectDomain(project)}.iam.gserviceaccount.com`;
}

/** A service account as IAM writes it; a literal, so that policies see it before anything exists. */
export function accountMember(account: string, project: string): string {
  return `serviceAccount:${accountEmail(account, project)}`;
}

/** The audience of every token for the webhook: a literal, not the address the service happens to get. */
export function webhookAudience(project: string): string {
  return `https://tributary.${projectDomain(project)}.internal`;
}

/** The audience a tenant's runner asks for when it assumes a role in Amazon; the role's trust demands it. */
export function awsAudience(tenant: string): string {
  return `tributary-${tenant}`;
}

/** What a schedule calls and a person triggers: `/v1/tenants/acme/sources/orders/trigger`. */
export function triggerPath(tenant: string, source: string): string {
  return `/v1/tenants/${tenant}/sources/${source}/trigger`;
}

/** What the platform's own schedule calls every minute. */
export const SWEEP_PATH = '/v1/sweep';

/** Bucket of the platform's own state: templates of Dataflow and the state of stacks. */
export function stateBucket(project: string): string {
  return shortened(`${bucketSafe(project)}-tributary-state`, 63);
}

/** Bucket of the files of tenants, which the webhook reads and its API writes. */
export function tenantsBucket(project: string): string {
  return shortened(`${bucketSafe(project)}-tributary-tenants`, 63);
}

/** The file of a tenant in that bucket: `tenants/acme.yaml`. */
export function tenantObject(tenant: string): string {
  return `${TENANT_OBJECTS.prefix}${tenant}${TENANT_OBJECTS.suffix}`;
}

/** What is around the name of a tenant in {@link tenantObject}. */
export const TENANT_OBJECTS = { prefix: 'tenants/', suffix: '.yaml' } as const;

/** Stack of the platform: `platform.dev`. No tenant may be called `platform`. */
export function platformStack(env: string): string {
  return `platform.${env}`;
}

/** Stack of a tenant: `acme.dev`. */
export function tenantStack(tenant: string, env: string): string {
  return `${tenant}.${env}`;
}

/**
 * The specification of a Dataflow template in the staging bucket, outside the folders that expire: no tenant begins with
 * `_`. Another content is another object, so that a run keeps the one it was started with.
 *
 * @example dataflowTemplate('{…}') // '_templates/dataflow-0f343b0931126a20.json'
 */
export function dataflowTemplate(content: string): string {
  return `_templates/dataflow-${digest(content, 16)}.json`;
}

/** Folder in the staging bucket for what Dataflow itself puts somewhere; it expires. */
export const DATAFLOW_FOLDER = 'dataflow/';

/** Managed identity in Azure of a connection without a key; 3 to 128 characters. */
export function azureIdentity(tenant: string, connection: string): string {
  return `tributary-${tenant}-${connection}`;
}

/** A GUID made of a text; Azure names role assignments so, and one of chance would be a new one each time. */
export function stableGuid(text: string): string {
  const hex = digest(text, 32);
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20)].join('-');
}

/** The Cloud Run job that runs every source of a tenant. */
export function jobName(tenant: string): string {
  return `tributary-${tenant}-run`;
}

/** The scheduler job of a source; a tenant holds no `_`, so no two pairs share a name. */
export function schedulerJob(tenant: string, source: string): string {
  return `tributary-${tenant}_${source}`;
}

/**
 * The Dataflow job of a work of splits. Two of one name cannot be active at once.
 *
 * @param fencingToken of the process that laid the work down
 */
export function dataflowJob(tenant: string, source: string, runId: string, fencingToken: number): string {
  return `${dataflowJobs(tenant, source, runId)}${fencingToken}`;
}

/** What the names of all Dataflow jobs of a run begin with; a fencing token is the rest. */
export function dataflowJobs(tenant: string, source: string, runId: string): string {
  const name = `trb-${tenant}-${source}-${runId}`;
  const safe = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-+$/, '');
  const base = safe === name ? shortened(safe, 50) : `${safe.slice(0, 41).replace(/-+$/, '')}-${digest(name, 8)}`;
  return `${base}-t`;
}

/** Secret Manager's id of a secret of a tenant; a tenant holds no `_`, so no two pairs share one. */
export function secretId(tenant: string, name: string): string {
  return `tributary-${tenant}_${name}`;
}

/** The environment variable that holds a secret on a laptop. */
export function secretVariable(name: string): string {
  return `TRIBUTARY_SECRET_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** Topic of the "rows landed" events. */
export function eventTopic(tenant: string): string {
  return `tributary-${tenant}-landed`;
}

/** Id of a stream at Datastream and of its Dataflow job: small letters, digits and -, 50 at most. */
export function streamId(tenant: string, stream: string): string {
  const name = `trb-${tenant}-${stream}`.replaceAll('_', '-').slice(0, 41).replace(/-+$/, '');
  return `${name}-${digest(`${tenant}/${stream}`, 8)}`;
}

/** Account id of the Dataflow workers of one stream. */
export function streamAccount(tenant: string, stream: string): string {
  return `trb-${digest(`${tenant}/${stream}`, 8)}-stream`;
}

/** Topic and subscription of a stream; a tenant holds no `_`, so no two pairs share one. */
export function streamTopic(tenant: string, stream: string): string {
  return `tributary-${tenant}_${stream}`;
}

/** Topic and subscription of what could not be written; a stream holds no `.`, so it is no stream's own. */
export function deadLetterTopic(tenant: string, stream: string): string {
  return `${streamTopic(tenant, stream)}.dead-letter`;
}

/** Where a stream of Pub/Sub lands. */
export function streamTable(
  tenant: string,
  stream: string,
  { dataset, table }: { readonly dataset?: string | undefined; readonly table?: string | undefined },
): TableName {
  return { dataset: dataset ?? rawDataset(tenant), table: table ?? tableSafe(stream) };
}

/** What Datastream calls the table of `public.orders` in a dataset of all schemas. */
export function capturedTable(table: string): string {
  return tableSafe(table.replace('.', '_'));
}

/** How the datasets of a stream begin that has one for each schema: `acme_shop_`. */
export function captureDatasets(tenant: string, stream: string): string {
  return `${tableSafe(tenant)}_${tableSafe(stream)}_`;
}

/** The code of a transform in the staging bucket, outside the folders that expire; other code, other name. */
export function transformObject(stream: string, javascript: string): string {
  return `templates/streams/${stream}-${digest(javascript, 8)}.js`;
}

/** Bucket of a tenant's staged objects; bucket names are global, hence the project. */
export function stagingBucket(project: string, tenant: string): string {
  return shortened(`${bucketSafe(project)}-trb-${tenant}-staging`, 63);
}

/**
 * Folder of a run in the staging bucket, `acme/orders/<run id>/`; with a fencing token that of one process of it,
 * `acme/orders/<run id>/7/`, so that two that live at once never mix.
 */
export function stagingPath(tenant: string, source: string, runId: string, fencingToken?: number): string {
  return `${tenant}/${source}/${runId}/${fencingToken === undefined ? '' : `${fencingToken}/`}`;
}

/**
 * Staging table of a run, or of one process of it. Without a run id it is the prefix of all staging tables of the
 * source, and of no other source's.
 */
export function stagingTable(tenant: string, source: string, runId: string, fencingToken?: number): string {
  const pair = digest(`${tenant}/${source}`, 8);
  const token = fencingToken === undefined ? '' : `_t${fencingToken}`;
  return `_stage_${tableSafe(tenant)}_${tableSafe(source)}_${pair}_${tableSafe(runId)}${token}`;
}

/** Labels of every resource: of a tenant, or of the platform that all tenants share. */
export function labels(owner: {
  tenant?: string;
  env: string;
  costCenter?: string | undefined;
}): Record<string, string> {
  return {
    tenant: owner.tenant ?? 'shared',
    env: owner.env,
    cost_center: owner.costCenter ?? 'unassigned',
    managed_by: 'tributary',
  };
}

/** `example.com:my-project` is `my-project.example.com` wherever a host name is wanted. */
function projectDomain(project: string): string {
  return project.split(':').reverse().join('.');
}

function bucketSafe(project: string): string {
  return project.replace(/[^a-z0-9-]/g, '-');
}

function shortened(name: string, limit: number): string {
  if (name.length <= limit) return name;
  return `${name.slice(0, limit - 9).replace(/-+$/, '')}-${digest(name, 8)}`;
}

function digest(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
