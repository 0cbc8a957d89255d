import { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import { credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SecretManagerServer, startSecretManager } from './secret-manager.ts';

const SECRET = 'projects/acme-data/secrets/tributary-acme_shop';
const LATEST = `${SECRET}/versions/latest`;

let server: SecretManagerServer;
const clients: SecretManagerServiceClient[] = [];

function clientOf(host: string): SecretManagerServiceClient {
  const [apiEndpoint = '', port] = host.split(':');
  const client = new SecretManagerServiceClient({
    ...{ apiEndpoint, port: Number(port), sslCreds: credentials.createInsecure() },
  });
  clients.push(client);
  return client;
}

async function read(client: SecretManagerServiceClient, name = LATEST): Promise<string> {
  const [{ payload }] = await client.accessSecretVersion({ name });
  return Buffer.from(payload?.data ?? '').toString();
}

beforeAll(async () => {
  server = await startSecretManager();
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await server[Symbol.asyncDispose]();
});

test('the latest version is the one that was added last', async () => {
  const client = clientOf(server.host);
  server.create(SECRET);
  await expect(read(client)).rejects.toMatchObject({ code: 5 });
  server.put(SECRET, 'one');
  expect(await read(client)).toBe('one');
  const [{ name }] = await client.addSecretVersion({ parent: SECRET, payload: { data: Buffer.from('two') } });
  expect(name).toBe(`${SECRET}/versions/2`);
  expect([await read(client), await read(client, `${SECRET}/versions/1`)]).toEqual(['two', 'one']);
});

test('a version out of use is refused, whatever is before it', async () => {
  const client = clientOf(server.host);
  await client.disableSecretVersion({ name: `${SECRET}/versions/2` });
  await expect(read(client)).rejects.toMatchObject({ code: 9, message: expect.stringContaining('DISABLED state') });
  await client.enableSecretVersion({ name: `${SECRET}/versions/2` });
  expect(await read(client)).toBe('two');
});

test('who may is asked for each call, by the port', async () => {
  server.allows = ({ caller }) => caller === 'friend';
  const [friend, stranger] = [clientOf(await server.gate('friend')), clientOf(await server.gate('stranger'))];
  expect(await read(friend)).toBe('two');
  await expect(read(stranger)).rejects.toMatchObject({
    ...{ code: 7, message: expect.stringContaining("Permission 'secretmanager.versions.access' denied") },
  });
  expect(server.calls.at(-1)).toEqual({ method: 'AccessSecretVersion', name: LATEST, caller: 'stranger' });
  server.allows = () => true;
});

test('failures strike once each', async () => {
  const client = clientOf(server.host);
  server.failures.push({ code: 13, message: 'Internal error encountered.' });
  await expect(client.getSecret({ name: SECRET })).rejects.toMatchObject({ code: 13 });
  expect((await client.getSecret({ name: SECRET }))[0].name).toBe(SECRET);
});
