/** Secrets of a tenant in Secret Manager: a real gRPC server answers the real client. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemOf } from '../../../runner/core/errors.ts';
import { openSecrets, secretsKind } from '../../../runner/secrets/open.ts';
import { type ManagedSecrets, secretManager } from '../../../runner/secrets/secret-manager.ts';
import { environment } from '../../servers/identity.ts';
import { type SecretManagerServer, startSecretManager } from '../../servers/secret-manager.ts';

let server: SecretManagerServer;
const opened: ManagedSecrets[] = [];

beforeEach(async () => {
  server = await startSecretManager();
});
afterEach(async () => {
  for (const secrets of opened.splice(0)) await secrets[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function open(): ManagedSecrets {
  const secrets = secretManager({ tenant: 'acme', project: 'acme-data', connection: 'shop', emulator: server.host });
  opened.push(secrets);
  return secrets;
}

const NAME = 'projects/acme-data/secrets/tributary-acme_shop-db';
const UNAVAILABLE = 14;
const INTERNAL = 13;
const reads = () => server.calls.filter(({ method }) => method === 'AccessSecretVersion');
const problem = async (work: Promise<unknown>) => problemOf(await work.catch((error: unknown) => error));

describe('a value', () => {
  it('is the newest version, read when it is asked for and once', async () => {
    server.put(NAME, 'first');
    const secrets = open();
    expect(reads()).toEqual([]);
    expect(await Promise.all([secrets.get('shop-db'), secrets.get('shop-db')])).toEqual(['first', 'first']);
    expect(reads()).toMatchObject([{ name: `${NAME}/versions/latest` }]);
  });

  it('that is rotated is the old one for the run that read it, and the new one for the next', async () => {
    server.put(NAME, 'first');
    const run = open();
    await run.get('shop-db');
    const version = server.put(NAME, 'second');
    expect(await run.get('shop-db')).toBe('first');
    expect(await open().get('shop-db')).toBe('second');
    server.setState(version, 'DISABLED');
    expect(await problem(open().get('shop-db'))).toMatchObject({
      code: 'SECRET_MISSING',
      detail: expect.stringContaining('disabled'),
    });
  });

  it('may be any text', async () => {
    const key = `-----BEGIN KEY-----\n${'x'.repeat(60_000)}\nżółć\n`;
    server.put(NAME, key);
    expect(await open().get('shop-db')).toBe(key);
  });

  it('that is missing or empty says how to set it', async () => {
    for (const prepare of [() => undefined, () => server.create(NAME), () => server.put(NAME, '')]) {
      prepare();
      const { code, fix, detail } = await problem(open().get('shop-db'));
      expect([code, fix]).toEqual([
        'SECRET_MISSING',
        'Run: tributary secret set acme shop-db --secrets secret-manager',
      ]);
      expect(detail).toContain('Connection shop needs the secret "shop-db"');
    }
  });

  it('that may not be read names the role, and is asked for again', async () => {
    server.put(NAME, 'canary');
    server.allows = () => false;
    const secrets = open();
    const refused = await problem(secrets.get('shop-db'));
    expect(refused).toMatchObject({ code: 'SECRET_FORBIDDEN', retryable: false });
    expect(refused.detail).toContain('roles/secretmanager.secretAccessor');
    server.allows = () => true;
    expect(await secrets.get('shop-db')).toBe('canary');
  });

  it('is asked for again while the service is away, and its absence is told when it stays so', async () => {
    server.put(NAME, 'value');
    server.failures.push({ code: UNAVAILABLE, message: 'away' }, { code: UNAVAILABLE, message: 'away' });
    expect(await open().get('shop-db')).toBe('value');
    server.failures.push({ code: INTERNAL, message: 'broken' });
    expect(await problem(open().get('shop-db'))).toMatchObject({ code: 'SECRET_UNAVAILABLE', retryable: true });
  });
});

describe('who sets one', () => {
  it('adds a version to a secret that the stack has made', async () => {
    expect(await problem(open().set('shop-db', 'value'))).toMatchObject({ code: 'SECRET_MISSING' });
    server.create(NAME);
    const secrets = open();
    await secrets.set('shop-db', 'value');
    await secrets.set('shop-db', 'next');
    expect(await secrets.get('shop-db')).toBe('next');
    expect(await problem(secrets.set('shop-db', ''))).toMatchObject({ code: 'USAGE' });
  });

  it('sees the names of this tenant alone', async () => {
    for (const id of ['acme_b', 'acme_a', 'acme-two_c', 'other_d'])
      server.create(`projects/acme-data/secrets/tributary-${id}`);
    server.create('projects/other/secrets/tributary-acme_e');
    expect(await open().list()).toEqual(['a', 'b']);
  });
});

it('a runner is told by its environment where they are', async () => {
  server.put(NAME, 'value');
  using _ = environment({ SECRET_MANAGER_EMULATOR_HOST: server.host });
  const values = new Set<string>();
  await using secrets = openSecrets(secretsKind('secret-manager'), 'acme', () => 'acme-data', values);
  expect(await secrets.get('shop-db')).toBe('value');
  expect([...values]).toEqual(['value']);
  expect(() => secretsKind('vault')).toThrow('USAGE');
});
