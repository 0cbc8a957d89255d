/** Who asks: an application without a key, an account's key, or a SAS. */
import { AnonymousCredential, StorageSharedKeyCredential } from '@azure/storage-blob';
import { TributaryError } from '../../core/errors.ts';
import { federation, type TokenSource } from './federation.ts';
import type { AzureBlobRequest } from './index.ts';

export interface Credential {
  readonly credential: TokenSource | AnonymousCredential | StorageSharedKeyCredential;
  /** Query of every address; '' where there is none. */
  readonly sas: string;
  readonly who: string;
}

export const SCOPE = 'https://storage.azure.com/.default';

/** @throws OBJECTS_LOGIN where the secret is neither a SAS nor a connection string of this account; SECRET_MISSING */
export async function credentialOf({ tenant, connection, secrets }: AzureBlobRequest): Promise<Credential> {
  const { account, container, tenantId = '', clientId = '', secret } = connection;
  if (secret === undefined)
    return { credential: federation(tenantId, clientId), sas: '', who: `Application ${clientId} without a key` };
  const text = (await secrets.get(secret)).trim();
  const fields = new Map(
    [...text.matchAll(/(?:^|;)\s*(\w+)=([^;]*)/g)].map(([, key = '', value = '']) => [key, value]),
  );
  const refused = (reason: string) =>
    new TributaryError('OBJECTS_LOGIN', {
      ...{ tenant, bucket: `${account}/${container}`, who: `Secret ${secret}`, reason },
      advice: `Give a SAS (sv=…&sig=…) or a connection string: tributary secret set ${tenant} ${secret}`,
    });
  const owner = fields.get('AccountName');
  if (owner !== undefined && owner !== account) throw refused(`it is a connection string of the account ${owner}`);
  const key = fields.get('AccountKey');
  if (key !== undefined)
    return { credential: new StorageSharedKeyCredential(account, key), sas: '', who: `Key of the account ${account}` };
  const sas = fields.get('SharedAccessSignature') ?? text.slice(text.indexOf('?') + 1);
  if (!/(^|&)sig=/.test(sas)) throw refused('it is neither a SAS nor a connection string');
  const end = new URLSearchParams(sas).get('se');
  if (end !== null && Date.parse(end) < Date.now()) throw refused(`it has expired on ${new Date(end).toISOString()}`);
  return { credential: new AnonymousCredential(), sas, who: `SAS of secret ${secret}` };
}
