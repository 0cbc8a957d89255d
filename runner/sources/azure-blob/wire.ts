/** The calls of Blob Storage that a reader needs. */
import { ContainerClient, newPipeline } from '@azure/storage-blob';
import type { ObjectWire, WireFacts } from '../../core/objects/wire.ts';
import { type Credential, credentialOf, SCOPE } from './credential.ts';
import { azureAnswer } from './errors.ts';
import type { AzureBlobRequest } from './index.ts';

/** The service would give 5,000. */
const PAGE = 1000;

export async function azureWire(request: AzureBlobRequest, uri: (name?: string) => string): Promise<ObjectWire> {
  const found = await credentialOf(request);
  const { credential, sas, who } = found;
  const pipeline = newPipeline(credential, {
    retryOptions: { maxTries: 1 },
    userAgentOptions: { userAgentPrefix: 'tributary/0.1' },
  });
  const container = new ContainerClient(`${uri()}${sas === '' ? '' : `?${sas}`}`, pipeline);
  return {
    kind: 'azure-blob',
    facts: factsOf(request, uri(), found),
    uri,
    async login() {
      if ('getToken' in credential) await credential.getToken(SCOPE);
      return who;
    },
    async page({ prefix, after, token, limit }, abortSignal) {
      const pages = container
        .listBlobsFlat({ prefix, abortSignal, ...(after === undefined ? {} : { startFrom: after }) })
        .byPage({
          maxPageSize: limit ?? PAGE,
          ...(token === undefined ? {} : { continuationToken: token }),
        });
      const { value } = await pages.next();
      const { segment, continuationToken } = value as Awaited<ReturnType<typeof pages.next>>['value'];
      return {
        objects: segment.blobItems.map(({ name, properties }: BlobItem) => ({
          name,
          version: properties.etag.replaceAll('"', ''),
          bytes: properties.contentLength ?? 0,
          modifiedAt: properties.lastModified.toISOString(),
        })),
        next: continuationToken || null,
      };
    },
    async get({ name, version }, from, to, abortSignal) {
      const { readableStreamBody } = await container.getBlobClient(name).download(from, to - from, {
        ...{ abortSignal, maxRetryRequests: 0, conditions: { ifMatch: `"${version}"` } },
      });
      return readableStreamBody as unknown as AsyncIterable<Uint8Array>;
    },
    answered: azureAnswer,
  };
}

interface BlobItem {
  readonly name: string;
  readonly properties: { readonly etag: string; readonly contentLength?: number; readonly lastModified: Date };
}

function factsOf({ tenant, connection }: AzureBlobRequest, bucket: string, { who }: Credential): WireFacts {
  const { account, container, clientId, secret } = connection;
  const scope = `<id of the storage account ${account}>/blobServices/default/containers/${container}`;
  const role = `az role assignment create --assignee ${clientId} --role "Storage Blob Data Reader" --scope ${scope}`;
  const again = `tributary secret set ${tenant} ${secret}`;
  const grant = (permission: string) =>
    secret === undefined ? role : `Make a SAS that may ${permission} (sp=rl) for the container ${container}: ${again}`;
  return {
    ...{ tenant, bucket, who, field: 'container' },
    endpoint: new URL(bucket).origin,
    grants: { list: grant('list'), read: grant('read') },
    advice:
      secret === undefined
        ? `Application ${clientId} needs a federated credential: issuer https://accounts.google.com, subject the numeric id of the runner's service account, audience api://AzureADTokenExchange. On a laptop, impersonate a service account or use a SAS.`
        : `The SAS or key is wrong, has expired or is not valid yet: ${again}`,
  };
}
