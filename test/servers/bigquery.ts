/** A real process that speaks the API of BigQuery, for tests. What it cannot do: test/cloud/emulators/README.md. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findEmulators } from '../cloud/emulators/installed.ts';
import { type ChildServer, newFolder, startChild } from './child.ts';

export interface BigqueryOptions {
  /** Host of the storage server that `gs://` is read from. */
  readonly storage?: string;
}

export interface BigqueryServer extends ChildServer {
  /** As in `http://127.0.0.1:9050`; for `new BigQuery({ apiEndpoint })`. */
  readonly host: string;
  /** As in `127.0.0.1:9060`: the Storage Read and Write APIs. */
  readonly grpc: string;
}

const launcher = join(import.meta.dirname, '../cloud/emulators/bigquery.py');

/**
 * Starts local-bigquery on free ports of 127.0.0.1. Every project id exists in it and is empty at first: a test that
 * wants to be alone takes a project of its own.
 *
 * @example await using bigquery = await startBigquery({ storage: storage.host });
 */
export async function startBigquery(options: BigqueryOptions = {}): Promise<BigqueryServer> {
  const emulators = findEmulators();
  if (emulators === null) throw new Error('The emulators are missing: npm run setup -- --yes');
  const folder = await newFolder('bq');
  const ports = () => readFile(join(folder, 'ports'), 'utf8').catch(() => '');
  const child = await startChild(
    {
      name: 'local-bigquery',
      run: [emulators.python, launcher, folder],
      environment: {
        HOME: emulators.home,
        PYTHONDONTWRITEBYTECODE: '1',
        ...(options.storage === undefined ? {} : { STORAGE_EMULATOR_HOST: options.storage }),
      },
      ready: async () => (await ports()).endsWith('\n'),
    },
    folder,
  );
  const [rest, grpc] = (await ports()).trim().split(' ');
  return { ...child, host: `http://127.0.0.1:${rest}`, grpc: `127.0.0.1:${grpc}` };
}
