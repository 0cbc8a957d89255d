import { Metric } from '@pulumi/gcp/logging/metric.js';
import type { NotificationChannel } from '@pulumi/gcp/monitoring/notificationChannel.js';
import { IAMAuditConfig } from '@pulumi/gcp/projects/iamauditConfig.js';
import { Service as Api } from '@pulumi/gcp/projects/service.js';
import {
  all,
  ComponentResource,
  type ComponentResourceOptions,
  type Output,
  output,
  type Resource,
} from '@pulumi/pulumi';
import { PLATFORM } from '../tenants/naming.ts';
import { createAlert, createBudget, createChannels, LATE_METRIC } from './alerting.ts';
import { createGrants, madeKey } from './grants.ts';
import type { PlatformArgs } from './platform-args.ts';
import { createKeys, createRegistry, createRunStore, createState } from './platform-data.ts';
import { type PlatformPlan, planPlatform } from './platform-plan.ts';
import { createTenants } from './platform-tenants.ts';
import { computeOptions } from './protection.ts';
import { createSweep } from './sweep.ts';
import { createWebhook, createWebhookAccount } from './webhook.ts';

/**
 * What all tenants of one environment share, and nothing of any of them: APIs, registry, webhook, run store, state,
 * alerts and audit. A tenant's stack reads its outputs.
 *
 * @example
 * new Platform('platform', { env: 'dev', project: 'tributary-dev', region: 'europe-west1', webhookImage, runnerImage });
 */
export class Platform extends ComponentResource {
  /** Address of the webhook, without a path. */
  readonly webhookUrl: Output<string>;
  /** Audience of every token for the webhook. @example "https://tributary.tributary-dev.internal" */
  readonly webhookAudience: Output<string>;
  /** Name of the webhook's Cloud Run service. */
  readonly webhookService: Output<string>;
  /** Address of the webhook's service account. */
  readonly webhookAccount: Output<string>;
  /** Id of the Docker repository. */
  readonly registry: Output<string>;
  /** Bucket of stack state. */
  readonly stateBucket: Output<string>;
  /** Firestore database of runs and leases. */
  readonly runStoreDatabase: Output<string>;
  /** Key for data in the region, empty where there is none. */
  readonly kmsKey: Output<string>;
  /** Key for datasets of a multi-region, empty where there is none. */
  readonly datasetKey: Output<string>;
  /** Resource names of the alert channels. */
  readonly notificationChannels: Output<string[]>;

  constructor(name: string, args: PlatformArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:Platform', name, {}, opts);
    const plan = planPlatform(args);
    const apis = createApis(this, name, plan);
    createAudit(this, name, plan, apis);
    const keys = createKeys(this, name, plan, apis);
    const ready = [...apis, ...keys];
    const registry = createRegistry(this, name, plan, ready);
    const state = createState(this, name, plan, ready);
    const tenants = createTenants(this, name, plan, ready);
    const runStore = createRunStore(this, name, plan, ready);
    const account = createWebhookAccount(this, name, plan, apis);
    const made = new Map<string, Resource>([
      [plan.webhookMember, account],
      [madeKey('repository', PLATFORM.registry), registry],
      [madeKey('bucket', plan.tenantsBucket), tenants],
    ]);
    const granted = createGrants(this, name, plan.grants, made);
    const webhook = createWebhook(this, name, args, plan, [account, runStore, ...granted]);
    createGrants(this, name, plan.callers, new Map([[madeKey('service', PLATFORM.webhookService), webhook]]));
    createSweep(this, name, plan, webhook, apis);
    const channels = createAlerts(this, name, args, plan, apis);
    createBudget(this, name, { ...budgetOf(args), channels });

    this.webhookUrl = webhook.uri;
    this.webhookAudience = output(plan.webhookAudience);
    this.webhookService = webhook.name;
    this.webhookAccount = output(plan.webhookEmail);
    this.registry = registry.repositoryId;
    this.stateBucket = state.name;
    this.runStoreDatabase = runStore.name;
    this.kmsKey = output(plan.kmsKey ?? '');
    this.datasetKey = output(plan.datasetKey ?? '');
    this.notificationChannels = all(channels.map(({ id }) => id));
    this.registerOutputs({
      webhookUrl: this.webhookUrl,
      webhookAudience: this.webhookAudience,
      webhookService: this.webhookService,
      webhookAccount: this.webhookAccount,
      registry: this.registry,
      stateBucket: this.stateBucket,
      runStoreDatabase: this.runStoreDatabase,
      kmsKey: this.kmsKey,
      datasetKey: this.datasetKey,
      notificationChannels: this.notificationChannels,
    });
  }
}

/** Once enabled they stay: another program of the project may need them. */
function createApis(parent: Platform, name: string, { project: home, projects, apis }: PlatformPlan): Api[] {
  return projects.flatMap((project) =>
    apis.map((service) => {
      const of = project === home ? '' : `${project}-`;
      return new Api(
        `${name}-api-${of}${service.replace('.googleapis.com', '')}`,
        { project, service, disableOnDestroy: false, disableDependentServices: false },
        { parent, retainOnDelete: true },
      );
    }),
  );
}

/** Who read a secret, and who took on an identity. The configuration is authoritative for its service, hence only here. */
function createAudit(parent: Platform, name: string, { projects, project: home }: PlatformPlan, apis: Api[]): void {
  for (const project of projects) {
    for (const service of ['secretmanager', 'iam']) {
      new IAMAuditConfig(
        `${name}-audit-${project === home ? '' : `${project}-`}${service}`,
        {
          project,
          service: `${service}.googleapis.com`,
          auditLogConfigs: [{ logType: 'ADMIN_READ' }, { logType: 'DATA_READ' }, { logType: 'DATA_WRITE' }],
        },
        computeOptions({ parent, dependsOn: apis }, false),
      );
    }
  }
}

/** The metric of late sources in every project that runs jobs, and the policies on it where runs of all tenants are seen. */
function createAlerts(
  parent: Platform,
  name: string,
  args: PlatformArgs,
  plan: PlatformPlan,
  apis: Api[],
): NotificationChannel[] {
  const { project: home, projects, labels } = plan;
  const metrics = projects.map(
    (project) =>
      new Metric(
        `${name}-late${project === home ? '' : `-${project}`}`,
        {
          project,
          name: LATE_METRIC,
          description: 'Sources whose newest row is older than their freshness test allows.',
          filter: 'resource.type="cloud_run_job" AND jsonPayload.event="source.late"',
          metricDescriptor: {
            metricKind: 'DELTA',
            valueType: 'INT64',
            unit: '1',
            labels: [
              { key: 'tenant', valueType: 'STRING' },
              { key: 'source', valueType: 'STRING' },
            ],
          },
          labelExtractors: { tenant: 'EXTRACT(jsonPayload.tenant)', source: 'EXTRACT(jsonPayload.source)' },
        },
        computeOptions({ parent, dependsOn: apis }, false),
      ),
  );
  const addresses = args.alertEmails ?? [];
  const channels = createChannels(parent, name, { project: home, labels, addresses, dependsOn: apis });
  const displayName = `tributary: all tenants of ${plan.env}`;
  createAlert(parent, name, { project: home, labels, displayName, channels, dependsOn: metrics });
  return channels;
}

function budgetOf({ billingAccount, budget, env }: PlatformArgs) {
  return { billingAccount, budget, displayName: `platform ${env}`, tenant: 'shared' };
}
