import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import { createSchedule, type SourceArgs, scheduleName } from '../schedule.ts';

/** Arguments of {@link S3Source}. */
export interface S3SourceArgs extends SourceArgs {}

/**
 * One source of a tenant: files in a bucket of Amazon S3 or a compatible store.
 *
 * @example
 * new S3Source('acme-prices', { tenant: 'acme', source: 'prices', schedule: { cron: '0 3 * * *' }, platform }, { parent: acme });
 */
export class S3Source extends ComponentResource {
  /** Name of its Cloud Scheduler job, empty where it has no schedule. @example "tributary-acme_prices" */
  readonly schedulerName: Output<string>;

  constructor(name: string, args: S3SourceArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:S3Source', name, {}, opts);
    const schedule = createSchedule(this, name, args, opts);
    this.schedulerName = scheduleName(schedule);
    this.registerOutputs({ schedulerName: this.schedulerName });
  }
}
