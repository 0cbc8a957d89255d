/** Azure Blob Storage as a store of files. */
import type { ObjectStore } from '../../core/contracts/object-store.ts';
import type { SourceRequest } from '../../core/contracts/source.ts';
import { type ObjectStoreOptions, openObjectStore } from '../../core/objects/store.ts';
import { azureWire } from './wire.ts';

export type AzureBlobRequest = SourceRequest<Extract<SourceRequest['connection'], { kind: 'azure-blob' }>>;

/** The container of a connection, by an application without a key or by the SAS or connection string that a secret holds. */
export function openAzureBlob(request: AzureBlobRequest, options: ObjectStoreOptions = {}): ObjectStore {
  const { account, container, endpoint = `https://${account}.blob.core.windows.net` } = request.connection;
  const folder = `${endpoint.replace(/\/+$/, '')}/${container}`;
  const uri = (name?: string) => `${folder}${name === undefined ? '' : `/${name}`}`;
  return openObjectStore('azure-blob', uri, () => azureWire(request, uri), options);
}
