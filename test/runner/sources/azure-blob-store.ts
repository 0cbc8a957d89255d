import { type AzureBlobRequest, openAzureBlob } from '../../../runner/sources/azure-blob/index.ts';
import type { ObjectStoreFixture } from '../../contracts/object-store.ts';
import { startAzure } from '../../servers/azure.ts';

const CONTAINER = 'exports';

/** A container of Azurite. */
export async function startAzureBlobStore(): Promise<ObjectStoreFixture> {
  const server = await startAzure();
  const container = server.client().getContainerClient(CONTAINER);
  await container.create();
  const secrets = { get: async () => server.connectionString };
  const connection = (host: string, bucket = CONTAINER): AzureBlobRequest['connection'] => ({
    ...{ kind: 'azure-blob', account: server.account, container: bucket, secret: 'erp' },
    endpoint: `${host}/${server.account}`,
  });
  return {
    host: server.host,
    pid: server.pid,
    async put(name, bytes) {
      await container.getBlockBlobClient(name).uploadData(Buffer.from(bytes));
    },
    open: (host, options, bucket) =>
      openAzureBlob({ tenant: 'acme', name: 'erp', connection: connection(host, bucket), secrets }, options),
    connection,
    environment: () => ({}),
    secret: server.connectionString,
    denial: {
      status: 403,
      headers: { 'content-type': 'application/xml', 'x-ms-error-code': 'AuthorizationPermissionMismatch' },
      body: '<?xml version="1.0"?><Error><Code>AuthorizationPermissionMismatch</Code><Message>This request is not authorized.</Message></Error>',
    },
    gaps: { 'odd/dir/./dot.csv': 'no segment of a name should end with a dot, says Microsoft; it is taken out' },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
