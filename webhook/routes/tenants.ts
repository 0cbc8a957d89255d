/** Tenants: the whole file of each. */
import { createRoute, z } from '@hono/zod-openapi';
import type { TenantDocument } from '../../runner/core/contracts/tenant-store.ts';
import { TributaryError } from '../../runner/core/errors.ts';
import { editTenantText, readAt, writeTenantText } from '../../tenants/edit.ts';
import { parseTenant } from '../../tenants/load.ts';
import type { Dependencies } from '../dependencies.ts';
import { requestInvalid } from '../problem.ts';
import { type Access, callerOf } from './access.ts';
import { body, etagHeader, json, problems, secured, tenantParam } from './describe.ts';
import { checked, fieldOf } from './documents.ts';
import { type Router, router } from './router.ts';
import { fieldErrorSchema, tenantName, tenantWire } from './schemas.ts';
import { conditionHeaders, conditionOf, hold, isSame, matchHeader, quoted, readHeaders } from './versions.ts';

const YAML = 'application/yaml';
const PAGE = 100;
const tags = ['configuration'];

const view = z
  .object({
    tenant: z.string(),
    updatedAt: z.string(),
    spec: tenantWire.nullable().describe('As it is written, without defaults; null while the file is not valid.'),
    errors: z.array(fieldErrorSchema).describe('What is wrong with the file.'),
  })
  .openapi('TenantView');

const list = createRoute({
  method: 'get',
  path: '/v1/tenants',
  operationId: 'listTenants',
  tags,
  summary: 'Names of the tenants that the caller may see',
  security: secured,
  request: {
    query: z.object({
      limit: z.coerce.number().int().min(1).max(1000).default(PAGE),
      cursor: tenantName.optional().describe('`nextCursor` of the page before.'),
    }),
  },
  responses: {
    200: json(
      'A page, sorted.',
      z.object({ tenants: z.array(z.string()), nextCursor: z.string().nullable() }).openapi('TenantPage'),
    ),
    ...problems(422),
  },
});

const create = createRoute({
  method: 'post',
  path: '/v1/tenants',
  operationId: 'createTenant',
  tags,
  summary: 'A new tenant',
  security: secured,
  request: { body: body(tenantWire) },
  responses: {
    201: { ...json('Written.', view), headers: etagHeader.extend({ location: z.string() }) },
    ...problems(400, 409, 412, 413, 415, 422),
  },
});

const get = createRoute({
  method: 'get',
  path: '/v1/tenants/{tenant}',
  operationId: 'getTenant',
  tags,
  summary: 'A tenant',
  description: `With Accept: ${YAML} the file as it lies there.`,
  security: secured,
  request: { params: tenantParam, headers: readHeaders },
  responses: {
    200: {
      description: 'The tenant.',
      content: { 'application/json': { schema: view }, [YAML]: { schema: z.string() } },
      headers: etagHeader,
    },
    304: { description: 'The reader has this version.' },
    ...problems(404, 422),
  },
});

const put = createRoute({
  method: 'put',
  path: '/v1/tenants/{tenant}',
  operationId: 'putTenant',
  tags,
  summary: 'Write a tenant',
  description: `JSON changes what differs and keeps the comments of the file; ${YAML} is taken as the file.`,
  security: secured,
  request: {
    params: tenantParam,
    headers: conditionHeaders,
    // Not `required`, or YAML would be held to the schema of JSON; the gate refuses a request without a body.
    body: { content: { 'application/json': { schema: tenantWire }, [YAML]: { schema: z.string() } } },
  },
  responses: {
    200: { ...json('Written.', view), headers: etagHeader },
    201: { ...json('Written; it is new.', view), headers: etagHeader },
    ...problems(400, 404, 412, 413, 415, 422, 428),
  },
});

