/** The Storage Read API: a table at one moment, in streams of Arrow. */
import { v1 } from '@google-cloud/bigquery-storage';
import { GoogleAuth, googleAuthLibrary, grpc } from 'google-gax';
import { BigqueryFailure } from '../../bigquery/failure.ts';

export const STORAGE_HOST = 'bigquerystorage.googleapis.com';

export interface StorageOptions {
  /** `127.0.0.1:9060` of an emulator, asked without credentials; absent: Google. */
  readonly emulator?: string;
}

/** What is read; structured-cloneable. */
export interface ReadRequest {
  readonly project: string;
  readonly dataset: string;
  readonly table: string;
  /** Project that pays. */
  readonly billed: string;
  /** Names of the columns; empty: all. */
  readonly columns: readonly string[];
  /** A condition in SQL, or nothing. */
  readonly restriction: string;
  /** Most streams that are wanted. */
  readonly streams: number;
  /** ISO 8601: the table as it was then. */
  readonly at?: string;
}

export interface ReadSession {
  /** Schema message of Arrow's IPC. */
  readonly schema: Uint8Array;
  readonly streams: readonly string[];
}

export type StorageClient = InstanceType<typeof v1.BigQueryReadClient>;

export function openStorage({ emulator }: StorageOptions): StorageClient {
  if (emulator === undefined) return new v1.BigQueryReadClient({ libName: 'tributary' });
  const [host = '127.0.0.1', port] = emulator.split(':');
  const auth = new GoogleAuth({ authClient: new googleAuthLibrary.PassThroughClient() });
  const sslCreds = grpc.credentials.createInsecure();
  return new v1.BigQueryReadClient({
    apiEndpoint: host,
    port: Number(port),
    sslCreds,
    auth,
    projectId: 'emulator',
  } as never);
}

/** What a stream of rows sends. */
export interface RowsMessage {
  readonly rowCount?: number | string | null;
  readonly arrowRecordBatch?: { readonly serializedRecordBatch?: Uint8Array | null } | null;
}

/** Rows from this one on. Of the wire itself: the client's own streams would keep three times as many messages before a slow reader. */
export async function rowsOf(
  client: StorageClient,
  readStream: string,
  offset: number,
): Promise<AsyncIterable<RowsMessage>> {
  await client.initialize();
  const stub = await client.bigQueryReadStub;
  const metadata = new grpc.Metadata();
  metadata.set('x-goog-request-params', `read_stream=${encodeURIComponent(readStream)}`);
  return stub?.readRows?.({ readStream, offset }, metadata) as unknown as AsyncIterable<RowsMessage>;
}

export async function createReadSession(client: StorageClient, request: ReadRequest): Promise<ReadSession> {
  const { project, dataset, table, billed, columns, restriction, streams, at } = request;
  try {
    const [session] = await client.createReadSession({
      parent: `projects/${billed}`,
      readSession: {
        table: `projects/${project}/datasets/${dataset}/tables/${table}`,
        dataFormat: 'ARROW',
        readOptions: { selectedFields: [...columns], rowRestriction: restriction },
        ...(at === undefined ? {} : { tableModifiers: { snapshotTime: timestampOf(at) } }),
      },
      maxStreamCount: streams,
    });
    const schema = session.arrowSchema?.serializedSchema;
    return {
      schema: typeof schema === 'string' ? Buffer.from(schema, 'base64') : (schema ?? new Uint8Array()),
      streams: (session.streams ?? []).flatMap(({ name }) => name ?? []),
    };
  } catch (error) {
    throw storageFailure(error);
  }
}

function timestampOf(at: string): { seconds: number; nanos: number } {
  const micros = /\.(\d{1,6})/.exec(at)?.[1]?.padEnd(6, '0') ?? '0';
  return { seconds: Math.floor(Date.parse(at) / 1000), nanos: Number(micros) * 1000 };
}

/** gRPC's codes that pass: CANCELLED by the server, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE. */
const TRANSIENT: ReadonlySet<number> = new Set([1, 4, 8, 10, 13, 14]);
const STATUS: Readonly<Record<number, number>> = { 3: 400, 5: 404, 7: 403, 16: 401 };
const REASON: Readonly<Record<number, string>> = {
  3: 'invalid',
  5: 'notFound',
  7: 'accessDenied',
  8: 'rateLimitExceeded',
  16: 'authError',
};

/** A failure of gRPC as one of the API. */
export function storageFailure(error: unknown): BigqueryFailure {
  if (error instanceof BigqueryFailure) return error;
  const {
    code,
    details,
    message = String(error),
  } = (error ?? {}) as { code?: unknown; details?: string; message?: string };
  const number = typeof code === 'number' ? code : 14;
  return new BigqueryFailure(
    {
      kind: TRANSIENT.has(number) ? 'transient' : 'terminal',
      status: STATUS[number] ?? null,
      reason: REASON[number] ?? `grpc${number}`,
      message: details || message,
      ambiguous: false,
    },
    { cause: error },
  );
}
