/**
 * Google's emulator of Firestore with the one call that it lacks: `PartitionQuery`, as its documentation has it. All others
 * pass on to the emulator as they are.
 */
import firestore from '@google-cloud/firestore';
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';

/** A request as the SDK reads it. */
export interface FirestoreRequest {
  readonly parent: string;
  readonly structuredQuery: Readonly<Record<string, unknown>> & {
    readonly from: readonly { readonly collectionId: string; readonly allDescendants: boolean }[];
    readonly orderBy: readonly { readonly field: { readonly fieldPath: string } }[];
    readonly where: unknown;
  };
  readonly readTime: { readonly seconds: string; readonly nanos: number } | null;
  readonly partitionCount: string;
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface PartitioningFirestore extends AsyncDisposable {
  /** As in `127.0.0.1:8080`; for FIRESTORE_EMULATOR_HOST. */
  readonly host: string;
  /** What was asked of `RunQuery` and `PartitionQuery`, in that order. */
  readonly asked: { readonly method: string; readonly request: FirestoreRequest }[];
  /** Points of a page. */
  pageSize: number;
  /** Which of the names, in the order of the query, are points; else equal shares. */
  choose: ((names: readonly string[]) => readonly string[] | Promise<readonly string[]>) | null;
  /** Status codes given instead of answers to `PartitionQuery`, one for each request. */
  refusals: number[];
  /** What is answered to a `RunQuery` instead; `null`: the emulator answers. */
  refuse: ((request: FirestoreRequest) => { readonly code: number; readonly details: string } | null) | null;
}

const SERVICE = '/google.firestore.v1.Firestore';
const FORWARDED = ['authorization', 'google-cloud-resource-prefix', 'x-goog-request-params'];
const asIs = (bytes: Buffer): Buffer => bytes;

/**
 * @param upstream of the emulator: `127.0.0.1:8080`
 * @example await using partitioning = await startPartitioning(server.host);
 */
export async function startPartitioning(upstream: string): Promise<PartitioningFirestore> {
  const service = await firestoreService();
  const client = new Client(upstream, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 });
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  const { RunQuery, PartitionQuery } = service;
  if (RunQuery === undefined || PartitionQuery === undefined) throw new Error('the SDK has another service');
  const read = (bytes: Buffer) => PartitionQuery.requestDeserialize(bytes) as FirestoreRequest;

  const names = ({ parent, structuredQuery, readTime }: FirestoreRequest, metadata: Metadata) =>
    new Promise<string[]>((done, fail) => {
      const query = { ...structuredQuery, select: { fields: [{ fieldPath: '__name__' }] } };
      const request = RunQuery.requestSerialize({ parent, structuredQuery: query, ...(readTime && { readTime }) });
      const found: string[] = [];
      client
        .makeServerStreamRequest(`${SERVICE}/RunQuery`, asIs, RunQuery.responseDeserialize, request, metadata)
        .on('data', ({ document }: { document: { name: string } | null }) => document && found.push(document.name))
        .on('error', fail)
        .on('end', () => done(found));
    });

  const partition = async (request: FirestoreRequest, metadata: Metadata): Promise<Buffer> => {
    const refusal = proxy.refusals.shift();
    if (refusal !== undefined) throw refused(refusal, 'as the test wants it');
    const { from, orderBy, where } = request.structuredQuery;
    const whole = from.length === 1 && from[0]?.allDescendants === true && where === null;
    const byName = orderBy.length === 1 && orderBy[0]?.field.fieldPath === '__name__';
    if (!whole || !byName || !request.parent.endsWith('/documents') || Number(request.partitionCount) < 1)
      throw refused(status.INVALID_ARGUMENT, 'only whole groups in the order of names are parted');
    const all = await names(request, metadata);
    const points = (await proxy.choose?.(all)) ?? shares(all, Number(request.partitionCount));
    // Pages are ordered each for itself, and have to be merged.
    const pages = Math.ceil(points.length / Math.min(proxy.pageSize, request.pageSize || proxy.pageSize));
    const page = Number(request.pageToken || 0);
    const partitions = points
      .filter((_, i) => i % Math.max(1, pages) === page)
      .map((name) => ({ values: [{ referenceValue: name }], before: true }));
    return PartitionQuery.responseSerialize({ partitions, nextPageToken: page + 1 < pages ? `${page + 1}` : '' });
  };

