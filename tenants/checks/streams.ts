/** Streams: what they read, what they write, and that no two of them meet. */
import { type Finding, keyFinding, type Path, valueFinding } from '../issues.ts';
import { capturedTable, evidenceDataset, rawDataset, stagingDataset, streamTable, tableSafe } from '../naming.ts';
import type { ConnectionOf, ConnectionSpec } from '../schema/connection.ts';
import { type StreamOf, type StreamSpec, streamSchema } from '../schema/streams.ts';
import { suggest } from '../suggest.ts';
import type { Draft } from './draft.ts';

type Server = ConnectionOf<'postgres'> | ConnectionOf<'mysql'>;
type Captured = StreamOf<'datastream'>;

/** Columns that Pub/Sub adds with `writeMetadata`. */
const METADATA = ['subscription_name', 'message_id', 'publish_time', 'attributes'];

export function* checkStreams(draft: Draft): Iterable<Finding> {
  const streams = streamsOf(draft);
  yield* sameNames(streams.keys());
  yield* slots(draft, streams);
  yield* tables(draft, streams);
  for (const [name, stream] of streams) {
    const path = ['streams', name];
    if (stream.kind === 'pubsub') yield* messages(stream, path);
    else yield* capture(draft, stream, path);
  }
}

/** As many as can be read. */
function streamsOf({ data }: Draft): Map<string, StreamSpec> {
  const written = typeof data.streams === 'object' && data.streams !== null ? Object.entries(data.streams) : [];
  return new Map(
    written.flatMap(([name, value]): [string, StreamSpec][] => {
      const { data: stream } = streamSchema.safeParse(value, { jitless: true });
      return stream === undefined ? [] : [[name, stream]];
    }),
  );
}

function* sameNames(names: Iterable<string>): Iterable<Finding> {
  const taken = new Map<string, string>();
  for (const name of names) {
    const other = taken.get(tableSafe(name));
    taken.set(tableSafe(name), name);
    if (other !== undefined)
      yield keyFinding(
        ['streams', name],
        `${other} and ${name} become the same name`,
        `give ${name} a name that differs in more than - and _`,
      );
  }
}

function* capture(draft: Draft, stream: Captured, path: Path): Iterable<Finding> {
  const connection = draft.connections.get(stream.connection);
  if (!draft.connectionNames.includes(stream.connection)) {
    const near = suggest(stream.connection, draft.connectionNames);
    yield valueFinding(
      [...path, 'connection'],
      `there is no connection ${stream.connection}`,
      near === undefined ? 'add it under connections' : `did you mean ${near}?`,
    );
  }
  if (connection !== undefined && !isServer(connection))
    yield valueFinding(
      [...path, 'connection'],
      `Datastream reads no ${connection.kind} connection`,
      'name a postgres or mysql connection, or write a source',
    );
  if (connection !== undefined && isServer(connection)) {
    yield* position(stream, connection, path);
    yield* reach(stream, connection, path);
  }
  const { privateConnectivity: ways, destination } = stream;
  const chosen = Object.keys(ways ?? {});
  if (ways !== undefined && chosen.length !== 1)
    yield keyFinding(
      [...path, 'privateConnectivity'],
      chosen.length === 0 ? 'nothing says how the server is reached' : `${chosen.join(' and ')} exclude each other`,
      'write one of: connection, subnet, networkAttachment',
    );
  if (destination.layout === 'schemas' && destination.dataset !== undefined)
    yield keyFinding(
      [...path, 'destination', 'dataset'],
      'layout: schemas has a dataset for each schema, named by Datastream',
      'remove dataset, or write layout: dataset',
    );
  const written = (draft.data.streams as Record<string, object>)[String(path[1])] ?? {};
  if (stream.mode === 'append-only' && 'dataFreshness' in written)
    yield keyFinding(
      [...path, 'dataFreshness'],
      'dataFreshness is about merging, and append-only merges nothing',
      'remove dataFreshness, or write mode: merge',
    );
}

function isServer(connection: ConnectionSpec): connection is Server {
  return connection.kind === 'postgres' || connection.kind === 'mysql';
}

/** Where the server keeps what has changed, and how far it was read. */
function* position(stream: Captured, { kind }: Server, path: Path): Iterable<Finding> {
  const wanted = kind === 'postgres' ? (['publication', 'replicationSlot'] as const) : (['position'] as const);
  const strange = kind === 'postgres' ? (['position'] as const) : (['publication', 'replicationSlot'] as const);
  for (const key of wanted) {
    if (stream[key] !== undefined) continue;
    const fix =
      key === 'position'
        ? 'write position: gtid (it survives a failover), or position: binlog'
        : `write ${key}: <name>; docs/streaming.md has the SQL that makes it`;
    yield keyFinding(path, `a ${kind} stream needs ${key}`, fix);
  }
  for (const key of strange)
    if (stream[key] !== undefined) yield keyFinding([...path, key], `${kind} has no ${key}`, `remove ${key}`);
}

