/** `tributary secret`, as a process: a value comes from stdin and goes where it is told to. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type SecretManagerServer, startSecretManager } from '../../servers/secret-manager.ts';

const CLI = join(import.meta.dirname, '..', '..', '..', 'runner', 'cli.js');
const NAME = 'projects/acme-data/secrets/tributary-acme_shop-db';

let folder: string;
let server: SecretManagerServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-secret-'));
  mkdirSync(join(folder, 'tenants'));
  writeFileSync(join(folder, 'tenants', 'acme.yaml'), 'tenant: acme\nproject: acme-data\n');
  server = await startSecretManager();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function tributary(words: readonly string[], value = '') {
  const env = { PATH: process.env.PATH ?? '', SECRET_MANAGER_EMULATOR_HOST: server.host };
  const child = spawn(process.execPath, [CLI, '--json', ...words], { cwd: folder, env });
  child.stdin.end(value);
  const ended = once(child, 'close');
  const [out, problems] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await ended;
  return { code, out, all: out + problems };
}

it('puts a value into Secret Manager, and never shows it', async () => {
  server.create(NAME);
  const there = ['--secrets', 'secret-manager'];
  const set = await tributary(['secret', 'set', 'acme', 'shop-db', ...there], 'canary\n');
  expect(set.code, set.all).toBe(0);
  await tributary(['secret', 'rotate', 'acme', 'shop-db', ...there], 'second canary');
  const added = server.calls.filter(({ method }) => method === 'AddSecretVersion');
  expect(added.map(({ name }) => name)).toEqual([NAME, NAME]);
  const listed = await tributary(['secret', 'list', 'acme', ...there]);
  expect(JSON.parse(listed.out)).toEqual({
    tenant: 'acme',
    secrets: [{ name: 'shop-db', source: 'Secret Manager of acme-data' }],
  });
  expect(set.all + listed.all).not.toContain('canary');
});

it('says what is missing: the secret, the right, the name of a store', async () => {
  const set = (store: string) => tributary(['secret', 'set', 'acme', 'shop-db', '--secrets', store], 'canary');
  const missing = await set('secret-manager');
  expect(missing.out).toContain('SECRET_MISSING');
  expect(missing.out).toContain('tributary up acme');
  server.create(NAME);
  server.allows = () => false;
  const refused = await set('secret-manager');
  expect(refused.out).toContain('SECRET_FORBIDDEN');
  expect(refused.out).toContain('roles/secretmanager.secretVersionAdder');
  const unknown = await set('vault');
  expect([missing.code, refused.code, unknown.code]).toEqual([2, 2, 1]);
  expect(missing.all + refused.all + unknown.all).not.toContain('canary');
});
