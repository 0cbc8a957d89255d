/** What people are told of this connector; docs/connectors/azure-blob.md is made of it. */
import type { ConnectorAbout } from '../../core/contracts/about.ts';
import { filesCapabilities } from '../../core/objects/capabilities.ts';

export const about: ConnectorAbout = {
  kind: 'azure-blob',
  capabilities: filesCapabilities,
  objects: '`files: {prefix, match, format}`; for `discover` a prefix with a pattern: `daily/*.csv.gz`.',
  snapshot:
    'The blobs are listed once, each with its ETag, and every request names the ETag (`If-Match`). One that is replaced meanwhile fails the run (`FILE_CHANGED`).',
  bound: 'Each ETag of a blob is loaded once; a blob that is written again is loaded again.',
  reading:
    'List Blobs and Get Blob in ranges; what breaks goes on at the missing byte. Without a key: the runner has a token of Google for the audience `api://AzureADTokenExchange` and exchanges it for one of Entra (a federated credential). `AZURE_AUTHORITY_HOST` names the authority of another cloud. The secret of a SAS may be the SAS, the whole address with it, or a connection string.',
  grants: [
    {
      purpose: 'To be trusted without a key (the stack makes it in its own directory)',
      language: 'sh',
      commands: `az ad app federated-credential create --id <client id> --parameters '{"name": "tributary-runner",
  "issuer": "https://accounts.google.com", "subject": "<numeric id of the service account>",
  "audiences": ["api://AzureADTokenExchange"]}'`,
    },
    {
      purpose: 'To list and read the blobs',
      language: 'sh',
      commands: `az role assignment create --assignee <client id> --role "Storage Blob Data Reader" \\
  --scope <id of the storage account acmeerp>/blobServices/default/containers/exports`,
    },
    {
      purpose: 'To read with a SAS instead',
      language: 'sh',
      commands: `az storage container generate-sas --account-name acmeerp --name exports --permissions rl \\
  --expiry 2027-06-30 --https-only --output tsv | tributary secret set acme erp-sas`,
    },
  ],
  limits: [
    'Blobs in the archive tier have to be rehydrated first (`OBJECTS_ARCHIVED`).',
    'Names in which a segment ends with a dot are changed by Azure itself.',
    'Where a SAS has expired, the run says so before it asks.',
  ],
  example: `connections:
  erp: {kind: azure-blob, account: acmeerp, container: exports, secret: erp-sas}
sources:
  ledger:
    connection: erp
    files: {prefix: ledger/, match: "*.json", format: json}
    load: {strategy: transactional, mode: append}
    schedule: {cron: "0 6 * * *", timeZone: Europe/Warsaw}
`,
};
