import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import { createSchedule, type SourceArgs, scheduleName } from '../schedule.ts';

/** Arguments of {@link MysqlSource}. */
export interface MysqlSourceArgs extends SourceArgs {}

/**
 * One source of a tenant: a table or query of MySQL or MariaDB.
 *
 * @example
 * new MysqlSource('acme-invoices', { tenant: 'acme', source: 'invoices', schedule: { cron: '0 3 * * *' }, platform }, { parent: acme });
 */
export class MysqlSource extends ComponentResource {
  /** Name of its Cloud Scheduler job, empty where it has no schedule. @example "tributary-acme_invoices" */
  readonly schedulerName: Output<string>;

  constructor(name: string, args: MysqlSourceArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:MysqlSource', name, {}, opts);
    const schedule = createSchedule(this, name, args, opts);
    this.schedulerName = scheduleName(schedule);
    this.registerOutputs({ schedulerName: this.schedulerName });
  }
}
