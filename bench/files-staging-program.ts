/**
 * The measured program of the bench `files`: objects of another store, downloaded by its own SDK into nothing, or copied into
 * staging. Prints what became of them as JSON. Its argument is a {@link CopyTask} as JSON.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { BlobServiceClient } from '@azure/storage-blob';
import type { ObjectStore } from '../runner/core/contracts/object-store.ts';
import type { OfferedFile } from '../runner/core/contracts/offer.ts';
import { openAzureBlob } from '../runner/sources/azure-blob/index.ts';
import { openS3 } from '../runner/sources/s3/index.ts';
import { openGcsStaging } from '../runner/staging/gcs.ts';
import type { ConnectionSpec } from '../tenants/schema/index.ts';

export interface CopyTask {
  readonly connection: Extract<ConnectionSpec, { kind: 's3' | 'azure-blob' }>;
  readonly way: 'download' | 'upload' | 'staging';
  /** Of each object. */
  readonly objectBytes: number;
  readonly names: readonly string[];
  readonly runId: string;
  readonly bucket: string;
  readonly endpoint: string;
}

export interface CopyReport {
  readonly bytes: number;
  /** Of the copies, in the order of the names. */
  readonly sums: readonly string[];
  readonly seconds: number;
}

/** Downloads at once: more were not faster. */
const AT_ONCE = 8;
const signal = new AbortController().signal;
const secret = process.env.BENCH_SECRET ?? '';

async function download({ connection, names }: CopyTask): Promise<Omit<CopyReport, 'seconds'>> {
  const read = connection.kind === 's3' ? s3(connection) : azure(connection);
  const waiting = names.values();
  let bytes = 0;
  const work = async () => {
    for (const name of waiting) for await (const chunk of await read(name)) bytes += chunk.length;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { bytes, sums: [] };
}

/** As many bytes into the bucket, from memory, by one plain request for each object. */
async function uploaded({
  names,
  objectBytes,
  bucket,
  endpoint,
  runId,
}: CopyTask): Promise<Omit<CopyReport, 'seconds'>> {
  const object = randomBytes(objectBytes);
  const waiting = names.values();
  const work = async () => {
    for (const name of waiting) {
      const query = new URLSearchParams({ uploadType: 'media', name: `${runId}/${name}` });
      await put(`${endpoint}/upload/storage/v1/b/${bucket}/o?${query}`, object);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { bytes: names.length * objectBytes, sums: [] };
}

async function put(address: string, bytes: Uint8Array): Promise<void> {
  const sending = request(address, { method: 'POST', headers: { 'content-length': bytes.length } });
  const answered = once(sending, 'response');
  sending.end(bytes);
  const [answer] = (await answered) as [IncomingMessage];
  await text(answer);
  if (answer.statusCode !== 200) throw new Error(`the upload was answered with ${answer.statusCode}`);
}

type Read = (name: string) => Promise<AsyncIterable<Uint8Array>>;

function s3({ endpoint, region, bucket, accessKeyId = '' }: Extract<ConnectionSpec, { kind: 's3' }>): Read {
  const client = new S3Client({
    ...{ region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey: secret } },
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  return async (name) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: name }));
    return Body as unknown as AsyncIterable<Uint8Array>;
  };
}

function azure({ container, endpoint }: Extract<ConnectionSpec, { kind: 'azure-blob' }>): Read {
  const there = secret.replace(/BlobEndpoint=[^;]+/, `BlobEndpoint=${endpoint}`);
  const client = BlobServiceClient.fromConnectionString(there).getContainerClient(container);
  return async (name) => {
    const { readableStreamBody } = await client.getBlobClient(name).download();
    return readableStreamBody as unknown as AsyncIterable<Uint8Array>;
  };
}

async function copy({ connection, names, runId, bucket, endpoint }: CopyTask): Promise<Omit<CopyReport, 'seconds'>> {
  const secrets = { get: async () => secret };
  const asked = { tenant: 'bench', name: 'source', secrets };
  await using store: ObjectStore =
    connection.kind === 's3' ? openS3({ ...asked, connection }) : openAzureBlob({ ...asked, connection });
  const files: OfferedFile[] = [];
  for await (const page of store.list({ prefix: '' }, signal))
    for (const object of page)
      files.push({
        ...{ uri: store.uri(object.name), version: object.version, bytes: object.bytes },
        ...{ modifiedAt: object.modifiedAt, constants: {}, compression: 'none' },
        open: (from, within, to) => store.open(object, to === undefined ? { from } : { from, to }, within),
      });
  if (files.length !== names.length) throw new Error(`${files.length} objects were listed, there are ${names.length}`);
  await using staging = await openGcsStaging({ bucket, tenant: 'bench', endpoint });
  const copied = await staging.copy({ tenant: 'bench', source: 'files', runId, fencingToken: 1 }, files, signal);
  const bytes = copied.reduce((sum, file) => sum + file.bytes, 0);
  return { bytes, sums: copied.map(({ crc32c }) => crc32c) };
}

const task = JSON.parse(process.argv[2] ?? '{}') as CopyTask;
const started = performance.now();
const done = await { download, upload: uploaded, staging: copy }[task.way](task);
const report: CopyReport = { ...done, seconds: (performance.now() - started) / 1000 };
process.stdout.write(`${JSON.stringify(report)}\n`);
