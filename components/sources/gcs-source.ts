import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import { createSchedule, type SourceArgs, scheduleName } from '../schedule.ts';

/** Arguments of {@link GcsSource}. */
export interface GcsSourceArgs extends SourceArgs {}

/**
 * One source of a tenant: files in a bucket of Cloud Storage.
 *
 * @example
 * new GcsSource('acme-clicks', { tenant: 'acme', source: 'clicks', schedule: { cron: '0 3 * * *' }, platform }, { parent: acme });
 */
export class GcsSource extends ComponentResource {
  /** Name of its Cloud Scheduler job, empty where it has no schedule. @example "tributary-acme_clicks" */
  readonly schedulerName: Output<string>;

  constructor(name: string, args: GcsSourceArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:GcsSource', name, {}, opts);
    const schedule = createSchedule(this, name, args, opts);
    this.schedulerName = scheduleName(schedule);
    this.registerOutputs({ schedulerName: this.schedulerName });
  }
}
