/** The accounts of the tenants that there are, looked up as they call. */
import type { TenantStore } from '../../runner/core/contracts/tenant-store.ts';
import { parseTenant } from '../../tenants/load.ts';
import { bindings, isAccountOf } from './bindings.ts';
import type { Caller } from './caller.ts';

export interface Accounts {
  /** The caller that this account is bound to; `null`: none. */
  callerOf(email: string): Promise<Caller | null>;
}

export interface AccountsOptions {
  /** How long a tenant that was read counts; a tenant that is removed may call so long. Default: a minute. */
  readonly keepMs?: number;
  /** Between two lists for an account that no known tenant has. Default: five seconds. */
  readonly againMs?: number;
}

/** Finds the tenant by the name of the account and reads its file only: a thousand tenants cost no more than one. */
export function knownAccounts(
  store: TenantStore,
  platformProject: string,
  { keepMs = 60_000, againMs = 5_000 }: AccountsOptions = {},
): Accounts {
  const platform = bindings([], platformProject);
  const names = kept(() => store.list(), keepMs, againMs);
  const projects = new Map<string, () => Promise<string | null | undefined>>();
  const lastGood = new Map<string, string | undefined>();

  async function candidates(email: string): Promise<readonly string[]> {
    const known = (await names()).filter((tenant) => isAccountOf(tenant, email));
    if (known.length > 0 || !email.startsWith('trb-')) return known;
    return (await names('again')).filter((tenant) => isAccountOf(tenant, email));
  }

  /** `null`: there is no such tenant; `undefined`: in the platform's project. */
  function projectOf(tenant: string): Promise<string | null | undefined> {
    const read = projects.get(tenant) ?? kept(() => readProject(tenant), keepMs, againMs);
    projects.set(tenant, read);
    return read();
  }

  /** Of a file that somebody broke what it said before: its schedules and runners fail as they should, and not as strangers. */
  async function readProject(tenant: string): Promise<string | null | undefined> {
    const document = await store.read(tenant);
    if (document === null) return null;
    const spec = parseTenant(document.yaml, `${tenant}.yaml`).tenant;
    if (spec !== null) lastGood.set(tenant, spec.project);
    return lastGood.get(tenant);
  }

  return {
    async callerOf(email) {
      const own = platform.get(email);
      if (own !== undefined) return own;
      const tenants: { tenant: string; project?: string | undefined }[] = [];
      for (const tenant of await candidates(email)) {
        const project = await projectOf(tenant);
        if (project === null) projects.delete(tenant);
        else tenants.push({ tenant, project });
      }
      return bindings(tenants, platformProject).get(email) ?? null;
    },
  };
}

/** What was read, for a while; while the store fails, what was read last. One reader at a time. */
function kept<T>(read: () => Promise<T>, keepMs: number, againMs: number): (again?: 'again') => Promise<T> {
  let value: { readonly of: T } | null = null;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<T> | null = null;
  return (again) => {
    const age = performance.now() - readAt;
    if (value !== null && age < (again === undefined ? keepMs : againMs)) return Promise.resolve(value.of);
    reading ??= read()
      .then((of) => {
        value = { of };
        return of;
      })
      .catch((error: unknown) => {
        if (value === null) throw error;
        return value.of;
      })
      .finally(() => {
        readAt = performance.now();
        reading = null;
      });
    return reading;
  };
}
