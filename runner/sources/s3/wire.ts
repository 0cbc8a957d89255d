/** The calls of S3 that a reader needs. */
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { awsAudience } from '../../../tenants/naming.ts';
import type { ObjectWire, WireFacts } from '../../core/objects/wire.ts';
import { credentialsOf } from './credentials.ts';
import { s3Answer } from './errors.ts';
import type { S3Request } from './index.ts';

export async function s3Wire(request: S3Request, uri: (name?: string) => string): Promise<ObjectWire> {
  const { bucket, region, endpoint } = request.connection;
  const client = new S3Client({
    region,
    credentials: credentialsOf(request),
    maxAttempts: 1,
    // A name with dots has no certificate as a host name.
    forcePathStyle: endpoint !== undefined || bucket.includes('.'),
    // Sums are of whole objects; ranges have none, and every byte would be summed for nothing.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestChecksumCalculation: 'WHEN_REQUIRED',
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  const Bucket = bucket;
  return {
    kind: 's3',
    facts: factsOf(request, uri()),
    uri,
    async login() {
      const { accessKeyId } = await client.config.credentials();
      const { role } = request.connection;
      return role === undefined ? `access key ${accessKeyId}` : `role ${role} without a key`;
    },
    async page({ prefix, after, token, limit }, abortSignal) {
      const { Contents = [], NextContinuationToken } = await client.send(
        new ListObjectsV2Command({
          ...{ Bucket, Prefix: prefix, EncodingType: 'url' },
          ...(after === undefined ? {} : { StartAfter: after }),
          ...(token === undefined ? {} : { ContinuationToken: token }),
          ...(limit === undefined ? {} : { MaxKeys: limit }),
        }),
        { abortSignal },
      );
      return {
        objects: Contents.map(({ Key = '', ETag = '', Size = 0, LastModified }) => ({
          name: decoded(Key),
          version: ETag.replaceAll('"', ''),
          bytes: Size,
          modifiedAt: (LastModified ?? new Date(0)).toISOString(),
        })),
        next: NextContinuationToken ?? null,
      };
    },
    async get({ name, version }, from, to, abortSignal) {
      const { Body } = await client.send(
        new GetObjectCommand({ Bucket, Key: name, Range: `bytes=${from}-${to - 1}`, IfMatch: `"${version}"` }),
        { abortSignal },
      );
      return Body as unknown as AsyncIterable<Uint8Array>;
    },
    answered: s3Answer,
    close: () => client.destroy(),
  };
}

/** Names arrive escaped, since XML holds not every character; spaces as pluses. */
function decoded(key: string): string {
  return decodeURIComponent(key.replaceAll('+', ' '));
}

function factsOf({ tenant, connection }: S3Request, bucket: string): WireFacts {
  const { role, accessKeyId, region, endpoint, secret } = connection;
  const who = role === undefined ? `Access key ${accessKeyId}` : `Role ${role}`;
  const arn = `arn:${role?.split(':')[1] ?? 'aws'}:s3:::${connection.bucket}`;
  const whose = role === undefined ? 'the policy of its user' : 'its policy';
  return {
    ...{ tenant, bucket, who, region, field: 'bucket' },
    endpoint: endpoint ?? `https://s3.${region}.amazonaws.com`,
    grants: {
      list: `Allow s3:ListBucket on ${arn} in ${whose} (and in the policy of the bucket, if it belongs to another account).`,
      read: `Allow s3:GetObject on ${arn}/* in ${whose}, and kms:Decrypt on the key where objects are encrypted with one.`,
    },
    advice:
      role === undefined
        ? `Check accessKeyId, and the secret: tributary secret set ${tenant} ${secret}`
        : `The role has to trust accounts.google.com for the runner's service account (its numeric id as aud and sub) and the audience ${awsAudience(tenant)} (as oaud): tributary up ${tenant} makes it so. The runner needs a service account: on a laptop, impersonate one or use a key.`,
  };
}