const remove = createRoute({
  method: 'delete',
  path: '/v1/tenants/{tenant}',
  operationId: 'deleteTenant',
  tags,
  summary: 'Remove the file of a tenant',
  description: 'Its resources stay until its stack is destroyed.',
  security: secured,
  request: { params: tenantParam, headers: matchHeader },
  responses: { 204: { description: 'Removed.' }, ...problems(404, 412, 413, 422, 428) },
});

export function tenantRoutes(deps: Dependencies, access: Access): Router {
  const { tenants: store } = deps;
  return router()
    .openapi(list, async (c) => {
      const { limit, cursor = '' } = c.req.valid('query');
      callerOf(c);
      const seen: string[] = [];
      for (const name of await store.list()) {
        if (name > cursor && (await access.sees(c, name))) seen.push(name);
        if (seen.length > limit) break;
      }
      const tenants = seen.slice(0, limit);
      return c.json({ tenants, nextCursor: seen.length > limit ? (tenants.at(-1) ?? null) : null }, 200);
    })
    .openapi(create, async (c) => {
      access.platform(c, 'create');
      const spec = c.req.valid('json');
      if ((await store.read(spec.tenant)) !== null) throw taken(spec.tenant);
      const yaml = checked(spec.tenant, writeTenantText(await c.req.json()));
      const written = await store.write(spec.tenant, yaml, null);
      return c.json(viewOf(written), 201, {
        etag: quoted(written.etag),
        location: `/v1/tenants/${spec.tenant}`,
      });
    })
    .openapi(get, async (c) => {
      const { document } = await access.tenant(c, c.req.valid('param').tenant, 'view');
      c.header('ETag', quoted(document.etag));
      if (isSame(c.req.valid('header')['if-none-match'], document.etag)) return c.body(null, 304);
      if (wantsYaml(c.req.header('accept'))) return c.body(document.yaml, 200, { 'Content-Type': YAML }) as never;
      return c.json(viewOf(document), 200);
    })
    .openapi(put, async (c) => {
      const { tenant } = c.req.valid('param');
      const condition = conditionOf(c.req.valid('header'));
      if (condition.none) access.platform(c, 'create');
      const before = condition.none ? null : (await access.tenant(c, tenant, 'configure')).document;
      if (condition.none) hold(condition, (await store.read(tenant))?.etag ?? null, tenant);
      else hold(condition, before?.etag ?? null, tenant);
      const yaml = checked(
        tenant,
        isYaml(c.req.header('content-type')) ? await c.req.text() : fromJson(before, await c.req.json()),
      );
      const written = await store.write(tenant, yaml, before?.etag ?? null);
      return c.json(viewOf(written), before === null ? 201 : 200, { etag: quoted(written.etag) });
    })
    .openapi(remove, async (c) => {
      const { tenant } = c.req.valid('param');
      const condition = conditionOf(c.req.valid('header'));
      const { document } = await access.tenant(c, tenant, 'configure');
      hold(condition, document.etag, tenant);
      await store.remove(tenant, document.etag);
      return c.body(null, 204);
    });
}

function viewOf(document: TenantDocument): z.output<typeof view> {
  const { tenant, errors } = parseTenant(document.yaml, `${document.tenant}.yaml`);
  const spec = tenant === null ? null : (readAt(document.yaml, []) as z.output<typeof tenantWire>);
  return { tenant: document.tenant, updatedAt: document.updatedAt, spec, errors: errors.map(fieldOf) };
}

function fromJson(before: TenantDocument | null, spec: unknown): string {
  if (typeof spec !== 'object' || spec === null) throw requestInvalid('The body is no tenant');
  return before === null ? writeTenantText(spec) : editTenantText(before.yaml, [], spec);
}

function taken(name: string): TributaryError {
  return new TributaryError('NAME_TAKEN', { what: 'a tenant', name });
}

function isYaml(contentType: string | undefined): boolean {
  return contentType?.split(';')[0]?.trim().toLowerCase() === YAML;
}

function wantsYaml(accept = ''): boolean {
  return accept.toLowerCase().includes(YAML) && !accept.toLowerCase().includes('application/json');
}
