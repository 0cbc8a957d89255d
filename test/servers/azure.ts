/** Azurite, Microsoft's own emulator of Blob Storage, in memory, for tests. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { type ChildServer, freePort, newFolder, startChild } from './child.ts';

const run = promisify(execFile);

export interface AzureOptions {
  /** Speaks TLS with a certificate for 127.0.0.1, and takes tokens of Entra: it looks at their claims, not at their signature. */
  readonly tokens?: boolean;
}

export interface AzureServer extends ChildServer {
  readonly host: string;
  /** The `endpoint` of a connection. */
  readonly endpoint: string;
  readonly account: string;
  readonly connectionString: string;
  /** PEM of the certificate; '' without `tokens`. */
  readonly ca: string;
  /** To fill it with; with `tokens` its authority has to be trusted first. */
  client(): BlobServiceClient;
}

/** The account that Azurite has by itself; its key is public. */
const ACCOUNT = 'devstoreaccount1';
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/**
 * Starts Azurite on a free port of 127.0.0.1.
 *
 * @example await using azure = await startAzure();
 */
export async function startAzure({ tokens = false }: AzureOptions = {}): Promise<AzureServer> {
  const program = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const folder = await newFolder('azure');
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    if (tokens) await makeCertificate(key, cert);
    const host = `${tokens ? 'https' : 'http'}://127.0.0.1:${port}`;
    const where = ['--blobHost', '127.0.0.1', '--blobPort', `${port}`, '--silent'];
    const memory = ['--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry'];
    const secure = tokens ? ['--oauth', 'basic', '--key', key, '--cert', cert] : [];
    try {
      const child = await startChild(
        {
          name: 'azurite',
          run: [process.execPath, program, ...where, ...memory, ...secure],
          ready: async ({ log }) => (await log()).includes('successfully listen'),
        },
        folder,
      );
      const ca = tokens ? await readFile(cert, 'utf8') : '';
      const endpoint = `${host}/${ACCOUNT}`;
      const protocol = `DefaultEndpointsProtocol=${tokens ? 'https' : 'http'}`;
      const connectionString = `${protocol};AccountName=${ACCOUNT};AccountKey=${KEY};BlobEndpoint=${endpoint}`;
      const client = () => new BlobServiceClient(endpoint, new StorageSharedKeyCredential(ACCOUNT, KEY));
      return { ...child, host, endpoint, account: ACCOUNT, connectionString, ca, client };
    } catch (error) {
      if (attempt >= 3 || !`${error}`.includes('EADDRINUSE')) throw error;
    }
  }
}

async function makeCertificate(key: string, cert: string): Promise<void> {
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2'];
  await run('openssl', ['req', '-x509', ...made, ...subject]);
}
