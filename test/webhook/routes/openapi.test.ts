import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiDocument } from '../../../webhook/openapi.ts';
import { type Scene, scene } from './scene.ts';

let its: Scene;
beforeAll(async () => {
  its = await scene();
});
afterAll(() => its[Symbol.asyncDispose]());

interface Operation {
  readonly operationId: string;
  readonly security: readonly object[];
  readonly responses: Readonly<Record<string, unknown>>;
}

function operations(): [string, string, Operation][] {
  return Object.entries(apiDocument(its.app).paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Operation>).map(([method, one]): [string, string, Operation] => [
      method.toUpperCase(),
      path,
      one,
    ]),
  );
}

describe('the description', () => {
  test('has every address of the interface', () => {
    const there = operations().map(([method, path]) => `${method} ${path}`);
    for (const wanted of [
      'POST /v1/tenants/{tenant}/sources/{source}/trigger',
      'GET /v1/tenants/{tenant}/sources/{source}/config',
      'PATCH /v1/runs/{run}',
      'GET /v1/runs',
      'GET /v1/runs/{run}/events',
      'POST /v1/tenants/{tenant}/sources/{source}/backfill',
      'POST /v1/tenants/{tenant}/connections:test',
      'POST /v1/tenants/{tenant}/connections:discover',
      'POST /v1/tenants/{tenant}/sources:plan',
      'POST /v1/tenants/{tenant}/deployments',
      'POST /v1/sweep',
    ])
      expect(there).toContain(wanted);
  });

  test('names each operation once', () => {
    const ids = operations().map(([, , { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('what says that it needs a login answers nothing without one', async () => {
    const secured = operations().filter(([, , { security }]) => security.length > 0);
    expect(secured.length).toBeGreaterThan(30);
    for (const [method, path] of secured) {
      const address = path.replaceAll(/\{\w+\}/g, 'acme');
      const answer = await its.call(method, address, { as: 'nobody', ...(method === 'GET' ? {} : { body: {} }) });
      expect([method, path, answer.status]).toEqual([method, path, 401]);
      expect(answer.body.code).toBe('UNAUTHENTICATED');
    }
  });
});

describe('the pages', () => {
  test('the reference holds files of this service only', async () => {
    const page = await its.call('GET', '/docs', { as: 'nobody' });
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
    expect(links.length).toBeGreaterThanOrEqual(3);
    for (const link of links) {
      expect(link).toMatch(/^\/docs\//);
      expect((await its.call('GET', link, { as: 'nobody' })).status).toBe(200);
    }
  });

  test('the description, health and metrics', async () => {
    expect((await its.call('GET', '/openapi.json', { as: 'nobody' })).body).toMatchObject({ openapi: '3.1.0' });
    expect((await its.call('GET', '/healthz', { as: 'nobody' })).body).toEqual({ status: 'ok' });
    expect((await its.call('GET', '/readyz', { as: 'nobody' })).body).toEqual({ status: 'ok' });
    const metrics = await its.call('GET', '/metrics', { as: 'platform' });
    expect(metrics.text).toContain('route="/healthz"');
    expect((await its.call('GET', '/metrics', { as: 'ada' })).status).toBe(403);
  });
});
