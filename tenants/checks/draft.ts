import type { ConnectionSpec } from '../schema/connection.ts';
import { connectionSchema } from '../schema/connection.ts';
import { type SourceSpec, sourceSchema } from '../schema/source.ts';
import { type TenantSpec, tenantSchema } from '../schema/tenant.ts';

/** As much of a tenant as could be read: what its schema refused is absent. */
export interface Draft {
  readonly file: string;
  readonly tenant?: string | undefined;
  readonly location?: string | undefined;
  readonly region?: string | undefined;
  /** Every name written, even of a connection that could not be read. */
  readonly connectionNames: readonly string[];
  readonly connections: ReadonlyMap<string, ConnectionSpec>;
  readonly sources: ReadonlyMap<string, Partial<SourceSpec>>;
  /** The file as it is. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads each part on its own, so that one error hides no other. */
export function draftOf(data: Readonly<Record<string, unknown>>, tenant: TenantSpec | undefined, file: string): Draft {
  const connectionNames = Object.keys(record(data.connections));
  if (tenant !== undefined) {
    const { tenant: name, location, region } = tenant;
    const connections = new Map(Object.entries(tenant.connections));
    return {
      file,
      tenant: name,
      location,
      region,
      connectionNames,
      connections,
      sources: new Map(Object.entries(tenant.sources)),
      data,
    };
  }
  const connections = new Map<string, ConnectionSpec>();
  for (const [name, value] of Object.entries(record(data.connections))) {
    const { data: connection } = connectionSchema.safeParse(value);
    if (connection !== undefined) connections.set(name, connection);
  }
  const sources = new Map<string, Partial<SourceSpec>>();
  for (const [name, value] of Object.entries(record(data.sources))) {
    if (typeof value === 'object' && value !== null) sources.set(name, readable(sourceSchema.shape, record(value)));
  }
  const { tenant: name, location, region } = readable(tenantSchema.shape, data) as Partial<TenantSpec>;
  return { file, tenant: name, location, region, connectionNames, connections, sources, data };
}

function readable(
  shape: Record<string, { safeParse(value: unknown): { data?: unknown } }>,
  data: Record<string, unknown>,
): Partial<SourceSpec> {
  const found: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(shape)) {
    const value = schema.safeParse(Object.hasOwn(data, key) ? data[key] : undefined).data;
    if (value !== undefined) found[key] = value;
  }
  return found;
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
