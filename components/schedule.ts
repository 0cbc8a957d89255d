/** What the seven kinds of sources have in common: a schedule that calls the webhook. */
import { Job as SchedulerJob } from '@pulumi/gcp/cloudscheduler/job.js';
import { type ComponentResourceOptions, type Output, output, type Resource } from '@pulumi/pulumi';
import { accountEmail, schedulerJob, serviceAccount, triggerPath } from '../tenants/naming.ts';
import type { PlatformReference } from './platform-reference.ts';
import { computeOptions, deletionPolicy } from './protection.ts';
import { SIZES, seconds } from './sizing.ts';

/** Arguments of every kind of source. */
export interface SourceArgs {
  /** Id of the tenant. @example "acme" */
  tenant: string;
  /** Name of the source in the tenant's file. @example "orders" */
  source: string;
  /** When it runs by itself; absent: only when asked. */
  schedule?: ScheduleArgs;
  /** Keeps the schedule when its stack is destroyed; default: false. */
  protect?: boolean;
  /** The platform whose webhook is called. */
  platform: PlatformReference;
}

/** When a source runs by itself. */
export interface ScheduleArgs {
  /** Five fields: minute, hour, day of month, month, weekday; at most every five minutes. @example "0 3 * * *" */
  cron: string;
  /** IANA name that the cron is read in; default: "UTC". @example "Europe/Warsaw" */
  timeZone?: string;
  /** Keeps the schedule without firing it; default: false. */
  paused?: boolean;
}

/**
 * The schedule of a source, beside the webhook in the platform's project. Every value is a literal.
 * It waits for what its source waits for, and goes before it. Delivery is at least once; the webhook tells a repeated tick by the header `X-CloudScheduler-ScheduleTime`.
 */
export function createSchedule(
  parent: Resource,
  name: string,
  args: SourceArgs,
  opts: ComponentResourceOptions = {},
): SchedulerJob | undefined {
  const { tenant, source, schedule, protect = false, platform } = args;
  if (schedule === undefined) return undefined;
  const { dependsOn } = opts;
  const { deadlineSeconds, retries, minBackoffSeconds, maxBackoffSeconds, maxDoublings } = SIZES.schedule;
  return new SchedulerJob(
    `${name}-schedule`,
    {
      project: platform.project,
      region: platform.region,
      name: schedulerJob(tenant, source),
      description: `Runs ${source} of ${tenant}.`,
      schedule: schedule.cron,
      timeZone: schedule.timeZone ?? 'UTC',
      paused: schedule.paused ?? false,
      attemptDeadline: seconds(deadlineSeconds),
      retryConfig: {
        retryCount: retries,
        minBackoffDuration: seconds(minBackoffSeconds),
        maxBackoffDuration: seconds(maxBackoffSeconds),
        maxDoublings,
      },
      httpTarget: {
        uri: `${platform.webhookUrl}${triggerPath(tenant, source)}`,
        httpMethod: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: Buffer.from(JSON.stringify({ trigger: 'schedule' })).toString('base64'),
        oidcToken: {
          serviceAccountEmail: accountEmail(serviceAccount(tenant, 'scheduler'), platform.project),
          audience: platform.webhookAudience,
        },
      },
      deletionPolicy: deletionPolicy(protect),
    },
    { ...computeOptions({ parent }, protect), ...(dependsOn === undefined ? {} : { dependsOn }) },
  );
}

/** Name of a schedule, empty where there is none. */
export function scheduleName(schedule: SchedulerJob | undefined): Output<string> {
  return schedule?.name ?? output('');
}
