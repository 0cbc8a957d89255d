/** The schedules that tenant files ask for. */
import type { TenantStore } from '../../runner/core/contracts/tenant-store.ts';
import { parseTenant } from '../../tenants/load.ts';
import type { ScheduledJob } from './scheduler.ts';

/** The schedule of a source. */
export interface SourceJob extends ScheduledJob {
  readonly tenant: string;
  readonly source: string;
}

/** @returns what reads the jobs of all tenants; a file is parsed when it has changed, and one with errors keeps the schedules it had. */
export function tenantJobs(tenants: TenantStore): () => Promise<readonly SourceJob[]> {
  let known = new Map<string, { readonly etag: string; readonly jobs: readonly SourceJob[] }>();
  return async () => {
    const found: typeof known = new Map();
    for (const name of await tenants.list()) {
      const document = await tenants.read(name);
      if (document === null) continue;
      const before = known.get(name);
      const jobs = before?.etag === document.etag ? before.jobs : (jobsOf(name, document.yaml) ?? before?.jobs ?? []);
      found.set(name, { etag: document.etag, jobs });
    }
    known = found;
    return [...found.values()].flatMap(({ jobs }) => jobs);
  };
}

function jobsOf(name: string, yaml: string): readonly SourceJob[] | null {
  const { tenant } = parseTenant(yaml, `${name}.yaml`);
  if (tenant === null) return null;
  return Object.entries(tenant.sources).flatMap(([source, { schedule }]) =>
    schedule === undefined ? [] : [{ ...schedule, name: `${name}/${source}`, tenant: name, source }],
  );
}
