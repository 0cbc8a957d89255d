/** One good resource of each kind that the suites spoil, each time in one place. */
import type { Properties } from './values.ts';

export const project = 'acme-data';
const location = 'europe-west1';
export const runner = `trb-acme-runner@${project}.iam.gserviceaccount.com`;
export const image = `europe-west1-docker.pkg.dev/acme-data/tributary/runner@sha256:${'0'.repeat(64)}`;

export const good = {
  'gcp:serviceaccount/account:Account': { project, accountId: 'trb-acme-runner', displayName: 'Runner of acme' },
  'gcp:bigquery/dataset:Dataset': { project, datasetId: 'acme_raw', location: 'EU', labels: { tenant: 'acme' } },
  'gcp:bigquery/datasetIamMember:DatasetIamMember': {
    project,
    datasetId: 'acme_raw',
    role: 'roles/bigquery.dataEditor',
    member: `serviceAccount:${runner}`,
  },
  'gcp:bigquery/table:Table': {
    project,
    datasetId: 'acme_raw',
    tableId: 'orders',
    schema: '[{"name":"id","type":"INT64"}]',
    deletionProtection: false,
  },
  'gcp:secretmanager/secret:Secret': {
    project,
    secretId: 'tributary-acme_shop-password',
    replication: { userManaged: { replicas: [{ location }] } },
  },
  'gcp:secretmanager/secretIamMember:SecretIamMember': {
    project,
    secretId: 'tributary-acme_shop-password',
    role: 'roles/secretmanager.secretAccessor',
    member: `serviceAccount:${runner}`,
  },
  'gcp:storage/bucket:Bucket': {
    project,
    name: 'acme-data-trb-acme-staging',
    location: 'EU',
    uniformBucketLevelAccess: true,
  },
  'gcp:pubsub/topic:Topic': { project, name: 'tributary-acme-landed' },
  'gcp:cloudrunv2/service:Service': {
    project,
    location,
    name: 'tributary-webhook',
    customAudiences: ['https://tributary.acme-data.internal'],
    deletionProtection: false,
    template: { serviceAccount: runner, timeout: '60s', containers: [{ image, ports: { containerPort: 8080 } }] },
  },
  'gcp:cloudrunv2/job:Job': {
    project,
    location,
    name: 'tributary-acme-run',
    deletionProtection: false,
    template: {
      taskCount: 1,
      template: {
        serviceAccount: runner,
        maxRetries: 1,
        timeout: '3600s',
        containers: [
          { image, resources: { limits: { cpu: '4', memory: '8Gi' } }, envs: [{ name: 'TENANT', value: 'acme' }] },
        ],
      },
    },
  },
  'gcp:cloudscheduler/job:Job': {
    project,
    region: location,
    name: 'tributary-acme_orders',
    schedule: '*/15 * * * *',
    timeZone: 'Europe/Warsaw',
    attemptDeadline: '60s',
    httpTarget: {
      uri: 'https://tributary.example/v1/tenants/acme/sources/orders/trigger',
      httpMethod: 'POST',
      body: 'e30=',
      oidcToken: { serviceAccountEmail: runner, audience: 'https://tributary.acme-data.internal' },
    },
  },
  'gcp:monitoring/alertPolicy:AlertPolicy': {
    project,
    displayName: 'A run of acme failed',
    combiner: 'OR',
    conditions: [
      { displayName: 'failed', conditionThreshold: { filter: 'x', comparison: 'COMPARISON_GT', duration: '0s' } },
    ],
  },
  'aws:iam/role:Role': {
    name: 'tributary-acme',
    assumeRolePolicy: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRoleWithWebIdentity' }],
    }),
  },
  'azure-native:managedidentity:UserAssignedIdentity': { resourceGroupName: 'data', resourceName: 'tributary-acme' },
} as const satisfies Record<string, Properties>;

export type ExampleType = keyof typeof good;

/** The good one with one property set: `spoiled('gcp:…', 'template.containers.0.image', 'x')`; undefined takes it away. */
export function spoiled(type: ExampleType, path: string, value: unknown): Properties {
  const copy = structuredClone(good[type]) as Record<string, unknown>;
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let at = copy;
  for (const step of steps) {
    at[step] ??= {};
    at = at[step] as Record<string, unknown>;
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy as Properties;
}
