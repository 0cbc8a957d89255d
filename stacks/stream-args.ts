/** The streams of a tenant file → arguments of components. Pure. */
import type { DatastreamArgs } from '../components/datastream-args.ts';
import type { PubsubSourceArgs } from '../components/pubsub-source-args.ts';
import type { StreamArgs } from '../components/stream.ts';
import { captureDatasets, rawDataset, streamTable } from '../tenants/naming.ts';
import { durationSeconds, type StreamOf, type TenantSpec } from '../tenants/schema/index.ts';
import { present } from './present.ts';

/** What one stream says, beside what it shares with the others of its tenant. */
type Own<A extends StreamArgs> = Omit<A, Exclude<keyof StreamArgs, 'stream'>>;

/** What the tenant's component makes for its streams: empty secrets, and datasets besides its own. */
export function streamNeeds({ tenant, streams, connections }: TenantSpec): { secrets: string[]; datasets: string[] } {
  const all = Object.values(streams);
  return {
    secrets: all.flatMap((stream) => {
      const connection = stream.kind === 'datastream' ? connections[stream.connection] : undefined;
      return connection !== undefined && 'secret' in connection && connection.secret !== undefined
        ? [connection.secret]
        : [];
    }),
    datasets: all.flatMap((stream) =>
      stream.kind === 'datastream' && stream.destination.layout === 'schemas'
        ? []
        : [stream.destination.dataset ?? rawDataset(tenant)],
    ),
  };
}

/** @throws RangeError where the file would not have passed its checks. */
export function datastreamArgs(spec: TenantSpec, stream: string, of: StreamOf<'datastream'>): Own<DatastreamArgs> {
  const connection = spec.connections[of.connection];
  if (connection?.kind !== 'postgres' && connection?.kind !== 'mysql')
    throw new RangeError(`${spec.tenant}: stream ${stream} has no server`);
  const { host, port, user, database, secret = '' } = connection;
  const server = { host, port, user, secret, secretVersion: of.secretVersion, ...present({ ca: of.serverCa }) };
  const { publication = '', replicationSlot = '' } = of;
  const { connection: privateConnection, subnet: peeringSubnet, networkAttachment } = of.privateConnectivity ?? {};
  const { layout, dataset = rawDataset(spec.tenant) } = of.destination;
  return {
    stream,
    ...(connection.kind === 'postgres'
      ? { postgres: { ...server, database, publication, replicationSlot } }
      : { mysql: { ...server, gtid: of.position !== 'binlog' } }),
    include: of.tables.include,
    exclude: of.tables.exclude,
    state: of.state,
    backfill: of.backfill === 'all',
    appendOnly: of.mode === 'append-only',
    freshnessSeconds: durationSeconds(of.dataFreshness),
    location: spec.location,
    ...(layout === 'dataset' ? { dataset } : { datasetPrefix: captureDatasets(spec.tenant, stream) }),
    ...present({ privateConnection, peeringSubnet, networkAttachment }),
  };
}

export function pubsubArgs(spec: TenantSpec, stream: string, of: StreamOf<'pubsub'>): Own<PubsubSourceArgs> {
  const { transform, columns } = of;
  return {
    stream,
    ...streamTable(spec.tenant, stream, of.destination),
    makeTable: of.destination.make,
    dropUnknownFields: of.unknownFields === 'drop',
    writeMetadata: of.writeMetadata,
    ackDeadlineSeconds: durationSeconds(of.ackDeadline),
    retentionSeconds: durationSeconds(of.retention),
    deadLetterAttempts: of.deadLetter.attempts,
    deadLetterRetentionSeconds: durationSeconds(of.deadLetter.retention),
    ...present({ topic: of.topic, filter: of.filter }),
    ...(columns === undefined
      ? {}
      : {
          columns: columns.map(({ name, type, mode, description }) => ({
            name,
            type,
            mode,
            ...present({ description }),
          })),
        }),
    ...(transform === undefined
      ? {}
      : {
          transform: {
            function: transform.function,
            javascript: transform.javascript,
            dataflow: transform.runs === 'dataflow',
            maxWorkers: transform.maxWorkers,
          },
        }),
  };
}
