import { Subscription } from '@pulumi/gcp/pubsub/subscription.js';
import { Topic } from '@pulumi/gcp/pubsub/topic.js';
import { ComponentResource, type ComponentResourceOptions, type Output, output, type Resource } from '@pulumi/pulumi';
import { deadLetterTopic, streamTopic } from '../tenants/naming.ts';
import type { Grant } from './grant.ts';
import { createGrants, madeKey } from './grants.ts';
import { computeOptions, dataOptions, deletionPolicy } from './protection.ts';
import type { PubsubSourceArgs } from './pubsub-source-args.ts';
import { createDataflow } from './pubsub-source-dataflow.ts';
import { createTable } from './pubsub-source-table.ts';
import { days, seconds } from './sizing.ts';
import { agentMember, createAgent, createStreamAlert, type StreamPlace, streamPlace } from './stream.ts';

/**
 * Messages of a topic, in a table of the tenant within seconds: written by Pub/Sub itself, or by a streaming job of
 * Dataflow where a transform needs one. What cannot be written is kept as a dead letter, and somebody is told.
 *
 * @example
 * new PubsubSource('acme-clicks', { tenant: 'acme', stream: 'clicks', projectNumber, region: 'europe-west1', dataset: 'acme_raw', table: 'clicks', platform });
 */
export class PubsubSource extends ComponentResource {
  /** Resource name of the topic. @example "projects/p/topics/tributary-acme_clicks" */
  readonly topicName: Output<string>;
  /** Name of the subscription. @example "tributary-acme_clicks" */
  readonly subscriptionName: Output<string>;
  /** Name of the subscription that keeps dead letters. @example "tributary-acme_clicks.dead-letter" */
  readonly deadLetterSubscription: Output<string>;
  /** Table of the messages. @example "p.acme_raw.clicks" */
  readonly table: Output<string>;

  constructor(name: string, args: PubsubSourceArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:PubsubSource', name, {}, opts);
    const place = streamPlace(args, opts);
    const { project } = place;
    const topic = createTopic(this, name, args, place);
    const table = createTable(this, name, args, place);
    const dead = createDeadLetters(this, name, args, place);
    const agent = createAgent(this, name, 'pubsub', place);
    const member = agentMember('pubsub', args.projectNumber);
    const made = new Map<string, Resource>([
      [member, agent],
      [madeKey('topic', deadLetterTopic(args.tenant, args.stream)), dead.topic],
      ...(table === undefined ? [] : ([[madeKey('table', args.table), table]] as const)),
    ]);
    const first = createGrants(this, name, writerGrants(args, place, member), made);
    const before = [
      ...(topic === undefined ? [] : [topic]),
      ...(table === undefined ? [] : [table]),
      dead.topic,
      ...first,
    ];
    const subscription = createSubscription(this, name, args, { ...place, dependsOn: before });
    const subscribed = new Map([
      ...made,
      [madeKey('subscription', streamTopic(args.tenant, args.stream)), subscription as Resource],
    ]);
    createGrants(this, name, [deadLettering(args, place, member)], subscribed);
    const { transform } = args;
    if (transform?.dataflow === true) {
      const ends = {
        subscription: streamTopic(args.tenant, args.stream),
        made: subscribed,
      };
      createDataflow(this, name, { ...args, transform }, place, ends);
    }
    createAlert(this, name, args, place);
    this.topicName = output(topicName(args, project));
    this.subscriptionName = subscription.name;
    this.deadLetterSubscription = dead.subscription.name;
    this.table = output(`${project}.${args.dataset}.${args.table}`);
    this.registerOutputs({
      topicName: this.topicName,
      subscriptionName: this.subscriptionName,
      deadLetterSubscription: this.deadLetterSubscription,
      table: this.table,
    });
  }
}

function topicName({ topic, tenant, stream }: PubsubSourceArgs, project: string): string {
  return topic ?? `projects/${project}/topics/${streamTopic(tenant, stream)}`;
}

function createTopic(
  parent: PubsubSource,
  name: string,
  args: PubsubSourceArgs,
  place: StreamPlace,
): Topic | undefined {
  if (args.topic !== undefined) return undefined;
  return topicOf(parent, `${name}-topic`, streamTopic(args.tenant, args.stream), place, false);
}

function topicOf(parent: PubsubSource, name: string, topic: string, place: StreamPlace, kept: boolean): Topic {
  const { project, region, labels, key, data, compute, dependsOn } = place;
  const guarded = kept ? data : compute;
  const around = { parent, dependsOn: [...dependsOn] };
  return new Topic(
    name,
    {
      project,
      name: topic,
      labels,
      messageStoragePolicy: { allowedPersistenceRegions: [region] },
      ...(key === undefined ? {} : { kmsKeyName: key }),
      deletionPolicy: deletionPolicy(guarded),
    },
    kept ? dataOptions(around, guarded) : computeOptions(around, guarded),
  );
}

