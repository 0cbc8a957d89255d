import { ConnectionProfile } from '@pulumi/gcp/datastream/connectionProfile.js';
import { PrivateConnection } from '@pulumi/gcp/datastream/privateConnection.js';
import { Stream } from '@pulumi/gcp/datastream/stream.js';
import { ComponentResource, type ComponentResourceOptions, type Output, output, type Resource } from '@pulumi/pulumi';
import { secretId, streamId } from '../tenants/naming.ts';
import type { DatastreamArgs } from './datastream-args.ts';
import {
  checkDatastream,
  destinationConfig,
  STATES,
  serverOf,
  sourceConfig,
  sourceProfile,
} from './datastream-plan.ts';
import { keyFor } from './encryption.ts';
import { createGrants } from './grants.ts';
import { computeOptions, deletionPolicy } from './protection.ts';
import { agentMember, createAgent, createStreamAlert, type StreamPlace, streamPlace } from './stream.ts';

/**
 * Changes of a PostgreSQL or MySQL database, in a dataset of the tenant within minutes, by Google's Datastream.
 * The password is a version of a secret, and never a value; the server's own set-up is in docs/streaming.md.
 *
 * @example
 * new Datastream('acme-shop', { tenant: 'acme', stream: 'shop', projectNumber, region: 'europe-west1', location: 'EU', postgres, include: ['public.orders'], dataset: 'acme_raw', peeringSubnet: '10.30.0.0/29', platform });
 */
export class Datastream extends ComponentResource {
  /** Resource name of the stream, empty while it is only prepared. */
  readonly streamName: Output<string>;
  /** Resource name of the private connection, empty where there is none. */
  readonly privateConnectionName: Output<string>;
  /** Address of the agent that reads the password. */
  readonly agentEmail: Output<string>;

  constructor(name: string, args: DatastreamArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:Datastream', name, {}, opts);
    checkDatastream(args);
    const place = streamPlace(args, opts);
    const member = agentMember('datastream', args.projectNumber);
    const granted = grantPassword(this, name, args, place, member);
    const desiredState = STATES[(args.state ?? 'running') as keyof typeof STATES];
    const made =
      desiredState === undefined
        ? undefined
        : createStream(this, name, args, { ...place, dependsOn: granted }, desiredState);
    if (made !== undefined) createAlert(this, name, args, place);
    this.streamName = made?.stream.name ?? output('');
    this.privateConnectionName = made?.way ?? output('');
    this.agentEmail = output(member.replace('serviceAccount:', ''));
    this.registerOutputs({
      streamName: this.streamName,
      privateConnectionName: this.privateConnectionName,
      agentEmail: this.agentEmail,
    });
  }
}

/** Without it Datastream refuses the profile, which it checks at once. */
function grantPassword(
  parent: Datastream,
  name: string,
  args: DatastreamArgs,
  place: StreamPlace,
  member: string,
): Resource[] {
  const agent = createAgent(parent, name, 'datastream', place);
  const scope = { on: 'secret', project: place.project, name: secretId(args.tenant, serverOf(args).secret) } as const;
  const grants = [{ identity: 'agent', member, role: 'roles/secretmanager.secretAccessor', scope }] as const;
  return createGrants(parent, name, grants, new Map([[member, agent]]));
}

function createStream(
  parent: Datastream,
  name: string,
  args: DatastreamArgs,
  place: StreamPlace,
  desiredState: string,
) {
  const { project, region, labels, key, compute, dependsOn } = place;
  const id = streamId(args.tenant, args.stream);
  const displayName = `tributary: ${args.stream} of ${args.tenant}`;
  const common = {
    project,
    location: region,
    displayName,
    labels,
    createWithoutValidation: false,
    deletionPolicy: deletionPolicy(compute),
  };
  const options = computeOptions({ parent, dependsOn: [...dependsOn] }, compute);
  const way = createPrivateConnection(parent, name, args, place);
  const source = new ConnectionProfile(
    `${name}-source`,
    {
      ...common,
      connectionProfileId: `${id}-source`,
      ...sourceProfile(args, project),
      ...(way === undefined ? {} : { privateConnectivity: { privateConnection: way } }),
    },
    options,
  );
  const destination = new ConnectionProfile(
    `${name}-destination`,
    { ...common, connectionProfileId: `${id}-bigquery`, bigqueryProfile: {} },
    options,
  );
  const stream = new Stream(
    `${name}-stream`,
    {
      ...common,
      streamId: id,
      desiredState,
      sourceConfig: { sourceConnectionProfile: source.id, ...sourceConfig(args) },
      destinationConfig: {
        destinationConnectionProfile: destination.id,
        bigqueryDestinationConfig: destinationConfig(args, project, keyFor(args.location, args.platform)),
      },
      ...((args.backfill ?? true) ? { backfillAll: {} } : { backfillNone: {} }),
      ...(key === undefined ? {} : { customerManagedEncryptionKey: key }),
    },
    options,
  );
  return { stream, way };
}

/** The way to the server, made here or there already. */
function createPrivateConnection(
  parent: Datastream,
  name: string,
  args: DatastreamArgs,
  { project, region, labels, compute, dependsOn }: StreamPlace,
): Output<string> | undefined {
  const { privateConnection, peeringSubnet, networkAttachment, platform } = args;
  if (privateConnection !== undefined) return output(privateConnection);
  if (peeringSubnet === undefined && networkAttachment === undefined) return undefined;
  const made = new PrivateConnection(
    `${name}-private`,
    {
      project,
      location: region,
      privateConnectionId: streamId(args.tenant, args.stream),
      displayName: `tributary: ${args.stream} of ${args.tenant}`,
      labels,
      createWithoutValidation: false,
      deletionPolicy: deletionPolicy(compute),
      ...(networkAttachment === undefined
        ? { vpcPeeringConfig: { vpc: platform.network ?? '', subnet: peeringSubnet ?? '' } }
        : { pscInterfaceConfig: { networkAttachment } }),
    },
    computeOptions({ parent, dependsOn: [...dependsOn] }, compute),
  );
  return made.id;
}

function createAlert(parent: Datastream, name: string, args: DatastreamArgs, place: StreamPlace): void {
  const { tenant, stream, platform, freshnessSeconds = 900 } = args;
  const of = `resource.type="datastream.googleapis.com/Stream" AND resource.labels.stream_id="${streamId(tenant, stream)}"`;
  createStreamAlert(parent, name, place, {
    displayName: `tributary: stream ${stream} of ${tenant}`,
    help: 'See docs/streaming.md, "When a stream stands still". A slot that nobody reads fills the disk of its server.',
    channels: platform.notificationChannels,
    conditions: [
      {
        says: 'A change failed',
        filter: `${of} AND metric.type="datastream.googleapis.com/stream/unsupported_event_count"`,
        above: 0,
      },
      {
        says: 'The stream is late',
        filter: `${of} AND metric.type="datastream.googleapis.com/stream/freshness"`,
        above: Math.max(2 * freshnessSeconds, 3600),
      },
    ],
  });
}
