/** Health, metrics, the description of the API and its page. */
import { createRoute, z } from '@hono/zod-openapi';
import type { Dependencies } from '../dependencies.ts';
import type { Access } from './access.ts';
import { json, problems, secured } from './describe.ts';
import { type Router, router } from './router.ts';

const state = z.object({ status: z.literal('ok') }).openapi('Health');
const tags = ['platform'];

const health = createRoute({
  method: 'get',
  path: '/healthz',
  operationId: 'health',
  tags,
  summary: 'The process lives',
  security: [],
  responses: { 200: json('It does.', state) },
});

const unready = Object.fromEntries(Object.entries(problems()).filter(([status]) => status === '503'));

const ready = createRoute({
  method: 'get',
  path: '/readyz',
  operationId: 'ready',
  tags,
  summary: 'The run store and the tenants answer',
  security: [],
  responses: { 200: json('They do.', state), ...(unready as ReturnType<typeof problems>) },
});

const metrics = createRoute({
  method: 'get',
  path: '/metrics',
  operationId: 'metrics',
  tags,
  summary: 'Metrics in the text format of Prometheus',
  security: secured,
  responses: {
    200: { description: 'The metrics.', content: { 'text/plain': { schema: z.string() } } },
    ...problems(),
  },
});

export function platformRoutes(deps: Dependencies, access: Access): Router {
  return router()
    .openapi(health, (c) => c.json({ status: 'ok' } as const, 200))
    .openapi(ready, async (c) => {
      await Promise.all([deps.store.list({ limit: 1 }), deps.tenants.list()]);
      return c.json({ status: 'ok' } as const, 200);
    })
    .openapi(metrics, async (c) => {
      access.platform(c, 'operations');
      const { contentType, body } = await deps.metrics.text();
      return c.text(body, 200, { 'Content-Type': contentType });
    });
}
