/** Which account is whose. Pure. */
import { type AccountRole, accountEmail, PLATFORM, serviceAccount } from '../../tenants/naming.ts';
import type { TenantSpec } from '../../tenants/schema/tenant.ts';
import type { Caller } from './caller.ts';

const ROLES = ['scheduler', 'runner', 'dataflow'] as const satisfies readonly AccountRole[];

/**
 * E-mail → caller, for the accounts of tenants and the platform's own. An address that is two callers' is nobody's.
 *
 * @param platformProject where the schedules of all tenants are.
 */
export function bindings(
  tenants: readonly Pick<TenantSpec, 'tenant' | 'project'>[],
  platformProject: string,
): ReadonlyMap<string, Caller> {
  const bound = new Map<string, Caller>();
  const twice = new Set<string>();
  const bind = (caller: Caller) => {
    if (bound.has(caller.email)) twice.add(caller.email);
    bound.set(caller.email, caller);
  };
  bind({ kind: 'platform', email: accountEmail(PLATFORM.sweep, platformProject) });
  for (const { tenant, project = platformProject } of tenants) {
    for (const role of ROLES) {
      const kind = role === 'scheduler' ? role : 'runner';
      const email = accountEmail(serviceAccount(tenant, role), role === 'scheduler' ? platformProject : project);
      bind({ kind, tenant, email });
    }
  }
  for (const email of twice) bound.delete(email);
  return bound;
}

/** Whether one of a tenant's accounts has this name, in whatever project. */
export function isAccountOf(tenant: string, email: string): boolean {
  const [account] = email.split('@');
  return ROLES.some((role) => serviceAccount(tenant, role) === account);
}

/** The address of a program, made by Google for one of its projects. */
export function isServiceAccount(email: string): boolean {
  return /@(?:.*\.)?gserviceaccount\.com$/.test(email);
}
