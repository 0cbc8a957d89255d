/** The least a webhook could be: Hono, the body as JSON, an answer. What everything else is compared with. */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';

const app = new Hono();
app.post('/v1/tenants/:tenant/sources/:source/trigger', async (c) => {
  await c.req.json();
  return c.json({ runId: `${c.req.param('tenant')}-${c.req.header('x-cloudscheduler-scheduletime')}` }, 202);
});
// An idle connection that is closed at the moment it is used again is no matter of this measurement.
const serverOptions = { keepAliveTimeout: 620_000 };
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0, serverOptions }, ({ port }) => {
  process.stdout.write(`${JSON.stringify({ message: 'listening', url: `http://127.0.0.1:${port}` })}\n`);
});
