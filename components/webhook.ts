/** The one service of the platform, behind its own account. */
import { Service } from '@pulumi/gcp/cloudrunv2/service.js';
import { Account as ServiceAccount } from '@pulumi/gcp/serviceaccount/account.js';
import type { Resource } from '@pulumi/pulumi';
import { PLATFORM } from '../tenants/naming.ts';
import { keyFor } from './encryption.ts';
import { notificationVariables, type Variable } from './notifications.ts';
import type { PlatformArgs } from './platform-args.ts';
import type { PlatformPlan } from './platform-plan.ts';
import { computeOptions, deletionPolicy } from './protection.ts';
import { SIZES, seconds } from './sizing.ts';

export function createWebhookAccount(
  parent: Resource,
  name: string,
  plan: PlatformPlan,
  dependsOn: Resource[],
): ServiceAccount {
  return new ServiceAccount(
    `${name}-webhook-account`,
    {
      project: plan.project,
      accountId: PLATFORM.webhookAccount,
      displayName: 'tributary: webhook',
      deletionPolicy: deletionPolicy(false),
    },
    computeOptions({ parent, dependsOn }, false),
  );
}

/**
 * Reached from inside, by Cloud Scheduler of the same project and by runs through the network, and where people come
 * through Identity-Aware Proxy by its load balancer. Never directly from the internet.
 * Its audience is a literal, so that tokens, checks and policies all know it before it has an address.
 */
export function createWebhook(
  parent: Resource,
  name: string,
  args: PlatformArgs,
  plan: PlatformPlan,
  dependsOn: Resource[],
): Service {
  const { project, region, labels } = plan;
  const { cpu, memory, timeoutSeconds, concurrency, minInstances, maxInstances } = SIZES.webhook;
  const key = keyFor(region, plan);
  const probe = { path: '/healthz', port: 8080 };
  return new Service(
    `${name}-webhook`,
    {
      project,
      location: region,
      name: PLATFORM.webhookService,
      description: 'Starts runs and keeps their state.',
      labels,
      ingress: args.iap === undefined ? 'INGRESS_TRAFFIC_INTERNAL_ONLY' : 'INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER',
      invokerIamDisabled: false,
      customAudiences: [plan.webhookAudience],
      deletionProtection: false,
      deletionPolicy: deletionPolicy(false),
      scaling: { minInstanceCount: minInstances, maxInstanceCount: maxInstances },
      template: {
        labels,
        serviceAccount: plan.webhookEmail,
        executionEnvironment: 'EXECUTION_ENVIRONMENT_GEN2',
        timeout: seconds(timeoutSeconds),
        maxInstanceRequestConcurrency: concurrency,
        ...(key === undefined ? {} : { encryptionKey: key }),
        containers: [
          {
            image: args.webhookImage,
            ports: { containerPort: 8080 },
            resources: { limits: { cpu, memory }, cpuIdle: true, startupCpuBoost: true },
            envs: environment(args, plan),
            startupProbe: { httpGet: probe, periodSeconds: 5, failureThreshold: 6 },
            livenessProbe: { httpGet: probe, periodSeconds: 30, failureThreshold: 3 },
          },
        ],
      },
      traffics: [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100 }],
    },
    computeOptions({ parent, dependsOn }, false),
  );
}

function environment(args: PlatformArgs, plan: PlatformPlan): Variable[] {
  const { admins = [], peopleAudience, iap, publicUrl, otlpEndpoint, notifications = {} } = args;
  const principals = admins.map((admin) => (admin.includes(':') ? admin : `user:${admin}`));
  const optional = {
    TRIBUTARY_ADMINS: principals.length === 0 ? undefined : principals.join(','),
    TRIBUTARY_PEOPLE_AUDIENCE: peopleAudience,
    TRIBUTARY_IAP_AUDIENCE: iap?.audience,
    TRIBUTARY_PUBLIC_URL: publicUrl,
    OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint,
  };
  return [
    { name: 'NODE_OPTIONS', value: SIZES.webhook.nodeOptions },
    { name: 'TRIBUTARY_ENV', value: plan.env },
    { name: 'TRIBUTARY_PROJECT', value: plan.project },
    { name: 'TRIBUTARY_REGION', value: plan.region },
    { name: 'TRIBUTARY_AUDIENCE', value: plan.webhookAudience },
    // The IAM check is on: Cloud Run has verified the signature and takes it away before the container sees it.
    { name: 'TRIBUTARY_OIDC_SIGNATURE', value: 'checked-by-cloud-run' },
    { name: 'TRIBUTARY_LAUNCHER', value: 'cloud-run' },
    ...notificationVariables(notifications),
    { name: 'TRIBUTARY_RUN_STORE', value: `firestore:${PLATFORM.runStoreDatabase}` },
    { name: 'TRIBUTARY_STATE_BUCKET', value: plan.stateBucket },
    { name: 'TRIBUTARY_TENANTS_BUCKET', value: plan.tenantsBucket },
    ...Object.entries(optional).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }])),
  ];
}
