/** What Cloud Scheduler is in the cloud, inside the webhook of a laptop. */
import type { TenantStore } from '../../runner/core/contracts/tenant-store.ts';
import { problemOf } from '../../runner/core/errors.ts';
import type { ControlPlane } from '../control/contract.ts';
import type { Clock } from './clock.ts';
import { type Happening, type Scheduler, startScheduler } from './scheduler.ts';
import { type SourceJob, tenantJobs } from './tenant-jobs.ts';

/** Who calls, in the record of a run. */
const CALLER = 'scheduler@localhost';

export interface LaptopSchedulerOptions {
  readonly tenants: TenantStore;
  readonly control: Pick<ControlPlane, 'trigger'>;
  readonly clock?: Clock;
  readonly reloadMs?: number;
  readonly onHappening?: (happening: Happening<SourceJob>) => void;
}

/** Triggers the sources of all tenants by their schedules; a file that is saved holds from the next look at it. */
export function startLaptopScheduler({ tenants, control, ...rest }: LaptopSchedulerOptions): Scheduler<SourceJob> {
  return startScheduler<SourceJob>({
    ...rest,
    jobs: tenantJobs(tenants),
    fire: async ({ job: { tenant, source }, at }) => {
      await control.trigger({ tenant, source, at: at.toISOString(), requestedBy: CALLER, traceparent: null });
    },
  });
}

/** A line for a log. */
export function happeningText(happening: Happening<SourceJob>): string {
  if (happening.type === 'unread') return `the schedules could not be read: ${problemOf(happening.error).detail}`;
  const { job, at, attempt } = happening.firing;
  const tick = `${job.name}: tick of ${at.toISOString()}${attempt > 1 ? `, call ${attempt}` : ''}`;
  if (happening.type === 'fired') return tick;
  const { title, detail } = problemOf(happening.error);
  return `${tick}: ${title} ${detail}${happening.last ? '' : ' It is called again.'}`;
}
