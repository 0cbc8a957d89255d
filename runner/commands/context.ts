/** What commands work with, opened from the command line's options. */
import { join } from 'node:path';
import { listTenants, readTenant } from '../../tenants/load.ts';
import type { SourceSpec, TenantSpec } from '../../tenants/schema/index.ts';
import type { RunStore } from '../core/contracts/run-store.ts';
import type { Secrets } from '../core/contracts/secrets.ts';
import type { Source } from '../core/contracts/source.ts';
import { TributaryError } from '../core/errors.ts';
import { openConnection } from '../job/connect.ts';
import { laptopSecrets } from '../secrets/laptop.ts';
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

export interface Connected {
  readonly source: Source;
  readonly secrets: Secrets;
}

export async function connectSource(tenant: TenantSpec, connection: string, spec?: SourceSpec): Promise<Connected> {
  const secrets = laptopSecrets({ tenant: tenant.tenant, connection });
  return { source: await openConnection(tenant, connection, secrets, spec), secrets };
}

export async function openStore(): Promise<RunStore> {
  const { openSqliteStore } = await import('../stores/sqlite.ts');
  return openSqliteStore(STORE);
}
