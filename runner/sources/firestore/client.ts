/**
 * Calls of Firestore's API. Queries go and come as the bytes they are on the wire; what is asked for once in a while goes
 * through the SDK, which is loaded then.
 */

import type { v1 } from '@google-cloud/firestore';
import { type ChannelCredentials, Client, credentials, Metadata } from '@grpc/grpc-js';
import { encodeCount, encodeQuery, type QueryRequest } from './encode.ts';
import { eachField, integerOf, VALUE, Wire } from './wire.ts';

/** What a connection is opened with; structured-cloneable. */
export interface FirestoreConnection {
  readonly tenant: string;
  /** Of the connection in the tenant file. */
  readonly name: string;
  readonly project: string;
  readonly database: string;
  /** `127.0.0.1:8080` of an emulator; absent: Google. */
  readonly emulator?: string;
  /** `127.0.0.1:8081`: who answers for the Admin API beside an emulator, which has none. */
  readonly admin?: string;
}

type Gapic = InstanceType<typeof v1.FirestoreClient>;

export interface FirestoreClient extends AsyncDisposable {
  /** `projects/acme-app/databases/(default)/documents`. */
  readonly root: string;
  /** Goes with each call of the SDK. */
  readonly call: { readonly otherArgs: { readonly headers: Readonly<Record<string, string>> } };
  /** The SDK's client, for all that is no query. */
  sdk(): Promise<Gapic>;
  /**
   * Runs a query and hands over each answer as it lies on the wire. Resolves when the server has ended the stream.
   *
   * @param take what it throws ends the stream and is thrown
   */
  run(request: QueryRequest, take: (message: Buffer) => void, signal: AbortSignal): Promise<void>;
  /** How many documents a query would give, without reading them: one read for each 1000 entries of an index. */
  count(request: QueryRequest): Promise<number>;
}

const GOOGLE = 'firestore.googleapis.com:443';
const SERVICE = '/google.firestore.v1.Firestore';
const SCOPES = ['https://www.googleapis.com/auth/datastore'];
/** A query that streams for longer is begun anew behind its last document. */
const STREAM_MS = 10 * 60_000;
/** What an emulator takes for somebody who may do everything. */
const OWNER = { authorization: 'Bearer owner' };
const RESULT_TAG = 10;
const never = new AbortController().signal;

export async function openClient({ project, database, emulator }: FirestoreConnection): Promise<FirestoreClient> {
  const place = `projects/${project}/databases/${database}`;
  const channel = new Client(
    emulator ?? GOOGLE,
    emulator === undefined ? await google() : credentials.createInsecure(),
    {
      'grpc.max_receive_message_length': -1,
    },
  );
  const headers: Readonly<Record<string, string>> = emulator === undefined ? {} : OWNER;
  let sdk: Promise<Gapic> | null = null;
  const stream = (
    method: string,
    parent: string,
    request: Buffer,
    take: (message: Buffer) => void,
    signal: AbortSignal,
  ) =>
    new Promise<void>((resolve, reject) => {
      const metadata = new Metadata();
      metadata.set('google-cloud-resource-prefix', place);
      metadata.set('x-goog-request-params', `parent=${encodeURIComponent(parent)}`);
      for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
      const deadline = Date.now() + STREAM_MS;
      const call = channel.makeServerStreamRequest(`${SERVICE}/${method}`, asIs, asIs, request, metadata, { deadline });
      const stop = () => call.cancel();
      signal.addEventListener('abort', stop, { once: true });
      let failure: unknown = null;
      call.on('data', (message: Buffer) => {
        if (failure !== null) return;
        try {
          take(message);
        } catch (error) {
          failure = error;
          call.cancel();
        }
      });
      const settle = (error: unknown) => {
        signal.removeEventListener('abort', stop);
        if (failure !== null) reject(failure);
        else if (signal.aborted) reject(signal.reason);
        else if (error === null) resolve();
        else reject(error);
      };
      call.on('error', settle);
      call.on('end', () => settle(null));
    });
  return {
    root: `${place}/documents`,
    call: { otherArgs: { headers } },
    sdk: () => (sdk ??= openSdk(project, emulator)),
    run: (request, take, signal) => stream('RunQuery', request.parent, encodeQuery(request), take, signal),
    count: async (request) => {
      let found = 0;
      const take = (message: Buffer) => {
        found = countIn(message) ?? found;
      };
      await stream('RunAggregationQuery', request.parent, encodeCount(request), take, never);
      return found;
    },
    async [Symbol.asyncDispose]() {
      channel.close();
      const opened = await sdk;
      await opened?.close().catch(() => undefined);
    },
  };
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** Whatever identity the environment gives: keys, a federated identity, the metadata server. */
async function google(): Promise<ChannelCredentials> {
  const { GoogleAuth } = await import('google-auth-library');
  const identity = await new GoogleAuth({ scopes: SCOPES }).getClient();
  const given = credentials.createFromMetadataGenerator((options, callback) => {
    identity.getRequestHeaders(options.service_url).then(
      (found) => {
        const metadata = new Metadata();
        for (const [key, value] of found) metadata.set(key, value);
        callback(null, metadata);
      },
      (error: Error) => callback(error),
    );
  });
  return credentials.combineChannelCredentials(credentials.createSsl(), given);
}

async function openSdk(projectId: string, emulator: string | undefined): Promise<Gapic> {
  const { default: firestore } = await import('@google-cloud/firestore');
  const { FirestoreClient } = firestore.v1;
  if (emulator === undefined) return new FirestoreClient({ projectId });
  const { hostname: servicePath, port } = new URL(`http://${emulator}`);
  return new FirestoreClient({
    ...{ projectId, servicePath, port: Number(port), sslCreds: credentials.createInsecure() },
    // Without credentials, and without a look for them.
    clientOptions: { universeDomain: 'googleapis.com' },
  });
}

/** The one count of a `RunAggregationQueryResponse`. */
function countIn(message: Buffer): number | null {
  const wire = new Wire();
  wire.read(message);
  while (wire.at < message.length) {
    const tag = wire.small();
    if (tag !== RESULT_TAG) {
      wire.skip(tag & 7);
      continue;
    }
    const length = wire.small();
    let found: number | null = null;
    eachField(wire, wire.at, wire.at + length, 2, () => {
      if (wire.kind === VALUE.integer) found = Number(integerOf(wire));
    });
    return found;
  }
  return null;
}
