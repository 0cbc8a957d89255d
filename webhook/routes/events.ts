/** The events of a run, as they come (server-sent events) or as a list. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { streamSSE } from 'hono/streaming';
import type { AppEnv, Dependencies } from '../dependencies.ts';
import type { Access } from './access.ts';
import { problems, runParam, secured } from './describe.ts';
import { type Router, router } from './router.ts';
import { eventListSchema } from './schemas.ts';

const sequence = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const events = createRoute({
  method: 'get',
  path: '/v1/runs/{run}/events',
  operationId: 'getRunEvents',
  tags: ['runs'],
  summary: 'What happened in a run',
  description:
    'With Accept: text/event-stream a stream that begins after Last-Event-ID and ends with the run; else a list. The name of an event is its type, its data a RunEvent, its id the sequence.',
  security: secured,
  request: {
    params: runParam,
    query: z.object({ after: sequence.optional().describe('Only later ones.') }),
    headers: z.object({ 'last-event-id': sequence.optional().describe('As a browser sends it; before `after`.') }),
  },
  responses: {
    200: {
      description: 'The events.',
      content: { 'application/json': { schema: eventListSchema }, 'text/event-stream': { schema: z.string() } },
    },
    ...problems(404, 422),
  },
});

export function eventRoutes(deps: Dependencies, access: Access): Router {
  return router().openapi(events, async (c) => {
    const { runId } = await access.run(c, c.req.valid('param').run, 'view');
    const after = c.req.valid('header')['last-event-id'] ?? c.req.valid('query').after;
    const supports = ['application/json', 'text/event-stream'];
    const type = accepts(c, { header: 'Accept', supports, default: 'application/json' });
    if (type === 'text/event-stream') return stream(c, deps, runId, after);
    return c.json({ events: [...(await deps.store.events(runId, after))] }, 200);
  });
}

/** Ends after the run, after its longest time, or when the client or the service goes. */
function stream(c: Context<AppEnv>, { store, settings, log }: Dependencies, runId: string, from: number | undefined) {
  const { eventPollMs, heartbeatMs, streamMs } = settings;
  c.header('Cache-Control', 'no-store');
  c.header('X-Accel-Buffering', 'no');
  return streamSSE(
    c,
    async (out) => {
      let after = from;
      let spoke = performance.now();
      await out.writeSSE({ event: 'hello', data: '{}', retry: 1000 });
      for (const end = performance.now() + streamMs; !out.aborted && performance.now() < end; ) {
        // Asked before the events: what an ended run says is all there then.
        const ended = (await store.get(runId))?.endedAt !== null;
        const found = await store.events(runId, after);
        for (const event of found) {
          await out.writeSSE({ id: String(event.sequence), event: event.type, data: JSON.stringify(event) });
          after = event.sequence;
        }
        if (ended) return;
        if (found.length > 0) spoke = performance.now();
        else if (performance.now() - spoke >= heartbeatMs) {
          await out.write(': alive\n\n');
          spoke = performance.now();
        }
        await sleep(eventPollMs);
      }
    },
    async (error) => log.warn({ err: error, runId }, 'a stream of events broke'),
  ) as never;
}
