/** What the schedules of a folder of tenants do next. */
import { join } from 'node:path';
import { nextTick } from '../../tenants/cron.ts';
import { listTenants, readTenant } from '../../tenants/load.ts';

export interface Upcoming {
  readonly tenant: string;
  readonly source: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly cron: string;
  readonly timeZone: string;
}

export interface Tenants {
  readonly tenants: readonly { readonly tenant: string; readonly sources: number }[];
  /** Files that are no tenant as they are: `tributary check` says why. */
  readonly broken: readonly string[];
  /** The soonest first. */
  readonly upcoming: readonly Upcoming[];
}

export function lookAt(folder: string, now: Date): Tenants {
  const files = listTenants(folder).map((name) => ({ name, tenant: readTenant(join(folder, `${name}.yaml`)).tenant }));
  const whole = files.flatMap(({ tenant }) => (tenant === null ? [] : [tenant]));
  const upcoming = whole.flatMap(({ tenant, sources }) =>
    Object.entries(sources).flatMap(([source, { schedule }]) => {
      const at = schedule === undefined || schedule.paused ? null : nextTick(schedule, now);
      if (schedule === undefined || at === null) return [];
      return [{ tenant, source, at: at.toISOString(), cron: schedule.cron, timeZone: schedule.timeZone }];
    }),
  );
  return {
    tenants: whole.map(({ tenant, sources }) => ({ tenant, sources: Object.keys(sources).length })),
    broken: files.filter(({ tenant }) => tenant === null).map(({ name }) => name),
    upcoming: upcoming.sort((a, b) => a.at.localeCompare(b.at)),
  };
}
