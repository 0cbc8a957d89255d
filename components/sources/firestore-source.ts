import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import { createSchedule, type SourceArgs, scheduleName } from '../schedule.ts';

/** Arguments of {@link FirestoreSource}. */
export interface FirestoreSourceArgs extends SourceArgs {}

/**
 * One source of a tenant: a collection of Firestore.
 *
 * @example
 * new FirestoreSource('acme-products', { tenant: 'acme', source: 'products', schedule: { cron: '0 3 * * *' }, platform }, { parent: acme });
 */
export class FirestoreSource extends ComponentResource {
  /** Name of its Cloud Scheduler job, empty where it has no schedule. @example "tributary-acme_products" */
  readonly schedulerName: Output<string>;

  constructor(name: string, args: FirestoreSourceArgs, opts?: ComponentResourceOptions) {
    super('tributary:index:FirestoreSource', name, {}, opts);
    const schedule = createSchedule(this, name, args, opts);
    this.schedulerName = scheduleName(schedule);
    this.registerOutputs({ schedulerName: this.schedulerName });
  }
}
