/** Connections and sources: entries of a tenant's file, each with a version of its own. */
import { createRoute, z } from '@hono/zod-openapi';
import { TributaryError } from '../../runner/core/errors.ts';
import type { Dependencies } from '../dependencies.ts';
import type { Access } from './access.ts';
import { body, etagHeader, json, problems, secured, tenantParam } from './describe.ts';
import { changeEntry, entriesOf, entryNotFound, type Section } from './documents.ts';
import { type Router, router } from './router.ts';
import { connectionWire, entryName, sourceWire, tenantName } from './schemas.ts';
import { conditionHeaders, conditionOf, etagOf, isSame, matchHeader, quoted, readHeaders } from './versions.ts';

interface EntryKind {
  readonly section: Section;
  readonly one: 'connection' | 'source';
  readonly title: 'Connection' | 'Source';
  readonly schema: z.ZodType;
}

const connections: EntryKind = {
  ...{ section: 'connections', one: 'connection', title: 'Connection' },
  schema: connectionWire,
};
const sources: EntryKind = {
  ...{ section: 'sources', one: 'source', title: 'Source' },
  schema: sourceWire,
};

const tags = ['configuration'];

function routesOf({ section, one, title, schema }: EntryKind) {
  const params = z.object({ tenant: tenantName, name: entryName });
  const path = `/v1/tenants/{tenant}/${section}/{name}` as const;
  const spec = json(`The ${one}, as it is written.`, schema);
  return {
    list: createRoute({
      method: 'get',
      path: `/v1/tenants/{tenant}/${section}` as const,
      operationId: `list${title}s`,
      tags,
      summary: `The ${section} of a tenant`,
      security: secured,
      request: { params: tenantParam },
      responses: {
        200: json('By name, as they are written.', z.object({ [section]: z.record(z.string(), schema) })),
        ...problems(404, 422),
      },
    }),
    create: createRoute({
      method: 'post',
      path: `/v1/tenants/{tenant}/${section}` as const,
      operationId: `create${title}`,
      tags,
      summary: `A new ${one}`,
      security: secured,
      request: {
        params: tenantParam,
        body: body(z.strictObject({ name: entryName, spec: schema }).openapi(`New${title}`)),
      },
      responses: {
        201: { ...spec, headers: etagHeader.extend({ location: z.string() }) },
        ...problems(400, 404, 409, 413, 415, 422),
      },
    }),
    get: createRoute({
      method: 'get',
      path,
      operationId: `get${title}`,
      tags,
      summary: `A ${one}`,
      security: secured,
      request: { params, headers: readHeaders },
      responses: {
        200: { ...spec, headers: etagHeader },
        304: { description: 'The reader has this version.' },
        ...problems(404, 422),
      },
    }),
    put: createRoute({
      method: 'put',
      path,
      operationId: `put${title}`,
      tags,
      summary: `Write a ${one}`,
      description: 'The rest of the file stays as it is, comments too.',
      security: secured,
      request: { params, headers: conditionHeaders, body: body(schema) },
      responses: {
        200: { ...spec, headers: etagHeader },
        201: { ...spec, headers: etagHeader },
        ...problems(400, 404, 412, 413, 415, 422, 428),
      },
    }),
    remove: createRoute({
      method: 'delete',
      path,
      operationId: `delete${title}`,
      tags,
      summary: `Remove a ${one}`,
      security: secured,
      request: { params, headers: matchHeader },
      responses: { 204: { description: 'Removed.' }, ...problems(404, 412, 413, 422, 428) },
    }),
  };
}

export function entryRoutes(deps: Dependencies, access: Access): Router[] {
  return [connections, sources].map((kind) => entryRouter(kind, deps, access));
}

function entryRouter(kind: EntryKind, { tenants: store }: Dependencies, access: Access): Router {
  const { section, one } = kind;
  const routes = routesOf(kind);
  return router()
    .openapi(routes.list, async (c) => {
      const { document } = await access.tenant(c, c.req.valid('param').tenant, 'view');
      return c.json({ [section]: entriesOf(document, section) }, 200);
    })
    .openapi(routes.create, async (c) => {
      const { tenant } = c.req.valid('param');
      const { name } = c.req.valid('json');
      const { spec } = await c.req.json();
      await access.tenant(c, tenant, 'configure');
      try {
        await changeEntry(store, tenant, { section, name }, { match: null, none: true }, spec);
      } catch (error) {
        const there = TributaryError.is(error) && error.problem.code === 'TENANT_CHANGED';
        throw there ? new TributaryError('NAME_TAKEN', { what: `a ${one}`, name }) : error;
      }
      return c.json(spec, 201, { etag: quoted(etagOf(spec)), location: `/v1/tenants/${tenant}/${section}/${name}` });
    })
    .openapi(routes.get, async (c) => {
      const { tenant, name } = c.req.valid('param');
      const { document } = await access.tenant(c, tenant, 'view');
      const entries = entriesOf(document, section);
      if (!Object.hasOwn(entries, name)) throw entryNotFound(tenant, section, name, entries);
      const etag = etagOf(entries[name]);
      c.header('ETag', quoted(etag));
      if (isSame(c.req.valid('header')['if-none-match'], etag)) return c.body(null, 304);
      return c.json(entries[name] as object, 200);
    })
    .openapi(routes.put, async (c) => {
      const { tenant, name } = c.req.valid('param');
      const spec = await c.req.json();
      await access.tenant(c, tenant, 'configure');
      const condition = conditionOf(c.req.valid('header'));
      const replaced = await changeEntry(store, tenant, { section, name }, condition, spec);
      return c.json(spec, replaced ? 200 : 201, { etag: quoted(etagOf(spec)) });
    })
    .openapi(routes.remove, async (c) => {
      const { tenant, name } = c.req.valid('param');
      await access.tenant(c, tenant, 'configure');
      await changeEntry(store, tenant, { section, name }, conditionOf(c.req.valid('header')), undefined);
      return c.body(null, 204);
    });
}
