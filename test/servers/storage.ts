/** A real process that speaks the API of Cloud Storage, in memory, for tests. */
import { findEmulators } from '../cloud/emulators/installed.ts';
import { type ChildServer, freePort, newFolder, startChild } from './child.ts';

export interface StorageServer extends ChildServer {
  /** As in `http://127.0.0.1:4443`; for `new Storage({ apiEndpoint })` and for `startBigquery({ storage })`. */
  readonly host: string;
}

/**
 * Starts fake-gcs-server on a free port of 127.0.0.1.
 *
 * @example await using storage = await startStorage();
 */
export async function startStorage(): Promise<StorageServer> {
  const emulators = findEmulators();
  if (emulators === null) throw new Error('The emulators are missing: npm run setup -- --yes');
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    const host = `http://${address}`;
    const names = ['-external-url', host, '-public-host', address];
    const where = ['-scheme', 'http', '-host', '127.0.0.1', '-port', `${port}`, '-backend', 'memory'];
    try {
      const child = await startChild(
        {
          name: 'fake-gcs-server',
          run: [emulators.fakeGcsServer, ...where, ...names, '-log-level', 'error'],
          // Objects are garbage to it more than once; on cores that it shares that shows.
          environment: { GOGC: '400' },
          ready: () => answers(`${host}/_internal/healthcheck`),
        },
        await newFolder('gcs'),
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
