import { type GcsRequest, openGcs } from '../../../runner/sources/gcs/index.ts';
import type { ObjectStoreFixture } from '../../contracts/object-store.ts';
import { startStorage } from '../../servers/storage.ts';

const BUCKET = 'acme-landing';

/** A bucket of fake-gcs-server. The environment says where it is, and is read when the store connects. */
export async function startGcsStore(): Promise<ObjectStoreFixture> {
  const server = await startStorage();
  const before = process.env.STORAGE_EMULATOR_HOST;
  const json = { 'content-type': 'application/json' };
  await fetch(`${server.host}/storage/v1/b?project=p`, {
    ...{ method: 'POST', headers: json, body: JSON.stringify({ name: BUCKET }) },
  });
  const connection = (_host: string, bucket = BUCKET): GcsRequest['connection'] => ({ kind: 'gcs', bucket });
  const secrets = { get: () => Promise.reject(new Error('there is no secret')) };
  return {
    host: server.host,
    pid: server.pid,
    async put(name, bytes) {
      const url = `${server.host}/upload/storage/v1/b/${BUCKET}/o?uploadType=media&name=${encodeURIComponent(name)}`;
      const answer = await fetch(url, { method: 'POST', body: new Uint8Array(bytes) });
      if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
    },
    open(host, options, bucket) {
      process.env.STORAGE_EMULATOR_HOST = host;
      return openGcs({ tenant: 'acme', name: 'landing', connection: connection(host, bucket), secrets }, options);
    },
    connection,
    environment: (host) => ({ STORAGE_EMULATOR_HOST: host }),
    secret: '',
    denial: {
      status: 403,
      body: JSON.stringify({ error: { message: 'no storage.objects.list', errors: [{ reason: 'forbidden' }] } }),
    },
    async [Symbol.asyncDispose]() {
      if (before === undefined) delete process.env.STORAGE_EMULATOR_HOST;
      else process.env.STORAGE_EMULATOR_HOST = before;
      await server.stop();
    },
  };
}
