/** What a runner asks and reports, under its tenant's account. */
import { createRoute, z } from '@hono/zod-openapi';
import type { Lease, RunRecord } from '../../runner/core/contracts/run-store.ts';
import { TributaryError } from '../../runner/core/errors.ts';
import type { Dependencies } from '../dependencies.ts';
import type { Access } from './access.ts';
import { body, json, problems, runParam, secured, sourceParam } from './describe.ts';
import { type Router, router } from './router.ts';
import { leaseRequestSchema, leaseSchema, reportSchema, runRecordSchema, tenantWire } from './schemas.ts';

const tags = ['runner'];

const runConfig = createRoute({
  method: 'get',
  path: '/v1/runs/{run}/config',
  operationId: 'getRunConfig',
  tags,
  summary: 'What a run is to do, and the tenant with its defaults',
  security: secured,
  request: { params: runParam },
  responses: {
    200: json('Its configuration.', z.object({ run: runRecordSchema, tenant: tenantWire }).openapi('RunConfig')),
    ...problems(404, 422),
  },
});

const sourceConfig = createRoute({
  method: 'get',
  path: '/v1/tenants/{tenant}/sources/{source}/config',
  operationId: 'getSourceConfig',
  tags,
  summary: 'The tenant with its defaults',
  security: secured,
  request: { params: sourceParam },
  responses: {
    200: json('Its configuration.', z.object({ tenant: tenantWire }).openapi('SourceConfig')),
    ...problems(404, 422),
  },
});

const putLease = createRoute({
  method: 'put',
  path: '/v1/runs/{run}/lease',
  operationId: 'claimLease',
  tags,
  summary: 'Claim the lease of a run, or renew it',
  security: secured,
  request: { params: runParam, body: body(leaseRequestSchema) },
  responses: { 200: json('The lease.', leaseSchema), ...problems(400, 404, 409, 413, 415, 422) },
});

const deleteLease = createRoute({
  method: 'delete',
  path: '/v1/runs/{run}/lease',
  operationId: 'releaseLease',
  tags,
  summary: 'Give the lease back',
  security: secured,
  request: { params: runParam, query: z.object({ fencingToken: z.coerce.number().int().min(0) }) },
  responses: { 204: { description: 'Given back, now or before.' }, ...problems(404, 413, 422) },
});

const report = createRoute({
  method: 'patch',
  path: '/v1/runs/{run}',
  operationId: 'reportRun',
  tags,
  summary: 'Report what happened in a run',
  description: 'Monotonic and idempotent: an event comes once under its id, an ended run stays as it is.',
  security: secured,
  request: { params: runParam, body: body(reportSchema) },
  responses: { 200: json('The run.', runRecordSchema), ...problems(400, 404, 409, 413, 415, 422) },
});

const abandoned = createRoute({
  method: 'get',
  path: '/v1/tenants/{tenant}/sources/{source}/abandoned',
  operationId: 'listAbandonedRuns',
  tags,
  summary: 'Runs of a source whose process is gone',
  security: secured,
  request: { params: sourceParam },
  responses: {
    200: json('They may be ended by the runner that holds the source.', z.object({ runs: z.array(runRecordSchema) })),
    ...problems(404, 422),
  },
});

export function runnerRoutes(deps: Dependencies, access: Access): Router {
  const { store, control } = deps;
  return router()
    .openapi(runConfig, async (c) => {
      const run = await access.run(c, c.req.valid('param').run, 'report');
      return c.json({ run, tenant: await access.spec(c, run.tenant, 'report') }, 200);
    })
    .openapi(sourceConfig, async (c) => {
      const { tenant: name, source } = c.req.valid('param');
      const tenant = await access.spec(c, name, 'report');
      if (!Object.hasOwn(tenant.sources, source)) {
        const known = Object.keys(tenant.sources).join(', ');
        throw new TributaryError('SOURCE_NOT_FOUND', { tenant: name, source, known });
      }
      return c.json({ tenant }, 200);
    })
    .openapi(putLease, async (c) => {
      const run = await access.run(c, c.req.valid('param').run, 'report');
      const { ttlMs, fencingToken, claimant } = c.req.valid('json');
      if (fencingToken !== undefined) return c.json(await store.renew(leaseOf(run, fencingToken), ttlMs), 200);
      const { runId, tenant, source } = run;
      if (source === '')
        throw new TributaryError('USAGE', { reason: `Run ${runId} concerns no source, so it needs no lease` });
      const lease = await store.claim({
        runId,
        tenant,
        source,
        ttlMs,
        ...(claimant === undefined ? {} : { claimant }),
      });
      if (run.status === 'queued') await control.started(runId);
      const now = await store.get(runId);
      return c.json({ ...lease, cancelRequested: now?.cancelRequested ?? false }, 200);
    })
    .openapi(deleteLease, async (c) => {
      const run = await access.run(c, c.req.valid('param').run, 'report');
      await store.release(leaseOf(run, c.req.valid('query').fencingToken));
      return c.body(null, 204);
    })
    .openapi(report, async (c) => {
      const run = await access.run(c, c.req.valid('param').run, 'report');
      const { runId } = run;
      const { execution, start, events = [], end } = c.req.valid('json');
      if (execution !== undefined) await store.launched(runId, execution);
      if (start) {
        await store.start(runId);
        if (run.status === 'queued') await control.started(runId);
      }
      for (const { id, step, data, ...event } of events)
        await store.append({ runId, ...event, ...(step && { step }), ...(data && { data }) }, id);
      if (end !== undefined) {
        await store.finish(runId, end.status, end.summary, end.problem);
        await control.ended(runId);
      }
      return c.json((await store.get(runId)) ?? run, 200);
    })
    .openapi(abandoned, async (c) => {
      const { tenant, source } = c.req.valid('param');
      await access.tenant(c, tenant, 'report');
      return c.json({ runs: [...(await store.abandoned(tenant, source))] }, 200);
    });
}

function leaseOf({ runId, tenant, source }: RunRecord, fencingToken: number): Lease {
  return { runId, tenant, source, fencingToken, expiresAt: '' };
}
