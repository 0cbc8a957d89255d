/** Platforms and tenants for the tests of components. */
import { type PlatformOutputs, readPlatformOutputs } from '../../stacks/contract.ts';
import type { PlatformSettings } from '../../stacks/platform.ts';
import { tenantProgram } from '../../stacks/tenant.ts';
import { type TenantInput, type TenantSpec, tenantSchema } from '../../tenants/schema/index.ts';
import { type Registered, register } from './harness.ts';

const DIGEST = 'sha256:'.padEnd(71, 'a');

export const settings: PlatformSettings = {
  env: 'dev',
  project: 'tributary-dev',
  region: 'europe-west1',
  webhookImage: `europe-west1-docker.pkg.dev/tributary-dev/tributary/webhook@${DIGEST}`,
  runnerImage: `europe-west1-docker.pkg.dev/tributary-dev/tributary/runner@${DIGEST}`,
  alertEmails: ['oncall@example.com'],
};

export const AZURE_DIRECTORY = '11111111-2222-4333-8444-555555555555';

/** A platform that is up, with every optional part. */
export const platform: PlatformOutputs = readPlatformOutputs(
  {
    schemaVersion: 1,
    env: 'dev',
    project: 'tributary-dev',
    region: 'europe-west1',
    webhookUrl: 'https://tributary-webhook-abc-ew.a.run.app',
    webhookAudience: 'https://tributary.tributary-dev.internal',
    webhookService: 'tributary-webhook',
    webhookAccount: 'tributary-webhook@tributary-dev.iam.gserviceaccount.com',
    registry: 'tributary',
    runnerImage: settings.runnerImage,
    dataflowImage: `europe-west1-docker.pkg.dev/tributary-dev/tributary/dataflow@${DIGEST}`,
    stateBucket: 'tributary-dev-tributary-state',
    runStoreDatabase: 'tributary',
    notificationChannels: [],
    billingAccount: '012345-6789AB-CDEF01',
    aws: { account: '123456789012' },
    azure: {
      directory: AZURE_DIRECTORY,
      subscription: '22222222-2222-4333-8444-555555555555',
      resourceGroup: 'tributary',
      location: 'westeurope',
    },
  },
  'platform.dev',
);

/** The smallest platform: no Dataflow, no other cloud, no budgets. */
export const plainPlatform: PlatformOutputs = (() => {
  const { dataflowImage: _, aws: __, azure: ___, billingAccount: ____, ...plain } = platform;
  return plain;
})();

export function tenant(input: TenantInput): TenantSpec {
  return tenantSchema.parse(input);
}

/** One source of each kind, with `name` in whatever could be confused with another tenant's. */
export function everyKind(name: string): TenantSpec {
  return tenant({
    tenant: name,
    owners: [`data@${name}.example`],
    budget: { monthly: 100 },
    connections: {
      shop: { kind: 'postgres', host: 'db', database: 'shop', user: 'reader', secret: 'shop-password' },
      legacy: { kind: 'mysql', host: 'db', database: 'erp', user: 'reader', secret: 'legacy-password' },
      so: { kind: 'bigquery', project: 'bigquery-public-data' },
      app: { kind: 'firestore', project: `${name}-app` },
      landing: { kind: 'gcs', bucket: `${name}-landing`, project: 'tributary-dev' },
      partner: {
        kind: 's3',
        bucket: `${name}-drop`,
        region: 'eu-west-1',
        role: `arn:aws:iam::123456789012:role/etl/${name}`,
      },
      erp: {
        kind: 'azure-blob',
        account: `${name}erp`,
        container: 'exports',
        tenantId: AZURE_DIRECTORY,
        clientId: AZURE_DIRECTORY,
      },
    },
    sources: {
      orders: {
        connection: 'shop',
        table: 'public.orders',
        columns: { mask: { email: 'hmac-sha256' } },
        load: { strategy: 'catalog' },
        schedule: { cron: '0 3 * * *', timeZone: 'Europe/Warsaw' },
      },
      customers: { connection: 'shop', table: 'customers', load: { strategy: 'catalog' } },
      invoices: { connection: 'legacy', table: 'invoices', load: { strategy: 'catalog' } },
      questions: { connection: 'so', table: 'stackoverflow.posts_questions', load: { strategy: 'catalog' } },
      products: { connection: 'app', collection: 'products', load: { strategy: 'catalog' } },
      clicks: {
        connection: 'landing',
        files: { format: 'parquet' },
        load: { strategy: 'transactional', mode: 'append' },
      },
      prices: {
        connection: 'partner',
        files: { prefix: 'prices/', format: 'json' },
        load: { strategy: 'transactional', mode: 'append' },
        schedule: { cron: '5 * * * *', paused: true },
      },
      exports: { connection: 'erp', files: { format: 'csv' }, load: { strategy: 'transactional', mode: 'append' } },
    },
  });
}

export function registerTenant(spec: TenantSpec, outputs: PlatformOutputs = platform): Promise<readonly Registered[]> {
  return register(() => tenantProgram(spec, outputs));
}
