/** Messages through a streaming job of Dataflow, for a transform that Pub/Sub has no time or room for. */
import { FlexTemplateJob } from '@pulumi/gcp/dataflow/flexTemplateJob.js';
import { Account as ServiceAccount } from '@pulumi/gcp/serviceaccount/account.js';
import { BucketObject } from '@pulumi/gcp/storage/bucketObject.js';
import type { Resource } from '@pulumi/pulumi';
import { accountEmail, stagingBucket, streamAccount, streamId, transformObject } from '../tenants/naming.ts';
import type { Grant } from './grant.ts';
import { createGrants } from './grants.ts';
import { computeOptions, deletionPolicy } from './protection.ts';
import type { PubsubSourceArgs, TransformArgs } from './pubsub-source-args.ts';
import type { StreamPlace } from './stream.ts';

/** What the job reads and writes, which is there when it begins. */
interface Ends {
  readonly subscription: string;
  readonly made: ReadonlyMap<string, Resource>;
}

/** Its own account, which sees this stream alone; its code; and the job, which is drained where it goes. */
export function createDataflow(
  parent: Resource,
  name: string,
  args: PubsubSourceArgs & { transform: TransformArgs },
  place: StreamPlace,
  ends: Ends,
): FlexTemplateJob {
  const { tenant, stream, platform, transform } = args;
  const { project, region, labels, key, compute, dependsOn } = place;
  const { subnetwork } = platform;
  if (subnetwork === undefined)
    throw new RangeError(`${stream}: Dataflow's workers have no public address and need the platform's subnetwork`);
  const options = computeOptions({ parent, dependsOn: [...dependsOn] }, compute);
  const accountId = streamAccount(tenant, stream);
  const email = accountEmail(accountId, project);
  const displayName = `tributary: Dataflow workers of ${stream} of ${tenant}`.slice(0, 100);
  const account = new ServiceAccount(
    `${name}-worker`,
    { project, accountId, displayName, deletionPolicy: deletionPolicy(false) },
    options,
  );
  const bucket = stagingBucket(project, tenant);
  const code = new BucketObject(
    `${name}-transform`,
    {
      bucket,
      name: transformObject(stream, transform.javascript),
      contentType: 'text/javascript',
      content: transform.javascript,
    },
    { ...options, deleteBeforeReplace: false },
  );
  const member = `serviceAccount:${email}`;
  const made = new Map([...ends.made, [member, account as Resource]]);
  const granted = createGrants(parent, name, workerGrants(args, place, ends, member), made);
  const table = `${project}:${args.dataset}.${args.table}`;
  return new FlexTemplateJob(
    `${name}-job`,
    {
      project,
      region,
      name: streamId(tenant, stream),
      containerSpecGcsPath: `gs://dataflow-templates-${region}/latest/flex/PubSub_to_BigQuery_Flex`,
      parameters: {
        inputSubscription: `projects/${project}/subscriptions/${ends.subscription}`,
        outputTableSpec: table,
        outputDeadletterTable: `${table}_rejected`,
        useStorageWriteApi: 'true',
        useStorageWriteApiAtLeastOnce: 'true',
        javascriptTextTransformGcsPath: `gs://${bucket}/${transformObject(stream, transform.javascript)}`,
        javascriptTextTransformFunctionName: transform.function,
      },
      serviceAccountEmail: email,
      stagingLocation: `gs://${bucket}/templates/streams/${stream}`,
      tempLocation: `gs://${bucket}/${tenant}/streams/${stream}`,
      subnetwork,
      ipConfiguration: 'WORKER_IP_PRIVATE',
      enableStreamingEngine: true,
      maxWorkers: transform.maxWorkers ?? 2,
      onDelete: 'drain',
      createIgnoreAlreadyExists: true,
      labels,
      ...(key === undefined ? {} : { kmsKeyName: key }),
      deletionPolicy: deletionPolicy(compute),
    },
    computeOptions({ parent, dependsOn: [account, code, ...ends.made.values(), ...granted] }, compute),
  );
}

/** The dataset and not the table only: the job makes the table of rejected messages itself. */
function workerGrants(args: PubsubSourceArgs, { project }: StreamPlace, ends: Ends, member: string): Grant[] {
  const may = (role: string, scope: Grant['scope']): Grant => ({ identity: 'stream', member, role, scope });
  const subscription = { on: 'subscription', project, name: ends.subscription } as const;
  return [
    may('roles/dataflow.worker', { on: 'project', project }),
    may('roles/bigquery.jobUser', { on: 'project', project }),
    may('roles/bigquery.dataEditor', { on: 'dataset', project, name: args.dataset }),
    may('roles/pubsub.subscriber', subscription),
    may('roles/pubsub.viewer', subscription),
    may('roles/storage.objectAdmin', { on: 'bucket', name: stagingBucket(project, args.tenant) }),
  ];
}
