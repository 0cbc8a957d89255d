/** Amazon S3, and what speaks its API, as a store of files. */
import type { ObjectStore } from '../../core/contracts/object-store.ts';
import type { SourceRequest } from '../../core/contracts/source.ts';
import { type ObjectStoreOptions, openObjectStore } from '../../core/objects/store.ts';
import { s3Wire } from './wire.ts';

export type S3Request = SourceRequest<Extract<SourceRequest['connection'], { kind: 's3' }>>;

/** The bucket of a connection, by a role without a key or by the key whose secret half the connection names. */
export function openS3(request: S3Request, options: ObjectStoreOptions = {}): ObjectStore {
  const uri = (name?: string) => `s3://${request.connection.bucket}${name === undefined ? '' : `/${name}`}`;
  return openObjectStore('s3', uri, () => s3Wire(request, uri), options);
}
