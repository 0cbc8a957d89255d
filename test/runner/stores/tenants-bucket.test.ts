import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problemOf } from '../../../runner/core/errors.ts';
import { openBucketTenants } from '../../../runner/stores/tenants/bucket.ts';
import { tenantStoreSuite } from '../../contracts/tenant-store.ts';
import { startObjectProxy } from '../../servers/object-proxy.ts';
import { type StorageServer, startStorage } from '../../servers/storage.ts';

let server: StorageServer;
beforeAll(async () => {
  server = await startStorage();
});
afterAll(() => server?.stop());

const open = (bucket: string) => openBucketTenants({ bucket, endpoint: server.host });

async function newBucket(): Promise<string> {
  const name = `tenants-${randomUUID()}`;
  const answer = await fetch(`${server.host}/storage/v1/b?project=p`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  expect(answer.ok).toBe(true);
  return name;
}

tenantStoreSuite('bucket', open, newBucket);

describe('bucket: the objects', () => {
  test('other objects are nobody', async () => {
    const bucket = await newBucket();
    for (const name of ['acme.yaml', 'tenants/notes.txt', 'tenants/old/acme.yaml', 'tenants/.yaml']) {
      const path = `${server.host}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`;
      expect((await fetch(path, { method: 'POST', body: 'x' })).ok).toBe(true);
    }
    await using store = open(bucket);
    expect(await store.list()).toEqual([]);
    await store.write('acme', 'one', null);
    expect(await store.list()).toEqual(['acme']);
  });

  test('a bucket that is not there is a failure, not an empty one', async () => {
    await using store = open('nowhere');
    expect(await store.list().catch(problemOf)).toMatchObject({ code: 'TENANTS_FAILED', retryable: true });
    expect(await store.write('acme', 'x', null).catch(problemOf)).toMatchObject({ code: 'TENANTS_FAILED' });
  });

  test('errors that pass, and bodies that end early, are tried again by every reader', async () => {
    const bucket = await newBucket();
    await using proxy = await startObjectProxy(server.host);
    await using store = openBucketTenants({ bucket, endpoint: proxy.host });
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on('warning', warned);
    const text = 'tenant: acme\n'.repeat(1000);
    try {
      proxy.answers = [{ status: 503 }];
      const written = await store.write('acme', text, null);
      for (const status of [503, 429]) {
        proxy.reset();
        proxy.pass = 1;
        proxy.answers = [{ status }, { status }];
        expect(await store.read('acme')).toEqual(written);
        expect(proxy.requests).toBe(4);
      }
      proxy.reset();
      proxy.onBody = () => {
        proxy.cutAfter = proxy.cuts === 0 ? 20 : null;
      };
      expect(await store.read('acme')).toEqual(written);
      expect(proxy.cuts).toBeGreaterThan(0);
      proxy.reset();
      proxy.pass = 30;
      proxy.answers = Array(30).fill({ status: 503 });
      const read = await Promise.all(Array.from({ length: 30 }, () => store.read('acme')));
      expect(read).toEqual(Array(30).fill(written));
    } finally {
      process.off('warning', warned);
    }
    expect(warnings).toEqual([]);
  });

  test('a refusal is told at once', async () => {
    const bucket = await newBucket();
    await using proxy = await startObjectProxy(server.host);
    await using store = openBucketTenants({ bucket, endpoint: proxy.host });
    await store.write('acme', 'one', null);
    proxy.reset();
    proxy.pass = 1;
    proxy.answers = [{ status: 403, body: 'no storage.objects.get access' }];
    const problem = await store.read('acme').catch(problemOf);
    expect(problem).toMatchObject({ code: 'TENANTS_FAILED', detail: expect.stringContaining('may not use it') });
    expect(proxy.requests).toBe(2);
  });

  test('an account without a role is told so', async () => {
    const denial = createServer((_, response) => {
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { code: 403, message: 'no storage.objects.get access' } }));
    });
    await new Promise<void>((done) => denial.listen(0, '127.0.0.1', done));
    try {
      const { port } = denial.address() as AddressInfo;
      await using store = openBucketTenants({ bucket: 'b', endpoint: `http://127.0.0.1:${port}` });
      const problem = await store.read('acme').catch(problemOf);
      expect(problem).toMatchObject({ code: 'TENANTS_FAILED', detail: expect.stringContaining('may not use it') });
    } finally {
      denial.close();
      denial.closeAllConnections();
    }
  });
});
