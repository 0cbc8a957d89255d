/** Looks before a run: tests, discoveries and plans; and deployments. Each is a run of its own, under the tenant's identity. */
import { createRoute, z } from '@hono/zod-openapi';
import { TributaryError } from '../../runner/core/errors.ts';
import type { Dependencies } from '../dependencies.ts';
import { placeOrder } from './accept.ts';
import type { Access } from './access.ts';
import { acceptedRun, body, idempotencyKey, problems, secured, tenantParam } from './describe.ts';
import { type Router, router, verbPath } from './router.ts';
import { entryName } from './schemas.ts';

const responses = { 202: acceptedRun, ...problems(400, 404, 409, 413, 415, 422) };
const tags = ['wizard'];

const test = createRoute({
  method: 'post',
  path: verbPath('/v1/tenants/{tenant}/connections:test'),
  operationId: 'testConnection',
  tags,
  summary: 'Connect for real, step by step',
  security: secured,
  request: {
    params: tenantParam,
    headers: idempotencyKey,
    body: body(z.strictObject({ connection: entryName }).openapi('TestRequest')),
  },
  responses,
});

const discover = createRoute({
  method: 'post',
  path: verbPath('/v1/tenants/{tenant}/connections:discover'),
  operationId: 'discoverConnection',
  tags,
  summary: 'What a connection offers, or one object of it',
  security: secured,
  request: {
    params: tenantParam,
    headers: idempotencyKey,
    body: body(
      z
        .strictObject({ connection: entryName, object: z.string().min(1).max(1024).optional() })
        .openapi('DiscoverRequest'),
    ),
  },
  responses,
});

const plan = createRoute({
  method: 'post',
  path: verbPath('/v1/tenants/{tenant}/sources:plan'),
  operationId: 'planSource',
  tags,
  summary: 'What a run would do, before it does',
  security: secured,
  request: {
    params: tenantParam,
    headers: idempotencyKey,
    body: body(z.strictObject({ source: entryName }).openapi('PlanRequest')),
  },
  responses,
});

const deploy = createRoute({
  method: 'post',
  path: '/v1/tenants/{tenant}/deployments',
  operationId: 'deployTenant',
  tags: ['deployments'],
  summary: "Preview or bring up a tenant's stack",
  description: 'Where this service holds no right to deploy, the answer is 501 and says where it is done.',
  security: secured,
  request: {
    params: tenantParam,
    headers: idempotencyKey,
    body: body(
      z
        .strictObject({
          kind: z.enum(['preview', 'up']),
          approve: z.string().min(1).max(128).optional().describe('Digest of the preview that was approved.'),
        })
        .openapi('DeploymentRequest'),
    ),
  },
  responses: { ...responses, ...problems(400, 404, 409, 413, 415, 422, 501) },
});

export function wizardRoutes(deps: Dependencies, access: Access): Router {
  return router()
    .openapi(test, async (c) => {
      const { tenant } = c.req.valid('param');
      const options = c.req.valid('json');
      await access.spec(c, tenant, 'operate');
      const key = c.req.valid('header')['idempotency-key'];
      const { run, headers } = await placeOrder(c, deps, { tenant, source: '', kind: 'test', options, key });
      return c.json(run, 202, headers);
    })
    .openapi(discover, async (c) => {
      const { tenant } = c.req.valid('param');
      const options = c.req.valid('json');
      await access.spec(c, tenant, 'operate');
      const key = c.req.valid('header')['idempotency-key'];
      const { run, headers } = await placeOrder(c, deps, { tenant, source: '', kind: 'discover', options, key });
      return c.json(run, 202, headers);
    })
    .openapi(plan, async (c) => {
      const { tenant } = c.req.valid('param');
      const { source } = c.req.valid('json');
      await access.spec(c, tenant, 'operate');
      const key = c.req.valid('header')['idempotency-key'];
      const { run, headers } = await placeOrder(c, deps, { tenant, source, kind: 'plan', options: {}, key });
      return c.json(run, 202, headers);
    })
    .openapi(deploy, async (c) => {
      const { tenant } = c.req.valid('param');
      const { kind, ...options } = c.req.valid('json');
      await access.spec(c, tenant, kind === 'up' ? 'configure' : 'operate');
      if (!deps.settings.deployments) throw new TributaryError('DEPLOYMENTS_ELSEWHERE', { kind, tenant });
      const key = c.req.valid('header')['idempotency-key'];
      const { run, headers } = await placeOrder(c, deps, { tenant, source: '', kind, options, key });
      return c.json(run, 202, headers);
    });
}
