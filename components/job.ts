import { Job } from '@pulumi/gcp/cloudrunv2/job.js';
import type { Resource } from '@pulumi/pulumi';
import { dataflowTemplate } from '../tenants/naming.ts';
import { templateSpecification, workerSubnetwork } from './dataflow-template.ts';
import { keyFor } from './encryption.ts';
import { computeOptions, deletionPolicy } from './protection.ts';
import { SIZES, seconds } from './sizing.ts';
import type { TenantPlan } from './tenant-plan.ts';

/** One job for all sources of a tenant: overrides of a run reach arguments and environment, never the identity. */
export function createJob(parent: Resource, name: string, plan: TenantPlan, dependsOn: Resource[]): Job {
  const { project, region, labels, job, protection, runner, timeoutSeconds, platform } = plan;
  const key = keyFor(region, platform);
  return new Job(
    `${name}-job`,
    {
      project,
      location: region,
      name: job,
      labels,
      deletionProtection: protection.compute,
      deletionPolicy: deletionPolicy(protection.compute),
      template: {
        labels,
        taskCount: 1,
        // As many at once as an execution has: one, unless a run asks for more to share its read.
        parallelism: 0,
        template: {
          serviceAccount: runner.email,
          executionEnvironment: 'EXECUTION_ENVIRONMENT_GEN2',
          maxRetries: SIZES.job.maxRetries,
          timeout: seconds(timeoutSeconds),
          ...(key === undefined ? {} : { encryptionKey: key }),
          containers: [
            {
              image: platform.runnerImage,
              resources: { limits: { cpu: SIZES.job.cpu, memory: SIZES.job.memory } },
              envs: environment(plan).map(([variable, value]) => ({ name: variable, value })),
            },
          ],
          ...network(plan),
        },
      },
    },
    computeOptions({ parent, dependsOn }, protection.compute),
  );
}

/** Everything a run must know before it asks the webhook for its configuration. No secret, and no name of one. */
function environment(plan: TenantPlan): [string, string][] {
  const { tenant, project, location, region, bucket, topic, job, tasks, dataflow, platform } = plan;
  const common: [string, string][] = [
    ['TRIBUTARY_TENANT', tenant],
    ['TRIBUTARY_ENV', platform.env],
    ['TRIBUTARY_PROJECT', project],
    ['TRIBUTARY_LOCATION', location],
    ['TRIBUTARY_REGION', region],
    ['TRIBUTARY_STAGING_BUCKET', bucket],
    ['TRIBUTARY_EVENT_TOPIC', topic],
    ['TRIBUTARY_WEBHOOK_URL', platform.webhookUrl],
    ['TRIBUTARY_WEBHOOK_AUDIENCE', platform.webhookAudience],
    ...given('OTEL_EXPORTER_OTLP_ENDPOINT', platform.otlpEndpoint),
    ...given('TRIBUTARY_JOB', tasks ? job : undefined),
  ];
  if (dataflow === undefined) return common;
  const { subnetwork } = platform;
  const specification = templateSpecification({
    ...{ tenant, image: dataflow.image },
    ...(subnetwork === undefined ? {} : { subnetwork }),
  });
  return [
    ...common,
    ['TRIBUTARY_DATAFLOW_TEMPLATE', `gs://${bucket}/${dataflowTemplate(specification)}`],
    ['TRIBUTARY_DATAFLOW_ACCOUNT', dataflow.account.email],
    ...given('TRIBUTARY_DATAFLOW_SUBNETWORK', subnetwork && workerSubnetwork(subnetwork)),
  ];
}

function given(variable: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[variable, value]];
}

/** Private addresses go through the platform's network; the webhook's name must resolve to one there. */
function network({ tenant, platform }: TenantPlan) {
  if (platform.network === undefined || platform.subnetwork === undefined) return {};
  const { network, subnetwork } = platform;
  return {
    vpcAccess: {
      egress: 'PRIVATE_RANGES_ONLY',
      networkInterfaces: [{ network, subnetwork, tags: ['tributary', `tributary-${tenant}`] }],
    },
  };
}
