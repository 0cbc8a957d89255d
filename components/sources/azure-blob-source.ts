import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import { createSchedule, type SourceArgs, scheduleName } from '../schedule.ts';

/** Arguments of {@link AzureBlobSource}. */
export interface AzureBlobSourceArgs extends SourceArgs {}

/**
 * One source of a tenant: files in a container of Azure Blob Storage.
 *
 * @example
 * new AzureBlobSource('acme-exports', { tenant: 'acme', source: 'exports', schedule: { cron: '0 3 * * *' }, platform }, { parent: acme });
 */
export class AzureBlobSource extends ComponentResource {
  /** Name of its Cloud Scheduler job, empty where it has no schedule. @example "tributary-acme_exports" */
  readonly schedulerName: Output<string>;

  constructor(name: string, args: AzureBlobSourceArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:AzureBlobSource', name, {}, opts);
    const schedule = createSchedule(this, name, args, opts);
    this.schedulerName = scheduleName(schedule);
    this.registerOutputs({ schedulerName: this.schedulerName });
  }
}
