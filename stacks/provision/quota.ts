/** Whether the tenants fit into the quotas of their projects, before anything is created. */
import { mayExceed } from '../../tenants/distribution.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';

/** Quotas that tenants meet first; each tenant has a share of them. */
export type Quota = 'serviceAccounts' | 'schedulerJobs' | 'runJobs';

/** How many of each a project may have; scheduler and Cloud Run jobs count by region. */
export type QuotaLimits = Readonly<Record<Quota, number>>;

/**
 * Google Cloud's defaults; all can be raised on request.
 * https://cloud.google.com/iam/quotas · https://cloud.google.com/scheduler/quotas · https://cloud.google.com/run/quotas
 */
export const DEFAULT_LIMITS: QuotaLimits = { serviceAccounts: 100, schedulerJobs: 1000, runJobs: 1000 };

/** Says what a project really may have; the default knows only Google Cloud's defaults. */
export interface QuotaReader {
  limits(project: string, region: string): Promise<QuotaLimits>;
}

export function fixedLimits(limits: Partial<QuotaLimits> = {}): QuotaReader {
  return { limits: async () => ({ ...DEFAULT_LIMITS, ...limits }) };
}

/** Where the platform's own things and all schedules live. */
export interface Place {
  readonly project: string;
  readonly region: string;
  /** Present where the platform has a Dataflow template. */
  readonly dataflowImage?: string;
}

/** The platform's own share: the accounts of the webhook and of the sweep, and one for deployments. */
const PLATFORM_ACCOUNTS = 3;
/** The sweep. */
const PLATFORM_SCHEDULES = 1;

export interface Need {
  readonly project: string;
  readonly region: string;
  readonly quota: Quota;
  readonly count: number;
}

/** What tenants need, by project and region; service accounts by project alone (`region` is then `global`). */
export function needsOf(tenants: readonly TenantSpec[], platform: Place): Need[] {
  const needs = new Map<string, Need>();
  const add = (quota: Quota, project: string, region: string, count: number) => {
    const key = `${quota} ${project} ${region}`;
    if (count > 0) needs.set(key, { quota, project, region, count: (needs.get(key)?.count ?? 0) + count });
  };
  add('serviceAccounts', platform.project, 'global', PLATFORM_ACCOUNTS);
  add('schedulerJobs', platform.project, platform.region, PLATFORM_SCHEDULES);
  for (const tenant of tenants) {
    const project = tenant.project ?? platform.project;
    const scheduled = Object.values(tenant.sources).filter(({ schedule }) => schedule !== undefined);
    const flowing = Object.values(tenant.streams).filter(
      (stream) => stream.kind === 'pubsub' && stream.transform?.runs === 'dataflow',
    );
    add('serviceAccounts', project, 'global', (goesToDataflow(tenant, platform) ? 2 : 1) + flowing.length);
    add('serviceAccounts', platform.project, 'global', 1);
    add('runJobs', project, tenant.region, 1);
    add('schedulerJobs', platform.project, platform.region, scheduled.length);
  }
  return [...needs.values()];
}

/** The runner's account is the tenant's project's, the scheduler's the platform's; Dataflow has one where it can be needed, and one for each stream through it. */
function goesToDataflow({ sources, connections }: TenantSpec, { dataflowImage }: Place): boolean {
  return (
    dataflowImage !== undefined &&
    Object.values(sources).some(({ execution, connection }) =>
      mayExceed({ mode: execution.mode, kind: connections[connection]?.kind ?? '' }),
    )
  );
}

export interface Shortage extends Need {
  readonly limit: number;
}

/** Needs above their limits. */
export async function shortages(needs: readonly Need[], reader: QuotaReader): Promise<Shortage[]> {
  const found = await Promise.all(
    needs.map(async (need) => ({ ...need, limit: (await reader.limits(need.project, need.region))[need.quota] })),
  );
  return found.filter(({ count, limit }) => count > limit);
}
