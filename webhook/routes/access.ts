/** Who may do what to which tenant. What one may not even see looks as if it were not there. */
import type { Context } from 'hono';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { TributaryError } from '../../runner/core/errors.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import type { Caller } from '../auth/caller.ts';
import { type Action, permits } from '../auth/roles.ts';
import type { AppEnv, Dependencies } from '../dependencies.ts';
import { type OpenTenant, tenantReader } from '../tenants.ts';

export interface Access {
  /** The tenant, for one who may. @throws TENANT_NOT_FOUND, FORBIDDEN */
  tenant(c: Context<AppEnv>, name: string, action: Action): Promise<OpenTenant>;
  /** The same, and its file is valid. @throws TENANT_INVALID too */
  spec(c: Context<AppEnv>, name: string, action: Action): Promise<TenantSpec>;
  /** @throws RUN_NOT_FOUND, FORBIDDEN */
  run(c: Context<AppEnv>, runId: string, action: Action): Promise<RunRecord>;
  /** What concerns no tenant. @throws FORBIDDEN */
  platform(c: Context<AppEnv>, action: Action): void;
  /** Whether the caller may see the runs of a tenant. */
  sees(c: Context<AppEnv>, tenant: string): Promise<boolean>;
}

export function callerOf(c: Context<AppEnv>): Caller {
  const caller = c.get('caller');
  if (caller === undefined) throw new TributaryError('UNAUTHENTICATED');
  return caller;
}

export function access({ tenants, store }: Pick<Dependencies, 'tenants' | 'store'>): Access {
  const read = tenantReader(tenants);
  const notFound = (tenant: string) => new TributaryError('TENANT_NOT_FOUND', { tenants: 'The platform', tenant });

  /** Machines are told 403, people nothing of a tenant that is not theirs. */
  const decide = (caller: Caller, action: Action, found: OpenTenant | null, hidden: TributaryError) => {
    const subject = found === null ? null : subjectOf(found);
    if (permits(caller, action, subject)) return;
    if (caller.kind === 'person' && !permits(caller, 'view', subject)) throw hidden;
    throw new TributaryError('FORBIDDEN');
  };

  const open = async (c: Context<AppEnv>, name: string, action: Action): Promise<OpenTenant> => {
    const caller = callerOf(c);
    if (bound(caller) !== null && bound(caller) !== name) throw new TributaryError('FORBIDDEN');
    const found = await read(name);
    decide(caller, action, found, notFound(name));
    if (found === null) throw notFound(name);
    return found;
  };

  return {
    tenant: open,
    async spec(c, name, action) {
      const { file } = await open(c, name, action);
      if (file.tenant !== null) return file.tenant;
      throw new TributaryError('TENANT_INVALID', { file: `${name}.yaml`, count: file.errors.length });
    },
    async run(c, runId, action) {
      const caller = callerOf(c);
      const hidden = new TributaryError('RUN_NOT_FOUND', { run: runId });
      const run = await store.get(runId);
      if (run === null || (bound(caller) !== null && bound(caller) !== run.tenant)) throw hidden;
      decide(caller, action, await read(run.tenant), hidden);
      return run;
    },
    platform(c, action) {
      if (!permits(callerOf(c), action, null)) throw new TributaryError('FORBIDDEN');
    },
    async sees(c, tenant) {
      const caller = callerOf(c);
      if (bound(caller) !== null && bound(caller) !== tenant) return false;
      const found = await read(tenant);
      return permits(caller, 'view', found === null ? null : subjectOf(found));
    },
  };
}

/** A file that is not valid has no members; its machines are told what is wrong with it. */
function subjectOf({ document, file }: OpenTenant): Pick<TenantSpec, 'tenant' | 'members'> {
  return file.tenant ?? { tenant: document.tenant, members: [] };
}

/** The tenant that a machine's account belongs to. */
function bound(caller: Caller): string | null {
  return caller.kind === 'scheduler' || caller.kind === 'runner' ? caller.tenant : null;
}
