/** What a run is about, from the tenant's file as it is now. */
import type { LaunchRequest } from '../../runner/core/contracts/launcher.ts';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { TributaryError } from '../../runner/core/errors.ts';
import type { SourceSpec, TenantSpec } from '../../tenants/schema/index.ts';
import type { Control } from './context.ts';
import { kindOf } from './kinds.ts';

/** @throws TENANT_NOT_FOUND, TENANT_INVALID */
export async function tenantOf({ openTenant }: Control, name: string): Promise<TenantSpec> {
  const opened = await openTenant(name);
  if (opened === null) throw new TributaryError('TENANT_NOT_FOUND', { tenants: 'The platform', tenant: name });
  const { tenant, errors } = opened.file;
  if (tenant === null) throw new TributaryError('TENANT_INVALID', { file: `${name}.yaml`, count: errors.length });
  return tenant;
}

/** @throws SOURCE_NOT_FOUND */
export function sourceOf(tenant: TenantSpec, source: string): SourceSpec {
  return entryOf(tenant, 'source', tenant.sources, source);
}

/** @throws SOURCE_NOT_FOUND, in words about a connection */
export function checkConnection(tenant: TenantSpec, connection: string): void {
  entryOf(tenant, 'connection', tenant.connections, connection);
}

function entryOf<T>(tenant: TenantSpec, what: string, entries: Readonly<Record<string, T>>, name: string): T {
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (entry !== undefined) return entry;
  const known = Object.keys(entries).join(', ') || 'none';
  throw new TributaryError('SOURCE_NOT_FOUND', { tenant: tenant.tenant, what, source: name, known });
}

/** @throws TENANT_NOT_FOUND, TENANT_INVALID */
export async function launchRequest(control: Control, run: RunRecord): Promise<LaunchRequest> {
  const { project = control.project, region } = await tenantOf(control, run.tenant);
  return {
    runId: run.runId,
    tenant: run.tenant,
    source: run.source,
    kind: kindOf(run),
    project,
    region,
    traceparent: run.order?.traceparent ?? null,
  };
}
