/** What the names say about the stack at hand, and what the tenant file says about its tenant. */
import { join } from 'node:path';
import { readTenant } from '../tenants/load.ts';
import type { TenantSpec } from '../tenants/schema/tenant.ts';

export interface Stack {
  /** `acme.dev` */
  readonly name: string;
  /** `platform` or the tenant's id. */
  readonly layer: 'platform' | 'tenant';
  /** Value of the label `tenant`: the tenant's id, or `shared` in the platform. */
  readonly tenant: string;
  /** `dev`, `prod`, … */
  readonly env: string;
  /** The reviewed tenant file; absent in the platform and where there is none. */
  readonly spec?: TenantSpec;
}

const PLATFORM = 'platform';

/**
 * The stack of a resource.
 *
 * @param urn `urn:pulumi:<tenant>.<env>::<project>::<types>::<name>`
 * @param specOf the file of a tenant, where there is one
 */
export function stackOf(urn: string, specOf: (tenant: string) => TenantSpec | undefined): Stack {
  const name = urn.split('::')[0]?.replace(/^urn:pulumi:/, '') ?? '';
  const [first = '', env = 'dev'] = name.split('.');
  if (first === PLATFORM) return { name, layer: 'platform', tenant: 'shared', env };
  const spec = specOf(first);
  return { name, layer: 'tenant', tenant: first, env, ...(spec && { spec }) };
}

/** Reads tenant files of a folder, each once. A file with errors counts as none: `tributary check` reports them. */
export function tenantFiles(folder: string): (tenant: string) => TenantSpec | undefined {
  const read = new Map<string, TenantSpec | undefined>();
  return (tenant) => {
    if (!read.has(tenant)) read.set(tenant, readTenant(join(folder, `${tenant}.yaml`)).tenant ?? undefined);
    return read.get(tenant);
  };
}
