/** The specifications and the sources that a tenant's file names. */
import type { ConnectionSpec, SourceSpec, TenantSpec } from '../../tenants/schema/index.ts';
import type { Secrets } from '../core/contracts/secrets.ts';
import type { Source, SourceRequest } from '../core/contracts/source.ts';
import { TributaryError } from '../core/errors.ts';
import { openSource } from '../sources/registry.ts';

/** @throws SOURCE_NOT_FOUND */
export function sourceSpec(tenant: TenantSpec, name: string): SourceSpec {
  const spec = tenant.sources[name];
  if (spec === undefined)
    throw new TributaryError('SOURCE_NOT_FOUND', {
      tenant: tenant.tenant,
      source: name,
      known: Object.keys(tenant.sources).join(', '),
    });
  return spec;
}

/** @throws SOURCE_NOT_FOUND */
export function connectionSpec(tenant: TenantSpec, name: string): ConnectionSpec {
  const spec = tenant.connections[name];
  if (spec === undefined)
    throw new TributaryError('SOURCE_NOT_FOUND', {
      what: 'connection',
      tenant: tenant.tenant,
      source: name,
      known: Object.keys(tenant.connections).join(', '),
    });
  return spec;
}

/** @param spec of the source that is to be read; without it the connection is only looked at. */
export async function openConnection(
  tenant: TenantSpec,
  connection: string,
  secrets: Secrets,
  spec?: SourceSpec,
): Promise<Source> {
  return openSource({
    tenant: tenant.tenant,
    name: connection,
    connection: connectionSpec(tenant, connection),
    secrets,
    ...cloudOf(tenant),
    ...(spec === undefined ? {} : { source: spec }),
  });
}

/** Where the tenant works in Google Cloud; nothing where nobody says. */
export function cloudOf({ project, location }: TenantSpec): Pick<SourceRequest, 'cloud'> {
  const { TRIBUTARY_PROJECT, GOOGLE_CLOUD_PROJECT } = process.env;
  const found = project || TRIBUTARY_PROJECT || GOOGLE_CLOUD_PROJECT;
  return found ? { cloud: { project: found, location } } : {};
}
