import {
  all,
  ComponentResource,
  type ComponentResourceOptions,
  type Output,
  output,
  type Resource,
} from '@pulumi/pulumi';
import { createOwnerAlerts } from './alerting.ts';
import { createData, type Data } from './data.ts';
import { DataflowTemplate } from './dataflow-template.ts';
import { createDocument } from './document.ts';
import { createGrants, type Made, madeKey } from './grants.ts';
import { ownerCommands, tenantGrants } from './iam.ts';
import { createJob } from './job.ts';
import type { TenantArgs } from './tenant-args.ts';
import { planTenant, type TenantPlan } from './tenant-plan.ts';

/** What must exist before a schedule may fire; kept aside, for a field would be an output in every language. */
const foundations = new WeakMap<Tenant, readonly Resource[]>();

/**
 * Everything one tenant has for itself: datasets, secrets (empty), accounts with the least they need, a staging
 * bucket, the job that runs its sources, the topic of its events, and the alerts its owners get.
 *
 * @example
 * new Tenant('acme', { tenant: 'acme', location: 'EU', region: 'europe-west1', platform });
 */
export class Tenant extends ComponentResource {
  /** Address of the account that runs. @example "trb-acme-runner@acme-data.iam.gserviceaccount.com" */
  readonly runnerEmail: Output<string>;
  /** Numeric id of that account: the subject that Amazon and Azure trust. */
  readonly runnerUniqueId: Output<string>;
  /** Numeric id of the account of Dataflow workers; empty where the tenant needs none. */
  readonly dataflowUniqueId: Output<string>;
  /** Address of the account that schedules call the webhook as. */
  readonly schedulerEmail: Output<string>;
  /** Name of the Cloud Run job. @example "tributary-acme-run" */
  readonly jobName: Output<string>;
  /** Ids of all datasets. @example ["acme_raw", "acme_staging", "acme_tributary"] */
  readonly datasets: Output<string[]>;
  /** Ids of all secrets; they are empty until `tributary secret set`. @example ["tributary-acme_shop-password"] */
  readonly secrets: Output<string[]>;
  /** Name of the staging bucket. */
  readonly stagingBucket: Output<string>;
  /** Topic of "rows landed" events. @example "tributary-acme-landed" */
  readonly eventTopic: Output<string>;
  /** What owners of other projects and clouds must run themselves, by connection. */
  readonly ownerCommands: Output<Record<string, string[]>>;

  constructor(name: string, args: TenantArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:Tenant', name, {}, opts);
    const plan = planTenant(args);

    const grants = tenantGrants(plan);
    const data = createData(this, name, plan);
    const dataflow = createDataflow(this, name, plan, data);
    const made = madeOf(plan, data, dataflow);
    const granted = createGrants(
      this,
      name,
      grants.filter((grant) => grant.scope.on !== 'job'),
      made,
    );
    const job = createJob(this, name, plan, [data.runner, ...granted]);
    const jobMade = new Map([[madeKey('job', plan.job), job]]);
    const started = createGrants(
      this,
      name,
      grants.filter((grant) => grant.scope.on === 'job'),
      jobMade,
    );
    createOwnerAlerts(this, name, plan);

    const document = createDocument(this, name, plan, [job, ...started]);

    foundations.set(this, [data.scheduler, ...granted, job, ...started, ...(document === undefined ? [] : [document])]);
    this.runnerEmail = data.runner.email;
    this.runnerUniqueId = data.runner.uniqueId;
    this.dataflowUniqueId = dataflow?.serviceAccountUniqueId ?? output('');
    this.schedulerEmail = data.scheduler.email;
    this.jobName = job.name;
    this.datasets = all([...data.datasets.values()].map((dataset) => dataset.datasetId));
    this.secrets = all([...data.secrets.values()].map((secret) => secret.secretId));
    this.stagingBucket = data.bucket.name;
    this.eventTopic = data.topic.name;
    this.ownerCommands = output(ownerCommands(plan));
    this.registerOutputs({
      runnerEmail: this.runnerEmail,
      runnerUniqueId: this.runnerUniqueId,
      dataflowUniqueId: this.dataflowUniqueId,
      schedulerEmail: this.schedulerEmail,
      jobName: this.jobName,
      datasets: this.datasets,
      secrets: this.secrets,
      stagingBucket: this.stagingBucket,
      eventTopic: this.eventTopic,
      ownerCommands: this.ownerCommands,
    });
  }

  /** What must exist before a schedule may fire: the job, and every grant. */
  get foundations(): readonly Resource[] {
    return foundations.get(this) ?? [];
  }
}

function createDataflow(
  parent: Tenant,
  name: string,
  plan: TenantPlan,
  { bucket }: Data,
): DataflowTemplate | undefined {
  const { tenant, project, dataflow, platform } = plan;
  if (dataflow === undefined) return undefined;
  const { subnetwork } = platform;
  return new DataflowTemplate(
    `${name}-dataflow`,
    {
      tenant,
      project,
      account: dataflow.account.id,
      bucket: plan.bucket,
      image: dataflow.image,
      ...(subnetwork === undefined ? {} : { subnetwork }),
    },
    { parent, dependsOn: [bucket] },
  );
}

function madeOf(plan: TenantPlan, data: Data, dataflow: DataflowTemplate | undefined): Made {
  const made = new Map<string, Resource>([
    [plan.runner.member, data.runner],
    [plan.scheduler.member, data.scheduler],
    [madeKey('bucket', plan.bucket), data.bucket],
    [madeKey('topic', plan.topic), data.topic],
  ]);
  for (const [id, dataset] of data.datasets) made.set(madeKey('dataset', id), dataset);
  for (const [id, secret] of data.secrets) made.set(madeKey('secret', id), secret);
  if (plan.dataflow !== undefined && dataflow !== undefined) {
    made.set(plan.dataflow.account.member, dataflow);
    made.set(madeKey('account', plan.dataflow.account.id), dataflow);
  }
  return made;
}
