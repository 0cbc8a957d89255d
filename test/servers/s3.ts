/** A real process that speaks the API of Amazon S3 and STS, in memory, for tests. */
import { S3Client } from '@aws-sdk/client-s3';
import { findEmulators } from '../cloud/emulators/installed.ts';
import { type ChildServer, freePort, newFolder, startChild } from './child.ts';

export interface S3Server extends ChildServer {
  /** As in `http://127.0.0.1:9000`; the `endpoint` of a connection. */
  readonly host: string;
  /** Key and its secret that it takes. It takes any other, too. */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** To fill it with; `destroy()` it. */
  client(): S3Client;
}

/**
 * Starts moto on a free port of 127.0.0.1.
 *
 * @example await using s3 = await startS3();
 */
export async function startS3(): Promise<S3Server> {
  const emulators = findEmulators();
  if (emulators === null) throw new Error('The emulators are missing: npm run setup -- --yes');
  const [accessKeyId, secretAccessKey] = ['AKIATESTTESTTESTTEST', 'a-secret-of-tests-only'];
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const host = `http://127.0.0.1:${port}`;
    try {
      const child = await startChild(
        {
          name: 'moto',
          run: [emulators.python, '-m', 'moto.server', '-H', '127.0.0.1', '-p', `${port}`],
          ready: () => answers(`${host}/moto-api/data.json`),
        },
        await newFolder('s3'),
      );
      const client = () =>
        new S3Client({
          ...{ endpoint: host, region: 'us-east-1', forcePathStyle: true },
          credentials: { accessKeyId, secretAccessKey },
        });
      return { ...child, host, accessKeyId, secretAccessKey, client };
    } catch (error) {
      if (attempt >= 3 || !`${error}`.includes('in use')) throw error;
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
