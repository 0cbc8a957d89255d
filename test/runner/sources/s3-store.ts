import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { openS3, type S3Request } from '../../../runner/sources/s3/index.ts';
import type { ObjectStoreFixture } from '../../contracts/object-store.ts';
import { startS3 } from '../../servers/s3.ts';

const BUCKET = 'partner-drop';

/** A bucket of moto. */
export async function startS3Store(): Promise<ObjectStoreFixture> {
  const server = await startS3();
  const client = server.client();
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const { accessKeyId } = server;
  const secrets = { get: async () => server.secretAccessKey };
  const connection = (endpoint: string, bucket = BUCKET): S3Request['connection'] => ({
    ...{ kind: 's3', bucket, region: 'us-east-1', accessKeyId, secret: 'partner-key', endpoint },
  });
  return {
    host: server.host,
    pid: server.pid,
    async put(name, bytes) {
      await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: name, Body: bytes }));
    },
    open: (endpoint, options, bucket) =>
      openS3({ tenant: 'acme', name: 'partner', connection: connection(endpoint, bucket), secrets }, options),
    connection,
    environment: () => ({}),
    secret: server.secretAccessKey,
    denial: {
      status: 403,
      headers: { 'content-type': 'application/xml' },
      body: '<Error><Code>AccessDenied</Code><Message>User is not authorized to perform: s3:ListBucket</Message></Error>',
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      await server.stop();
    },
  };
}
