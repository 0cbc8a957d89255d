/** A real process that speaks the API of Cloud Storage, for tests. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findEmulators } from '../cloud/emulators/installed.ts';
import { type ChildServer, freePort, newFolder, startChild } from './child.ts';

export interface StorageServer extends ChildServer {
  /** As in `http://127.0.0.1:4443`; for `new Storage({ apiEndpoint })` and for `startBigquery({ storage })`. */
  readonly host: string;
}

export interface StorageOptions {
  /** Objects lie in its folder. In memory it looks for each one among all, and keeps copies: nothing for many or large ones. */
  readonly onDisk?: boolean;
}

/**
 * Starts fake-gcs-server on a free port of 127.0.0.1.
 *
 * @example await using storage = await startStorage();
 */
export async function startStorage({ onDisk = false }: StorageOptions = {}): Promise<StorageServer> {
  const emulators = findEmulators();
  if (emulators === null) throw new Error('The emulators are missing: npm run setup -- --yes');
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    const host = `http://${address}`;
    const names = ['-external-url', host, '-public-host', address];
    const folder = await newFolder('gcs');
    const root = join(folder, 'objects');
    if (onDisk) await mkdir(root);
    const backend = onDisk ? ['-backend', 'filesystem', '-filesystem-root', root] : ['-backend', 'memory'];
    const where = ['-scheme', 'http', '-host', '127.0.0.1', '-port', `${port}`, ...backend];
    try {
      const child = await startChild(
        {
          name: 'fake-gcs-server',
          run: [emulators.fakeGcsServer, ...where, ...names, '-log-level', 'error'],
          // Objects are garbage to it more than once; on cores that it shares that shows.
          environment: { GOGC: '400' },
          ready: () => answers(`${host}/_internal/healthcheck`),
        },
        folder,
      );
      return { ...child, host };
    } catch (error) {
      if (attempt >= 3 || !`${error}`.includes('address already in use')) throw error;
    }
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
