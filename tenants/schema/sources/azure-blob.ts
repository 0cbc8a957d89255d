import { z } from 'zod';
import { secretNameSchema } from '../scalars.ts';

/** What a source of this connection may name. */
export const azureBlobReads = ['files'] as const;

const EXAMPLE_GUID = '11111111-2222-4333-8444-555555555555';

export const azureBlobConnection = z
  .strictObject({
    kind: z.literal('azure-blob').meta({ description: 'Azure Blob Storage.', examples: ['azure-blob'] }),
    account: z
      .string()
      .regex(/^[a-z0-9]{3,24}$/, 'must be the name of a storage account')
      .meta({ title: 'Account', description: 'Storage account.', examples: ['acmeerp'] }),
    container: z
      .string()
      .regex(/^\$?[a-z0-9](?:-?[a-z0-9]){1,62}$/, 'must be the name of a container')
      .meta({ title: 'Container', description: 'Container the files land in.', examples: ['exports'] }),
    /** Keyless: an application that trusts the tenant's runner. Either this with `clientId`, or `secret`. */
    tenantId: z
      .guid('must be a GUID')
      .optional()
      .meta({
        title: 'Directory id',
        description: 'Microsoft Entra directory of the application; no key is kept.',
        examples: [EXAMPLE_GUID],
      }),
    clientId: z
      .guid('must be a GUID')
      .optional()
      .meta({
        title: 'Client id',
        description: 'Application that trusts the identity of the runner.',
        examples: [EXAMPLE_GUID],
      }),
    secret: secretNameSchema.optional().meta({
      title: 'Secret',
      description: 'Name of the secret that holds a SAS or a connection string.',
      examples: ['erp-sas'],
    }),
    endpoint: z
      .url('must be a URL')
      .optional()
      .meta({
        title: 'Endpoint',
        description: 'Address of the blob service; absent for the public cloud.',
        examples: ['https://acmeerp.blob.core.windows.net'],
      }),
  })
  .meta({ title: 'Azure Blob Storage', description: 'Files in a container of Azure.' });
