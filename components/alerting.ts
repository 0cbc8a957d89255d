/** Who hears of failed runs, late sources and spending. */
import { Budget } from '@pulumi/gcp/billing/budget.js';
import { AlertPolicy } from '@pulumi/gcp/monitoring/alertPolicy.js';
import { NotificationChannel } from '@pulumi/gcp/monitoring/notificationChannel.js';
import type { Resource } from '@pulumi/pulumi';
import { computeOptions } from './protection.ts';
import { days, SIZES, seconds } from './sizing.ts';
import type { BudgetArgs } from './tenant-args.ts';
import type { TenantPlan } from './tenant-plan.ts';

/** Log-based metric of sources that are later than their freshness test allows; the platform defines it in each project. */
export const LATE_METRIC = 'tributary/late';

/** What one alert policy watches. */
export interface Watch {
  readonly project: string;
  readonly displayName: string;
  readonly labels: Record<string, string>;
  /** Name of one job; absent: all of them, told apart by name. */
  readonly job?: string;
  readonly channels: NotificationChannel[];
  readonly dependsOn?: Resource[];
}

/** The owners of a tenant hear of its failures, its lateness and its spending. */
export function createOwnerAlerts(parent: Resource, name: string, plan: TenantPlan): void {
  const { project, labels, displayName, owners, job } = plan;
  const channels = createChannels(parent, name, { project, labels, addresses: owners });
  if (channels.length > 0) {
    createAlert(parent, name, { project, labels, displayName: `tributary: ${displayName}`, job, channels });
  }
  const { tenant, budget, platform } = plan;
  createBudget(parent, name, { billingAccount: platform.billingAccount, displayName, budget, tenant, channels });
}

/** One channel for each address. */
export function createChannels(
  parent: Resource,
  name: string,
  place: { project: string; labels: Record<string, string>; addresses: readonly string[]; dependsOn?: Resource[] },
): NotificationChannel[] {
  const { project, labels, addresses, dependsOn = [] } = place;
  return addresses.map(
    (address) =>
      new NotificationChannel(
        `${name}-channel-${address}`,
        {
          project,
          type: 'email',
          displayName: `tributary: ${address}`,
          labels: { email_address: address },
          userLabels: labels,
          forceDelete: false,
        },
        computeOptions({ parent, dependsOn }, false),
      ),
  );
}

/** Failed runs and late sources in one policy, grouped, so that a hundred tenants do not make hundreds of policies. */
export function createAlert(parent: Resource, name: string, watch: Watch): AlertPolicy {
  const { project, displayName, labels, job, channels, dependsOn = [] } = watch;
  const one = job === undefined ? '' : ` AND resource.labels.job_name="${job}"`;
  return new AlertPolicy(
    `${name}-alert`,
    {
      project,
      displayName,
      combiner: 'OR',
      severity: 'ERROR',
      enabled: true,
      userLabels: labels,
      notificationChannels: channels.map(({ id }) => id),
      documentation: {
        mimeType: 'text/markdown',
        content: 'See what happened: `tributary runs <tenant>`, then `tributary logs <run id>`.',
      },
      alertStrategy: { autoClose: days(SIZES.alert.autoCloseDays) },
      conditions: [
        condition(
          'A run failed',
          `resource.type="cloud_run_job" AND metric.type="run.googleapis.com/job/completed_execution_count" AND metric.labels.result="failed"${one}`,
          ['resource.label.job_name'],
        ),
        condition(
          'A source is late',
          `resource.type="cloud_run_job" AND metric.type="logging.googleapis.com/user/${LATE_METRIC}"${one}`,
          ['metric.label.tenant', 'metric.label.source'],
        ),
      ],
    },
    computeOptions({ parent, dependsOn }, false),
  );
}

/** What one budget watches. */
export interface Spending {
  /** Absent: there is no budget. */
  readonly billingAccount: string | undefined;
  readonly displayName: string;
  readonly budget: BudgetArgs | undefined;
  /** Value of the label `tenant` whose costs count: one tenant, or `shared`. */
  readonly tenant: string;
  readonly channels: NotificationChannel[];
}

/** Warns at half, at nine tenths and at the whole, and when the month is on its way beyond. */
export function createBudget(parent: Resource, name: string, spending: Spending): Budget | undefined {
  const { billingAccount, displayName, budget, tenant, channels } = spending;
  if (budget === undefined || billingAccount === undefined) return undefined;
  return new Budget(
    `${name}-budget`,
    {
      billingAccount,
      displayName: `tributary: ${displayName}`.slice(0, 60),
      amount: { specifiedAmount: { currencyCode: budget.currency, units: String(Math.round(budget.monthly)) } },
      budgetFilter: {
        labels: { tenant },
        calendarPeriod: 'MONTH',
        creditTypesTreatment: 'INCLUDE_ALL_CREDITS',
      },
      thresholdRules: [
        { thresholdPercent: 0.5, spendBasis: 'CURRENT_SPEND' },
        { thresholdPercent: 0.9, spendBasis: 'CURRENT_SPEND' },
        { thresholdPercent: 1, spendBasis: 'CURRENT_SPEND' },
        { thresholdPercent: 1, spendBasis: 'FORECASTED_SPEND' },
      ],
      allUpdatesRule: {
        monitoringNotificationChannels: channels.slice(0, 5).map(({ id }) => id),
        disableDefaultIamRecipients: true,
      },
    },
    computeOptions({ parent }, false),
  );
}

function condition(displayName: string, filter: string, groupByFields: string[]) {
  return {
    displayName,
    conditionThreshold: {
      filter,
      comparison: 'COMPARISON_GT',
      thresholdValue: 0,
      duration: '0s',
      aggregations: [
        {
          alignmentPeriod: seconds(SIZES.alert.windowSeconds),
          perSeriesAligner: 'ALIGN_SUM',
          crossSeriesReducer: 'REDUCE_SUM',
          groupByFields,
        },
      ],
      trigger: { count: 1 },
      evaluationMissingData: 'EVALUATION_MISSING_DATA_INACTIVE',
    },
  };
}
