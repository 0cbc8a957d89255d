/** The emulators, past every proxy. */
import { BigQuery } from '@google-cloud/bigquery';
import { Storage } from '@google-cloud/storage';
import { PassThroughClient } from 'google-auth-library';
import { type BigqueryServer, startBigquery } from '../servers/bigquery.ts';
import { type StorageServer, startStorage } from '../servers/storage.ts';

export interface Emulators {
  readonly bigquery: Pick<BigqueryServer, 'host'>;
  readonly storage: Pick<StorageServer, 'host'>;
}

/** Both, started; the one reads what lies in the other. */
export async function startEmulators(): Promise<Emulators & AsyncDisposable> {
  const storage = await startStorage();
  try {
    const bigquery = await startBigquery({ storage: storage.host });
    return {
      bigquery,
      storage,
      async [Symbol.asyncDispose]() {
        await bigquery.stop();
        await storage.stop();
      },
    };
  } catch (error) {
    await storage.stop();
    throw error;
  }
}

export function emulatorClients(emulators: Emulators, projectId: string): { bigquery: BigQuery; storage: Storage } {
  const authClient = new PassThroughClient();
  return {
    bigquery: new BigQuery({ projectId, apiEndpoint: emulators.bigquery.host, authClient }),
    storage: new Storage({ projectId, apiEndpoint: emulators.storage.host, authClient }),
  };
}
