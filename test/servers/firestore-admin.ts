/**
 * The Admin API of Firestore as far as exports go, for tests: Google's emulator writes the files, this answers for the
 * operations and puts the files into the bucket. The emulator exports the moment, whatever time is asked for.
 */
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frameRecords, kindOf, recordsOf } from './entity-log.ts';

export interface FirestoreAdmin extends AsyncDisposable {
  /** As in `127.0.0.1:8081`; for FIRESTORE_ADMIN_EMULATOR_HOST. */
  readonly host: string;
  readonly operations: readonly AdminOperation[];
  /** How exports go on from here: at once, never, or to that end. */
  how: 'at once' | 'never' | { readonly code: number; readonly message: string };
  /** Calls of exportDocuments get this answer. */
  refuse: { readonly status: number; readonly message: string } | null;
  /** The next export is begun, and the connection breaks before the answer. */
  loseAnswer: boolean;
}

export interface AdminOperation {
  readonly name: string;
  done: boolean;
  error?: { readonly code: number; readonly message: string };
  readonly metadata: {
    operationState: string;
    readonly outputUriPrefix: string;
    readonly collectionIds: readonly string[];
    readonly snapshotTime?: string;
    progressDocuments: { completedWork: string };
  };
}

interface Servers {
  /** Hosts of the emulator and of the storage server. */
  readonly firestore: string;
  readonly storage: string;
}

const OLDEST_MS = 3600_000;

/** @example await using admin = await startFirestoreAdmin({ firestore: firestore.host, storage: storage.host }); */
export async function startFirestoreAdmin(servers: Servers): Promise<FirestoreAdmin> {
  const operations: AdminOperation[] = [];
  const finish = async (operation: AdminOperation) => {
    const rows = await exportTo(servers, operation);
    if (operation.done) return;
    operation.metadata.progressDocuments.completedWork = String(rows);
    operation.metadata.operationState = 'SUCCESSFUL';
    operation.done = true;
  };
  const admin = {
    operations,
    how: 'at once' as FirestoreAdmin['how'],
    refuse: null as FirestoreAdmin['refuse'],
    loseAnswer: false,
  };
  async function start(place: string, body: Asked): Promise<AdminOperation> {
    if (admin.refuse !== null) throw new Refusal(admin.refuse.status, admin.refuse.message);
    check(body, operations);
    const operation: AdminOperation = {
      name: `${place}/operations/op${operations.length + 1}`,
      done: false,
      metadata: { operationState: 'PROCESSING', ...body, progressDocuments: { completedWork: '0' } },
    };
    operations.push(operation);
    const { how } = admin;
    if (how === 'at once') await finish(operation);
    else if (how !== 'never') {
      operation.done = true;
      operation.error = how;
      operation.metadata.operationState = 'FAILED';
    }
    return operation;
  }
  async function answer(request: IncomingMessage): Promise<unknown> {
    const path = decodeURIComponent(new URL(request.url ?? '', 'http://admin').pathname).replace('/v1/', '');
    const [place = '', verb] = path.split(/:(?=\w+$)/);
    if (verb === 'exportDocuments') return start(place, JSON.parse(await textOf(request)) as Asked);
    if (place.endsWith('/operations')) return { operations };
    const operation = operations.find(({ name }) => name === place);
    if (operation === undefined) throw new Refusal(404, `There is no ${place}`);
    if (verb === 'cancel' && !operation.done) {
      operation.done = true;
      operation.error = { code: 1, message: 'The operation was cancelled.' };
      operation.metadata.operationState = 'CANCELLED';
    }
    return verb === 'cancel' ? {} : operation;
  }
  const server = createServer((request, response) => {
    answer(request).then(
      (found) => {
        if (request.url?.includes('exportDocuments') && admin.loseAnswer) {
          admin.loseAnswer = false;
          request.socket.destroy();
        } else response.end(JSON.stringify(found));
      },
      (error: unknown) => {
        const status = error instanceof Refusal ? error.status : 500;
        response.writeHead(status).end(JSON.stringify({ error: { code: status, message: `${error}` } }));
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(admin, {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  override toString(): string {
    return this.message;
  }
}

interface Asked {
  readonly collectionIds: readonly string[];
  readonly outputUriPrefix: string;
  readonly snapshotTime?: string;
}

function check({ collectionIds, outputUriPrefix, snapshotTime }: Asked, operations: readonly AdminOperation[]): void {
  if (collectionIds.length !== 1) throw new Refusal(400, 'One collection id is taken here');
  const age = Date.now() - Date.parse(snapshotTime ?? '');
  if (!/:00Z$/.test(snapshotTime ?? '') || !(age >= 0 && age < OLDEST_MS))
    throw new Refusal(400, `snapshotTime ${snapshotTime} is no whole minute of the last hour`);
  if (operations.some(({ metadata }) => metadata.outputUriPrefix === outputUriPrefix))
    throw new Refusal(400, `Path already exists: ${outputUriPrefix}`);
}

/** @returns how many documents were written */
async function exportTo({ firestore, storage }: Servers, { name, metadata }: AdminOperation): Promise<number> {
  const [, project = ''] = name.split('/');
  const [kind = ''] = metadata.collectionIds;
  const directory = await mkdtemp(join(tmpdir(), 'tributary-export-'));
  try {
    await mkdir(directory, { recursive: true });
    const body = { database: `projects/${project}/databases/(default)`, export_directory: directory, export_name: 'e' };
    await post(`http://${firestore}/emulator/v1/projects/${project}:export`, JSON.stringify(body));
    const from = join(directory, 'e/all_namespaces/all_kinds');
    let rows = 0;
    for (const file of await readdir(from)) {
      const bytes = await readFile(join(from, file));
      const isMetadata = file.endsWith('.export_metadata');
      const records = isMetadata ? [] : recordsOf(bytes).filter((record) => kindOf(record) === kind);
      rows += records.length;
      const [, bucket = '', prefix = ''] = /^gs:\/\/([^/]+)\/(.*)$/.exec(metadata.outputUriPrefix) ?? [];
      const own = isMetadata ? `all_namespaces_kind_${kind}.export_metadata` : file;
      const object = encodeURIComponent(`${prefix}/all_namespaces/kind_${kind}/${own}`);
      const to = `${storage}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${object}`;
      await post(to, isMetadata ? bytes : frameRecords(records));
    }
    return rows;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function post(url: string, body: string | Buffer): Promise<void> {
  const headers = { authorization: 'Bearer owner', 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: new Uint8Array(Buffer.from(body)) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