  const unary =
    (path: string) =>
    ({ request, metadata }: ServerUnaryCall<Buffer, Buffer>, answer: (error: unknown, value?: Buffer) => void) =>
      client.makeUnaryRequest(path, asIs, asIs, request, forwarded(metadata), (error, value) => answer(error, value));

  const streaming = (path: string) => (call: ServerWritableStream<Buffer, Buffer>) => {
    if (path.endsWith('/RunQuery')) {
      const request = readQuery(call.request);
      proxy.asked.push({ method: 'RunQuery', request });
      const refusal = proxy.refuse?.(request) ?? null;
      if (refusal !== null) return void call.emit('error', refused(refusal.code, refusal.details));
    }
    const given = client.makeServerStreamRequest(path, asIs, asIs, call.request, forwarded(call.metadata));
    call.on('cancelled', () => given.cancel());
    given.on('error', (error) => call.emit('error', error));
    given.pipe(call as unknown as NodeJS.WritableStream);
  };
  const readQuery = (bytes: Buffer) => RunQuery.requestDeserialize(bytes) as FirestoreRequest;

  const handlers: UntypedServiceImplementation = {};
  for (const [name, { path, requestStream, responseStream }] of Object.entries(service))
    if (!requestStream) handlers[name] = (responseStream ? streaming(path) : unary(path)) as never;
  handlers.PartitionQuery = ((
    call: ServerUnaryCall<Buffer, Buffer>,
    answer: (error: unknown, value?: Buffer) => void,
  ) => {
    const request = read(call.request);
    proxy.asked.push({ method: 'PartitionQuery', request });
    partition(request, forwarded(call.metadata)).then(
      (value) => answer(null, value),
      (error) => answer(error),
    );
  }) as never;
  server.addService(raw(service), handlers);
  const port = await new Promise<number>((done, fail) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? done(bound) : fail(error),
    ),
  );
  const proxy: PartitioningFirestore = {
    host: `127.0.0.1:${port}`,
    asked: [],
    pageSize: 4,
    choose: null,
    refusals: [],
    refuse: null,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      client.close();
    },
  };
  return proxy;
}

/** The service as the SDK has it: paths, and what turns messages into bytes and back. */
async function firestoreService(): Promise<ServiceDefinition> {
  const client = new firestore.v1.FirestoreClient({
    ...{ projectId: 'p', servicePath: '127.0.0.1', port: 1, sslCreds: credentials.createInsecure() },
    clientOptions: { universeDomain: 'googleapis.com' },
  });
  const stub = (await client.initialize()) as unknown as { constructor: { service: ServiceDefinition } };
  await client.close();
  return stub.constructor.service;
}

/** The same service with messages as they are on the wire. */
function raw(service: ServiceDefinition): ServiceDefinition {
  const plain = {
    ...{ requestSerialize: asIs, requestDeserialize: asIs },
    ...{ responseSerialize: asIs, responseDeserialize: asIs },
  };
  return Object.fromEntries(Object.entries(service).map(([name, method]) => [name, { ...method, ...plain }]));
}

/** Points that part the names evenly, at most so many. */
function shares(names: readonly string[], count: number): string[] {
  const places = Array.from({ length: count }, (_, i) => Math.floor(((i + 1) * names.length) / (count + 1)));
  return [...new Set(places)].filter((place) => place > 0).map((place) => names[place] ?? '');
}

function forwarded(metadata: Metadata): Metadata {
  const passed = new Metadata();
  for (const key of FORWARDED) for (const value of metadata.get(key)) passed.add(key, value);
  return passed;
}

function refused(code: number, details: string): Partial<ServiceError> {
  return Object.assign(new Error(details), { code, details });
}
