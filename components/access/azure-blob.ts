import type { AzureReference } from '../platform-reference.ts';
import type { AzureBlobConnectionArgs } from '../tenant-args.ts';
import { type Access, type Reading, uniqueId } from './access.ts';

/** Who issues the tokens of Google's service accounts. */
export const GOOGLE_ISSUER = 'https://accounts.google.com';

/** The one audience Azure takes tokens of other clouds for. */
export const AZURE_AUDIENCE = 'api://AzureADTokenExchange';

/** Storage Blob Data Reader; the same id in every subscription. */
export const BLOB_READER = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1';

/** The resource id of a container: the narrowest scope of a role assignment. */
export function containerScope(azure: AzureReference, account: string, container: string): string {
  return `/subscriptions/${azure.subscription}/resourceGroups/${azure.resourceGroup}/providers/Microsoft.Storage/storageAccounts/${account}/blobServices/default/containers/${container}`;
}

/** Keyless: an identity that trusts the readers; made by the stack only in the platform's own directory. */
export function azureBlobAccess({ name, connection, plan, readers }: Reading<AzureBlobConnectionArgs>): Access {
  const { directory, account, container } = connection;
  if (directory === undefined || directory === plan.platform.azure?.directory) return { grants: [], commands: [] };
  const federated = readers.map(
    (reader) =>
      `az ad app federated-credential create --id <client id of ${name}> --parameters "{\\"name\\":\\"${reader.account.id}\\",\\"issuer\\":\\"${GOOGLE_ISSUER}\\",\\"subject\\":\\"${uniqueId(reader.account)}\\",\\"audiences\\":[\\"${AZURE_AUDIENCE}\\"]}"`,
  );
  const assignment = `az role assignment create --assignee <client id of ${name}> --role "Storage Blob Data Reader" --scope <id of ${account}>/blobServices/default/containers/${container}`;
  return { grants: [], commands: [...federated, assignment] };
}
