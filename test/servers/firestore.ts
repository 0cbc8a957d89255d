/** Google's emulator of Firestore, for tests. */
import { findFirestore } from '../setup/programs.ts';
import { type ChildServer, freePort, newFolder, startChild } from './child.ts';

export interface FirestoreServer extends ChildServer {
  /** As in `127.0.0.1:8080`; for FIRESTORE_EMULATOR_HOST. */
  readonly host: string;
  /** Commits these documents, some hundred at a time; a field's value is as the API has it: `{ integerValue: '1' }`. */
  put(project: string, documents: Iterable<PutDocument>): Promise<void>;
  /** Deletes all documents of the project. */
  clear(project: string): Promise<void>;
}

export interface PutDocument {
  /** Below the database: `products/p1`. */
  readonly path: string;
  readonly fields: Readonly<Record<string, ApiValue>>;
}

/** A value as the API has it in JSON. */
export type ApiValue = Readonly<Record<string, unknown>>;

/** A commit of the emulator may have 500 writes and 4 MiB on the wire. */
const MOST_WRITES = 400;
const MOST_BYTES = 2 << 20;

/**
 * Starts the emulator on a free port of 127.0.0.1.
 *
 * @example await using firestore = await startFirestore();
 */
export async function startFirestore(): Promise<FirestoreServer> {
  const emulator = findFirestore();
  if (emulator === null) throw new Error('The emulator of Firestore is missing: npm run setup -- --yes');
  const main = 'com.google.cloud.datastore.emulator.firestore.CloudFirestore';
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const host = `127.0.0.1:${port}`;
    const where = ['--host=127.0.0.1', `--port=${port}`];
    try {
      const child = await startChild(
        {
          name: 'firestore',
          run: [emulator.java, '-Duser.language=en', '-Xmx2g', '-cp', emulator.jar, main, 'start', ...where],
          ready: () => answers(`http://${host}/`),
        },
        await newFolder('firestore'),
      );
      return {
        ...child,
        host,
        put: (project, documents) => put(host, project, documents),
        clear: (project) => clear(host, project),
      };
    } catch (error) {
      if (attempt >= 3 || !/in use|BindException/i.test(`${error}`)) throw error;
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

const databaseOf = (project: string) => `projects/${project}/databases/(default)`;

async function put(host: string, project: string, documents: Iterable<PutDocument>): Promise<void> {
  const root = `${databaseOf(project)}/documents`;
  let writes: string[] = [];
  let bytes = 0;
  const commit = async () => {
    if (writes.length > 0) await call(`http://${host}/v1/${root}:commit`, 'POST', `{"writes":[${writes.join(',')}]}`);
    writes = [];
    bytes = 0;
  };
  for (const { path, fields } of documents) {
    const write = JSON.stringify({ update: { name: `${root}/${path}`, fields } });
    writes.push(write);
    bytes += write.length;
    if (writes.length === MOST_WRITES || bytes > MOST_BYTES) await commit();
  }
  await commit();
}

function clear(host: string, project: string): Promise<void> {
  return call(`http://${host}/emulator/v1/${databaseOf(project)}/documents`, 'DELETE');
}

async function call(url: string, method: string, body?: string): Promise<void> {
  const headers = { authorization: 'Bearer owner', 'content-type': 'application/json' };
  const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
}
