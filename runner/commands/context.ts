/** What commands work with, opened from the command line's options. */
import { join } from 'node:path';
import { listTenants, readTenant } from '../../tenants/load.ts';
import type { ConnectionSpec, SourceSpec, TenantSpec } from '../../tenants/schema/index.ts';
import type { RunStore } from '../core/contracts/run-store.ts';
import type { Secrets } from '../core/contracts/secrets.ts';
import type { Source, SourceRequest } from '../core/contracts/source.ts';
import { TributaryError } from '../core/errors.ts';
import { laptopSecrets } from '../secrets.ts';
import { openSource } from '../sources/registry.ts';
import { printIssues } from './check.ts';
import type { GlobalOptions } from './outcome.ts';

/** The run store of a laptop. */
export const STORE = join('.tributary', 'runs.sqlite');

/** @throws TENANT_NOT_FOUND, TENANT_INVALID (its errors are shown) */
export function openTenant(options: GlobalOptions, name: string): TenantSpec {
  const known = listTenants(options.tenants);
  if (!known.includes(name))
    throw new TributaryError('TENANT_NOT_FOUND', { tenants: options.tenants, tenant: name, known: known.join(', ') });
  const file = join(options.tenants, `${name}.yaml`);
  const { tenant, errors } = readTenant(file);
  if (tenant !== null && errors.length === 0) return tenant;
  if (!options.json) printIssues(errors);
  throw new TributaryError('TENANT_INVALID', { file, count: errors.length });
}

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

export interface Connected {
  readonly source: Source;
  readonly secrets: Secrets;
}

export async function connectSource(tenant: TenantSpec, connection: string, spec?: SourceSpec): Promise<Connected> {
  const secrets = laptopSecrets({ tenant: tenant.tenant, connection });
  const source = await openSource({
    tenant: tenant.tenant,
    name: connection,
    connection: connectionSpec(tenant, connection),
    secrets,
    ...cloudOf(tenant),
    ...(spec === undefined ? {} : { source: spec }),
  });
  return { source, secrets };
}

/** Where the tenant works in Google Cloud; nothing where nobody says. */
function cloudOf({ project, location }: TenantSpec): Pick<SourceRequest, 'cloud'> {
  const { TRIBUTARY_PROJECT, GOOGLE_CLOUD_PROJECT } = process.env;
  const found = project || TRIBUTARY_PROJECT || GOOGLE_CLOUD_PROJECT;
  return found ? { cloud: { project: found, location } } : {};
}

export async function openStore(): Promise<RunStore> {
  const { openSqliteStore } = await import('../stores/sqlite.ts');
  return openSqliteStore(STORE);
}

/** Aborts on the first Ctrl-C (or TERM); the second one ends the process at once. */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new TributaryError('INTERRUPTED'));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}
