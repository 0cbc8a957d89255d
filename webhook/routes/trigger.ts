/** Called by schedules: the tick of a source, and the platform's own. */
import { createRoute, z } from '@hono/zod-openapi';
import { triggerPath } from '../../tenants/naming.ts';
import type { Dependencies } from '../dependencies.ts';
import { answer, traceparentOf, withHolder } from './accept.ts';
import { type Access, callerOf } from './access.ts';
import { acceptedRun, json, problems, secured, sourceParam } from './describe.ts';
import { type Router, router } from './router.ts';
import { sweepReportSchema } from './schemas.ts';

const trigger = createRoute({
  method: 'post',
  path: triggerPath('{tenant}', '{source}'),
  operationId: 'triggerSource',
  tags: ['schedules'],
  summary: 'A schedule has come',
  description: 'The same tick again is the same run. The body is not read.',
  security: secured,
  request: {
    params: sourceParam,
    headers: z.object({
      'x-cloudscheduler-scheduletime': z.iso
        .datetime({ offset: true })
        .optional()
        .describe('The tick; absent: each call is a run of its own.'),
      'x-cloudscheduler-jobname': z.string().max(512).optional().describe('For the log.'),
    }),
  },
  responses: { 202: acceptedRun, ...problems(404, 409, 413, 422) },
});

const sweep = createRoute({
  method: 'post',
  path: '/v1/sweep',
  operationId: 'sweep',
  tags: ['schedules'],
  summary: 'Finish what time or a killed process left open',
  description: 'Called every minute by a schedule of the platform; safe to repeat.',
  security: secured,
  responses: { 200: json('What was found.', sweepReportSchema), ...problems(413) },
});

export function triggerRoutes(deps: Dependencies, access: Access): Router {
  return router()
    .openapi(trigger, async (c) => {
      const { tenant, source } = c.req.valid('param');
      const said = c.req.valid('header')['x-cloudscheduler-scheduletime'];
      await access.tenant(c, tenant, 'trigger');
      const at = said === undefined ? null : new Date(said).toISOString();
      const tick = { tenant, source, at, requestedBy: callerOf(c).email, traceparent: traceparentOf(c) };
      const { run, headers } = answer(await withHolder(deps.store, tenant, source, deps.control.trigger(tick)));
      return c.json(run, 202, headers);
    })
    .openapi(sweep, async (c) => {
      access.platform(c, 'sweep');
      const { launched, caughtUp, abandoned, announced } = await deps.control.sweep();
      return c.json({ launched: [...launched], caughtUp: [...caughtUp], abandoned: [...abandoned], announced }, 200);
    });
}
