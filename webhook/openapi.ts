/** The description of the API: the routes, and the configuration as its own published schema has it. */
import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { connectionSchema, sourceSchema, tenantSchema } from '../tenants/schema/index.ts';
import type { AppEnv } from './dependencies.ts';
import { documentedPath } from './routes/router.ts';

const INFO = {
  openapi: '3.1.0',
  info: {
    title: 'Tributary',
    version: '1',
    description: 'Runs, schedules and configuration of tenants. Errors are problem documents (RFC 9457).',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: '/' }],
};

export type ApiDocument = ReturnType<OpenAPIHono<AppEnv>['getOpenAPI31Document']>;

export function apiDocument(app: OpenAPIHono<AppEnv>): ApiDocument {
  const document = app.getOpenAPI31Document(INFO);
  const paths = Object.entries(document.paths ?? {}).map(([path, item]) => [documentedPath(path), item] as const);
  return {
    ...document,
    paths: Object.fromEntries(paths),
    components: { ...document.components, schemas: { ...document.components?.schemas, ...configuration() } },
  };
}

/** Exact where the generator of the routes is not: titles, patterns with flags. */
function configuration(): NonNullable<NonNullable<ApiDocument['components']>['schemas']> {
  const registry = z.registry<{ id: string }>();
  registry.add(tenantSchema, { id: 'Tenant' });
  registry.add(connectionSchema, { id: 'Connection' });
  registry.add(sourceSchema, { id: 'Source' });
  const { schemas } = z.toJSONSchema(registry, { io: 'input', uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema, $id, ...schema }]) => [
      id,
      schema as unknown as Record<string, never>,
    ]),
  );
}