/** A topic without a subscription would lose what is published to it. */
function createDeadLetters(parent: PubsubSource, name: string, args: PubsubSourceArgs, place: StreamPlace) {
  const { project, labels, data } = place;
  const id = deadLetterTopic(args.tenant, args.stream);
  const topic = topicOf(parent, `${name}-dead-letter`, id, place, true);
  const subscription = new Subscription(
    `${name}-dead-letter-kept`,
    {
      project,
      name: id,
      topic: `projects/${project}/topics/${id}`,
      labels,
      messageRetentionDuration: seconds(args.deadLetterRetentionSeconds ?? 31 * 86_400),
      expirationPolicy: { ttl: '' },
      deletionPolicy: deletionPolicy(data),
    },
    dataOptions({ parent, dependsOn: [topic] }, data),
  );
  return { topic, subscription };
}

/** The agent writes into this table alone; Pub/Sub looks before it takes the subscription. */
function writerGrants(args: PubsubSourceArgs, { project }: StreamPlace, member: string): Grant[] {
  const table = { on: 'table', project, dataset: args.dataset, name: args.table } as const;
  const writes =
    args.transform?.dataflow === true ? [] : ['roles/bigquery.dataEditor', 'roles/bigquery.metadataViewer'];
  return [
    ...writes.map((role): Grant => ({ identity: 'agent', member, role, scope: table })),
    {
      identity: 'agent',
      member,
      role: 'roles/pubsub.publisher',
      scope: { on: 'topic', project, name: deadLetterTopic(args.tenant, args.stream) },
    },
  ];
}

/** Moving a message to the dead letters takes it off the subscription. */
function deadLettering({ tenant, stream }: PubsubSourceArgs, { project }: StreamPlace, member: string): Grant {
  const scope = { on: 'subscription', project, name: streamTopic(tenant, stream) } as const;
  return { identity: 'agent', member, role: 'roles/pubsub.subscriber', scope };
}

function createSubscription(
  parent: PubsubSource,
  name: string,
  args: PubsubSourceArgs,
  { project, labels, compute, dependsOn }: StreamPlace,
): Subscription {
  const { tenant, stream, transform, columns, makeTable, filter } = args;
  const dataflow = transform?.dataflow === true;
  const typed = columns !== undefined || makeTable === false;
  const bigqueryConfig = {
    table: `${project}.${args.dataset}.${args.table}`,
    writeMetadata: args.writeMetadata ?? true,
    ...(typed ? { useTableSchema: true, dropUnknownFields: args.dropUnknownFields ?? false } : {}),
  };
  const javascriptUdf = { functionName: transform?.function ?? '', code: transform?.javascript ?? '' };
  return new Subscription(
    `${name}-subscription`,
    {
      project,
      name: streamTopic(tenant, stream),
      topic: topicName(args, project),
      labels,
      ackDeadlineSeconds: args.ackDeadlineSeconds ?? 60,
      messageRetentionDuration: args.retentionSeconds === undefined ? days(7) : seconds(args.retentionSeconds),
      expirationPolicy: { ttl: '' },
      retryPolicy: { minimumBackoff: '10s', maximumBackoff: '600s' },
      deadLetterPolicy: {
        deadLetterTopic: `projects/${project}/topics/${deadLetterTopic(tenant, stream)}`,
        // A worker that Dataflow takes away gives its messages back: that is no try.
        maxDeliveryAttempts: dataflow ? 100 : (args.deadLetterAttempts ?? 5),
      },
      ...(filter === undefined ? {} : { filter }),
      ...(dataflow ? {} : { bigqueryConfig }),
      ...(transform === undefined || dataflow ? {} : { messageTransforms: [{ javascriptUdf }] }),
      deletionPolicy: deletionPolicy(compute),
    },
    computeOptions({ parent, dependsOn: [...dependsOn] }, compute),
  );
}

function createAlert(parent: PubsubSource, name: string, args: PubsubSourceArgs, place: StreamPlace): void {
  const { tenant, stream, platform } = args;
  const of = (subscription: string) =>
    `resource.type="pubsub_subscription" AND resource.labels.subscription_id="${subscription}"`;
  const metric = (what: string) => `metric.type="pubsub.googleapis.com/subscription/${what}"`;
  createStreamAlert(parent, name, place, {
    displayName: `tributary: stream ${stream} of ${tenant}`,
    help: 'See docs/streaming.md, "When a stream stands still".',
    channels: platform.notificationChannels,
    conditions: [
      {
        says: 'A message failed',
        filter: `${of(deadLetterTopic(tenant, stream))} AND ${metric('num_undelivered_messages')}`,
        above: 0,
      },
      {
        says: 'The stream is late',
        filter: `${of(streamTopic(tenant, stream))} AND ${metric('oldest_unacked_message_age')}`,
        above: 3600,
      },
    ],
  });
}