function* reach(stream: Captured, connection: Server, path: Path): Iterable<Finding> {
  const place = ['connections', stream.connection];
  if (connection.secret === undefined)
    yield keyFinding(place, 'Datastream takes the password from a secret', 'write secret: <name>');
  if (connection.host.startsWith('/'))
    yield valueFinding([...place, 'host'], 'Datastream cannot reach a Unix socket', 'write the address of the server');
  if (connection.tls.startsWith('verify') && stream.serverCa === undefined)
    yield keyFinding(
      path,
      `${stream.connection} has tls: ${connection.tls}, and the stream does not say who signs the server`,
      'write serverCa: the certificate of the authority, in PEM',
    );
}

/** A slot gives each change once, to one reader. */
function* slots({ connections }: Draft, streams: ReadonlyMap<string, StreamSpec>): Iterable<Finding> {
  const taken = new Map<string, string>();
  for (const [name, stream] of streams) {
    if (stream.kind !== 'datastream' || stream.replicationSlot === undefined) continue;
    const connection = connections.get(stream.connection);
    if (connection?.kind !== 'postgres') continue;
    const slot = `${connection.host}:${connection.port}/${stream.replicationSlot}`.toLowerCase();
    const other = taken.get(slot);
    taken.set(slot, other ?? name);
    if (other !== undefined)
      yield valueFinding(
        ['streams', name, 'replicationSlot'],
        `${other} and ${name} read one slot, which gives each change to one of them`,
        `make a slot of its own for ${name}`,
      );
  }
}

/** No table has two writers, be they streams or sources. */
function* tables(draft: Draft, streams: ReadonlyMap<string, StreamSpec>): Iterable<Finding> {
  const { tenant } = draft;
  if (tenant === undefined) return;
  const raw = rawDataset(tenant);
  const own = [stagingDataset(tenant), evidenceDataset(tenant)];
  const taken = new Map<string, string>();
  for (const [source, { destination }] of draft.sources)
    taken.set(
      `${destination?.dataset ?? raw}.${destination?.table ?? tableSafe(source)}`.toLowerCase(),
      `source ${source}`,
    );
  for (const [name, stream] of streams) {
    const { dataset = raw } = stream.destination;
    if (own.includes(dataset.toLowerCase()))
      yield valueFinding(
        ['streams', name, 'destination', 'dataset'],
        `${dataset} belongs to Tributary itself`,
        `write dataset: ${raw}`,
      );
    for (const { table, path } of written(name, stream)) {
      const id = `${dataset}.${table}`.toLowerCase();
      const other = taken.get(id);
      if (other === undefined) taken.set(id, `stream ${name}`);
      else if (other === `stream ${name}`)
        yield valueFinding(path, `${table} stands here twice`, 'keep one of the two');
      else
        yield valueFinding(
          path,
          `${other} and stream ${name} both write ${dataset}.${table}`,
          `write another destination for ${name}, or leave the table to one of them`,
        );
    }
  }
}

/** The tables of a stream, as far as the file tells. */
function written(name: string, stream: StreamSpec): { table: string; path: Path }[] {
  const path = ['streams', name];
  if (stream.kind === 'pubsub')
    return [{ table: streamTable('', name, stream.destination).table, path: [...path, 'destination', 'table'] }];
  if (stream.destination.layout === 'schemas') return [];
  return stream.tables.include.flatMap((table, i) =>
    table.endsWith('.*') ? [] : [{ table: capturedTable(table), path: [...path, 'tables', 'include', i] }],
  );
}

function* messages(stream: StreamOf<'pubsub'>, path: Path): Iterable<Finding> {
  const { columns, writeMetadata, destination, transform } = stream;
  if (columns !== undefined && !destination.make)
    yield keyFinding(
      [...path, 'columns'],
      'the table is there already (make: false), and has its columns',
      'remove columns, or write make: true',
    );
  const names = (columns ?? []).map(({ name }) => name.toLowerCase());
  for (const [i, name] of names.entries()) {
    const place = [...path, 'columns', i, 'name'];
    if (names.indexOf(name) !== i) yield valueFinding(place, `${name} stands here twice`, 'keep one of the two');
    if (writeMetadata && METADATA.includes(name))
      yield valueFinding(
        place,
        `${name} is a column that writeMetadata adds`,
        'give the column another name, or write writeMetadata: false',
      );
  }
  if (transform === undefined) return;
  const { javascript, function: called } = transform;
  if (!new RegExp(`(?:function\\s+${called}\\s*\\(|\\b(?:const|let|var)\\s+${called}\\s*=)`).test(javascript))
    yield valueFinding(
      [...path, 'transform', 'function'],
      `the code has no function ${called}`,
      'name a function of javascript',
    );
  if (transform.runs === 'dataflow' && columns === undefined && destination.make)
    yield keyFinding(
      path,
      'Dataflow writes into columns, and there is none',
      'write columns, or destination: {make: false}',
    );
}
