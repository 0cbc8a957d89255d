import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import { createSchedule, type SourceArgs, scheduleName } from '../schedule.ts';

/** Arguments of {@link BigquerySource}. */
export interface BigquerySourceArgs extends SourceArgs {}

/**
 * One source of a tenant: a table or query of BigQuery, of another project or public.
 *
 * @example
 * new BigquerySource('acme-questions', { tenant: 'acme', source: 'questions', schedule: { cron: '0 3 * * *' }, platform }, { parent: acme });
 */
export class BigquerySource extends ComponentResource {
  /** Name of its Cloud Scheduler job, empty where it has no schedule. @example "tributary-acme_questions" */
  readonly schedulerName: Output<string>;

  constructor(name: string, args: BigquerySourceArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:BigquerySource', name, {}, opts);
    const schedule = createSchedule(this, name, args, opts);
    this.schedulerName = scheduleName(schedule);
    this.registerOutputs({ schedulerName: this.schedulerName });
  }
}
