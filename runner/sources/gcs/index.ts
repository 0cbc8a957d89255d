/** Cloud Storage as a store of files. */
import type { ObjectStore } from '../../core/contracts/object-store.ts';
import type { SourceRequest } from '../../core/contracts/source.ts';
import { type ObjectStoreOptions, openObjectStore } from '../../core/objects/store.ts';
import { gcsWire } from './wire.ts';

export type GcsRequest = SourceRequest<Extract<SourceRequest['connection'], { kind: 'gcs' }>>;

/** The bucket of a connection, as the account that runs this; with STORAGE_EMULATOR_HOST that server, without credentials. */
export function openGcs(request: GcsRequest, options: ObjectStoreOptions = {}): ObjectStore {
  const { bucket } = request.connection;
  const uri = (name?: string) => `gs://${bucket}${name === undefined ? '' : `/${name}`}`;
  return openObjectStore('gcs', uri, async () => gcsWire(request.tenant, bucket, uri), options);
}
