/** Runs, for people. */
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { RunRecord, RunStatus } from '../../runner/core/contracts/run-store.ts';
import { TributaryError } from '../../runner/core/errors.ts';
import type { AppEnv, Dependencies } from '../dependencies.ts';
import { requestInvalid } from '../problem.ts';
import { placeOrder } from './accept.ts';
import type { Access } from './access.ts';
import { acceptedRun, body, idempotencyKey, json, problems, runParam, secured, sourceParam } from './describe.ts';
import { type Router, router } from './router.ts';
import { entryName, runPageSchema, runRecordSchema, runStatuses, tenantName } from './schemas.ts';

/** Runs that one page looks at, for a caller who sees few of them. */
const LOOKED_AT = 1000;

const list = createRoute({
  method: 'get',
  path: '/v1/runs',
  operationId: 'listRuns',
  tags: ['runs'],
  summary: 'Runs, newest first',
  security: secured,
  request: {
    query: z.object({
      tenant: tenantName.optional(),
      source: entryName.optional(),
      status: z.enum(runStatuses).optional(),
      limit: z.coerce.number().int().min(1).max(100).default(20),
      cursor: z.string().min(1).max(256).optional().describe('`nextCursor` of the page before.'),
    }),
  },
  responses: { 200: json('A page.', runPageSchema), ...problems(404, 422) },
});

const get = createRoute({
  method: 'get',
  path: '/v1/runs/{run}',
  operationId: 'getRun',
  tags: ['runs'],
  summary: 'A run',
  security: secured,
  request: { params: runParam },
  responses: { 200: json('The run.', runRecordSchema), ...problems(404, 422) },
});

const past = { yes: z.boolean().optional().describe('Go past the brakes.') };
const queue = { queue: z.boolean().optional().describe('Wait where another run holds the source.') };

const start = createRoute({
  method: 'post',
  path: '/v1/runs',
  operationId: 'startRun',
  tags: ['runs'],
  summary: 'Run a source now, or reload its quarantine',
  security: secured,
  request: {
    headers: idempotencyKey,
    body: body(
      z
        .strictObject({
          tenant: tenantName,
          source: entryName,
          kind: z.enum(['run', 'replay']).default('run').describe('replay: the rows of its quarantine.'),
          ...queue,
          ...past,
        })
        .openapi('RunRequest'),
    ),
  },
  responses: { 202: acceptedRun, ...problems(400, 404, 409, 413, 415, 422) },
});

const moment = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);

const backfill = createRoute({
  method: 'post',
  path: '/v1/tenants/{tenant}/sources/{source}/backfill',
  operationId: 'backfillSource',
  tags: ['runs'],
  summary: 'Load a past range again',
  security: secured,
  request: {
    params: sourceParam,
    headers: idempotencyKey,
    body: body(
      z
        .strictObject({
          from: moment.describe('Included.').openapi({ examples: ['2026-01-01'] }),
          to: moment.describe('Not included.').openapi({ examples: ['2026-02-01'] }),
          ...queue,
          ...past,
        })
        .openapi('BackfillRequest'),
    ),
  },
  responses: { 202: acceptedRun, ...problems(400, 404, 409, 413, 415, 422) },
});

const cancel = createRoute({
  method: 'post',
  path: '/v1/runs/{run}/cancel',
  operationId: 'cancelRun',
  tags: ['runs'],
  summary: 'Ask a run to stop',
  description: 'A queued run ends at once; a running one when it hears of it; an ended one stays as it is.',
  security: secured,
  request: { params: runParam },
  responses: { 202: acceptedRun, ...problems(404, 409, 413, 422) },
});

export function runRoutes(deps: Dependencies, access: Access): Router {
  return router()
    .openapi(list, async (c) => {
      const query = c.req.valid('query');
      if (query.tenant !== undefined) await access.tenant(c, query.tenant, 'view');
      return c.json(await page(c, deps, access, query), 200);
    })
    .openapi(get, async (c) => c.json(await access.run(c, c.req.valid('param').run, 'view'), 200))
    .openapi(start, async (c) => {
      const { tenant, source, kind, ...options } = c.req.valid('json');
      await access.spec(c, tenant, 'operate');
      const key = c.req.valid('header')['idempotency-key'];
      const { run, headers } = await placeOrder(c, deps, { tenant, source, kind, options, key });
      return c.json(run, 202, headers);
    })
    .openapi(backfill, async (c) => {
      const { tenant, source } = c.req.valid('param');
      const options = c.req.valid('json');
      await access.spec(c, tenant, 'operate');
      if (Date.parse(options.from) >= Date.parse(options.to))
        throw requestInvalid('from is not before to', [{ pointer: '/from', detail: 'must be before to' }]);
      const key = c.req.valid('header')['idempotency-key'];
      const { run, headers } = await placeOrder(c, deps, { tenant, source, kind: 'backfill', options, key });
      return c.json(run, 202, headers);
    })
    .openapi(cancel, async (c) => {
      const { runId } = await access.run(c, c.req.valid('param').run, 'operate');
      const run = await deps.control.cancel(runId);
      return c.json(run, 202, { location: `/v1/runs/${runId}` });
    });
}

interface PageQuery {
  readonly tenant?: string | undefined;
  readonly source?: string | undefined;
  readonly status?: RunStatus | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** What the caller may see; a page may be short and yet not be the last. */
async function page(c: Context<AppEnv>, { store }: Dependencies, access: Access, query: PageQuery) {
  const { tenant, source, status, limit } = query;
  const runs: RunRecord[] = [];
  let before = query.cursor === undefined ? undefined : runIdOf(query.cursor);
  for (let looked = 0; looked < LOOKED_AT; looked += limit) {
    const found = await store
      .list({
        limit: limit - runs.length,
        ...(tenant === undefined ? {} : { tenant }),
        ...(source === undefined ? {} : { source }),
        ...(status === undefined ? {} : { statuses: [status] }),
        ...(before === undefined ? {} : { before }),
      })
      .catch(unknownCursor);
    for (const run of found) if (tenant !== undefined || (await access.sees(c, run.tenant))) runs.push(run);
    const last = found.at(-1)?.runId;
    if (last === undefined) return { runs, nextCursor: null };
    before = last;
    if (runs.length >= limit) break;
  }
  return { runs, nextCursor: before === undefined ? null : Buffer.from(`run:${before}`).toString('base64url') };
}

function runIdOf(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString();
  const runId = /^run:([A-Za-z0-9][A-Za-z0-9_-]{0,127})$/.exec(text)?.[1];
  if (runId === undefined) throw badCursor();
  return runId;
}

function badCursor() {
  return requestInvalid('The cursor is none', [{ pointer: 'cursor', detail: 'must be the nextCursor of a page' }]);
}

function unknownCursor(error: unknown): never {
  if (TributaryError.is(error) && error.problem.code === 'RUN_NOT_FOUND') throw badCursor();
  throw error;
}
