import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import { createSchedule, type SourceArgs, scheduleName } from '../schedule.ts';

/** Arguments of {@link PostgresSource}. */
export interface PostgresSourceArgs extends SourceArgs {}

/**
 * One source of a tenant: a table or query of PostgreSQL.
 *
 * @example
 * new PostgresSource('acme-orders', { tenant: 'acme', source: 'orders', schedule: { cron: '0 3 * * *' }, platform }, { parent: acme });
 */
export class PostgresSource extends ComponentResource {
  /** Name of its Cloud Scheduler job, empty where it has no schedule. @example "tributary-acme_orders" */
  readonly schedulerName: Output<string>;

  constructor(name: string, args: PostgresSourceArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:PostgresSource', name, {}, opts);
    const schedule = createSchedule(this, name, args, opts);
    this.schedulerName = scheduleName(schedule);
    this.registerOutputs({ schedulerName: this.schedulerName });
  }
}
