/** Who may do what. Pure. */
import type { MemberSpec } from '../../tenants/schema/access.ts';
import type { TenantSpec } from '../../tenants/schema/tenant.ts';
import { isServiceAccount } from './bindings.ts';
import type { Caller, Role } from './caller.ts';

/**
 * `view`: look at a tenant and its runs. `operate`: begin and cancel runs, test, discover, plan, preview. `configure`:
 * change and deploy. `create`: a new tenant. `trigger`: call a source by its schedule. `report`: be the runner of a
 * run. `sweep`: clear up for all tenants. `operations`: metrics of the service.
 */
export type Action = 'view' | 'operate' | 'configure' | 'create' | 'trigger' | 'report' | 'sweep' | 'operations';

/** What a person must be in the tenant; `admin of the platform`: no tenant gives it. */
const NEEDS: Readonly<Record<Action, Role | 'admin of the platform' | 'nobody'>> = {
  view: 'viewer',
  operate: 'operator',
  trigger: 'operator',
  configure: 'admin',
  create: 'admin of the platform',
  operations: 'admin of the platform',
  report: 'nobody',
  sweep: 'nobody',
};
const RANK: Readonly<Record<Role, number>> = { viewer: 1, operator: 2, admin: 3 };

/**
 * Whether this caller may do it.
 *
 * @param tenant `null`: it concerns none, or its file is missing or broken; then nobody is a member.
 */
export function permits(
  caller: Caller,
  action: Action,
  tenant: Pick<TenantSpec, 'tenant' | 'members'> | null,
): boolean {
  switch (caller.kind) {
    case 'laptop':
      return true;
    case 'platform':
      return action === 'sweep' || action === 'operations';
    case 'scheduler':
      return action === 'trigger' && tenant?.tenant === caller.tenant;
    case 'runner':
      return action === 'report' && tenant?.tenant === caller.tenant;
    case 'person': {
      const needed = NEEDS[action];
      if (needed === 'nobody') return false;
      if (caller.admin === true) return true;
      if (needed === 'admin of the platform') return false;
      return (tenant?.members ?? []).some((member) => RANK[member.role] >= RANK[needed] && isMember(caller, member));
    }
  }
}

/** A domain has those whom Google says it has: an address in it that its Workspace does not manage is anybody's. */
export function isMember(
  { email, domain, groups = [] }: Omit<Extract<Caller, { kind: 'person' }>, 'kind'>,
  { principal }: Pick<MemberSpec, 'principal'>,
): boolean {
  const separator = principal.indexOf(':');
  const name = principal.slice(separator + 1).toLowerCase();
  switch (principal.slice(0, separator)) {
    case 'user':
      return name === email && !isServiceAccount(email);
    case 'serviceAccount':
      return name === email && isServiceAccount(email);
    case 'domain':
      return domain !== undefined && name === domain;
    case 'group':
      return groups.includes(name);
    default:
      return false;
  }
}
