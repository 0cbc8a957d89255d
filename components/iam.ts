/** Every grant of a tenant, as data: what the components create, exactly, and what the tests compare with. Pure. */
import { secretId } from '../tenants/naming.ts';
import { accessOf, readersOf } from './access/index.ts';
import { distinct, type Grant, type Scope } from './grant.ts';
import { secretsOf, type TenantPlan } from './tenant-plan.ts';

/**
 * All grants of a tenant. Nothing wider than a thing of the tenant, except the roles that exist on projects only:
 * starting jobs of BigQuery and of Dataflow. Hard isolation of those is a project of the tenant's own.
 */
export function tenantGrants(plan: TenantPlan): Grant[] {
  return distinct([
    ...runnerGrants(plan),
    ...schedulerGrants(plan),
    ...webhookGrants(plan),
    ...tasksGrants(plan),
    ...dataflowGrants(plan),
    ...Object.keys(plan.connections).flatMap((name) => accessOf(plan, name).grants),
  ]);
}

/** What owners of other projects and clouds must run themselves, by connection. */
export function ownerCommands(plan: TenantPlan): Record<string, string[]> {
  const all = Object.keys(plan.connections).map((name): [string, string[]] => [
    name,
    [...accessOf(plan, name).commands],
  ]);
  const images = plan.project === plan.platform.project ? [] : [['images', [imageCommand(plan)]] as [string, string[]]];
  return Object.fromEntries([...all, ...images].filter(([, commands]) => commands.length > 0));
}

function runnerGrants(plan: TenantPlan): Grant[] {
  const { project, staging, raw, evidence, datasets, secrets, bucket, topic } = plan;
  const may = granting('runner', plan.runner.member);
  return [
    ...[raw, staging, evidence, ...datasets].map((name) =>
      may('roles/bigquery.dataEditor', { on: 'dataset', project, name }),
    ),
    may('roles/bigquery.jobUser', { on: 'project', project }),
    ...secrets.map((name) => may('roles/secretmanager.secretAccessor', secretScope(plan, name))),
    may('roles/storage.objectUser', { on: 'bucket', name: bucket }),
    may('roles/pubsub.publisher', { on: 'topic', project, name: topic }),
    may('roles/run.invoker', webhookScope(plan)),
  ];
}

/** It may wake the webhook, and see no data. */
function schedulerGrants(plan: TenantPlan): Grant[] {
  return [granting('scheduler', plan.scheduler.member)('roles/run.invoker', webhookScope(plan))];
}

/** It may start, watch and cancel this tenant's job and publish what became of it, and holds no secret and no data. */
function webhookGrants(plan: TenantPlan): Grant[] {
  const { project, region, job, topic, platform } = plan;
  const may = granting('webhook', `serviceAccount:${platform.webhookAccount}`);
  const scope: Scope = { on: 'job', project, location: region, name: job };
  return [
    may('roles/run.jobsExecutorWithOverrides', scope),
    may('roles/run.viewer', scope),
    may('roles/pubsub.publisher', { on: 'topic', project, name: topic }),
  ];
}

/** A run that shares its read starts its own job again, under the same account: what it may do grows by nothing else. */
function tasksGrants({ project, region, job, tasks, runner }: TenantPlan): Grant[] {
  if (!tasks) return [];
  const may = granting('runner', runner.member);
  const scope: Scope = { on: 'job', project, location: region, name: job };
  return [may('roles/run.jobsExecutorWithOverrides', scope), may('roles/run.viewer', scope)];
}

/** The workers read the source and write parts; BigQuery they never see. */
function dataflowGrants(plan: TenantPlan): Grant[] {
  const { project, bucket, platform, dataflow } = plan;
  if (dataflow === undefined) return [];
  const launches = granting('runner', plan.runner.member);
  const may = granting('dataflow', dataflow.account.member);
  const distributed = Object.entries(plan.connections).filter(([name]) =>
    readersOf(plan, name).some(({ identity }) => identity === 'dataflow'),
  );
  return [
    launches('roles/dataflow.developer', { on: 'project', project }),
    launches('roles/iam.serviceAccountUser', { on: 'account', project, name: dataflow.account.id }),
    may('roles/dataflow.worker', { on: 'project', project }),
    may('roles/artifactregistry.reader', {
      on: 'repository',
      project: platform.project,
      location: platform.region,
      name: platform.registry,
    }),
    may('roles/storage.objectAdmin', { on: 'bucket', name: bucket }),
    ...[...distributed.flatMap(([, connection]) => secretsOf(connection)), ...plan.runSecrets].map((name) =>
      may('roles/secretmanager.secretAccessor', secretScope(plan, name)),
    ),
  ];
}

/** Cloud Run pulls images as its own agent, which the platform's project does not know. */
function imageCommand({ project, platform }: TenantPlan): string {
  const agent = `service-$(gcloud projects describe ${project} --format='value(projectNumber)')@serverless-robot-prod.iam.gserviceaccount.com`;
  return `gcloud artifacts repositories add-iam-policy-binding ${platform.registry} --project=${platform.project} --location=${platform.region} --member=serviceAccount:${agent} --role=roles/artifactregistry.reader`;
}

function granting(identity: Grant['identity'], member: string) {
  return (role: string, scope: Scope): Grant => ({ identity, member, role, scope });
}

function secretScope({ project, tenant }: TenantPlan, name: string): Scope {
  return { on: 'secret', project, name: secretId(tenant, name) };
}

function webhookScope({ platform }: TenantPlan): Scope {
  return { on: 'service', project: platform.project, location: platform.region, name: platform.webhookService };
}
