/** The part of the catalogue that is about a warehouse in the cloud, in the order in which a run meets it. */
import type { Entry } from './catalogue.ts';

export const bigqueryEntries = {
  WAREHOUSE_CREDENTIALS: {
    title: 'There are no valid credentials for the warehouse.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.warehouse} was asked without being let in: ${f.reason}.`,
    fix: () =>
      'On a laptop: gcloud auth application-default login. In the cloud the job has to run as the service account of the tenant.',
  },
  WAREHOUSE_DENIED: {
    title: 'The warehouse denies access.',
    origin: 'platform',
    retryable: false,
    detail: (f) =>
      `${f.permission} is missing${f.on ? ` on ${f.on}` : ''}, or it is not there. BigQuery says: ${f.reason}.`,
    fix: (f) => `Grant ${f.role} to the account that runs this; tributary up ${f.tenant} grants all it needs.`,
  },
  WAREHOUSE_LOCATION: {
    title: 'The dataset lies elsewhere.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.dataset} is in ${f.found}, the tenant file says ${f.wanted}. A dataset cannot be moved.`,
    fix: (f) =>
      `Set location of the tenant to ${f.found}, or name another dataset as destination, which is loaded from the beginning.`,
  },
  WAREHOUSE_QUOTA: {
    title: 'A quota of the warehouse is used up.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `BigQuery refused for longer than this run waits (${f.seconds} s): ${f.reason}.`,
    fix: () =>
      'Nothing was committed. Run it later, or raise the quota: https://console.cloud.google.com/iam-admin/quotas',
  },
  WAREHOUSE_UNREACHABLE: {
    title: 'The warehouse does not answer.',
    origin: 'warehouse',
    retryable: true,
    detail: (f) => `${f.attempts} attempt(s) within ${f.seconds} s failed, the last with: ${f.reason}.`,
    fix: () =>
      'Run it again: what was committed is found in the warehouse and is not loaded twice. https://status.cloud.google.com shows outages.',
  },
  TABLE_DESIGN_CHANGED: {
    title: 'The table lies otherwise than the tenant file wants it.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.table}: ${f.reason}. BigQuery cannot change that in a table that is there.`,
    fix: (f) =>
      `Nothing was committed. ${f.advice ?? 'Set it back in the tenant file, or drop the table: the next run loads it from the beginning in its new design.'}`,
  },
  BRAKE_COST: {
    title: 'The run would cost more than it may.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.table}: ${f.reason}. The cap is ${f.limit}.`,
    fix: (f) =>
      `Nothing was committed. ${f.command ? `If that is right: ${f.command} --yes. Or raise` : 'Raise'} execution.maxBytesBilled of the source, or --max-cost.`,
  },
} satisfies Record<string, Entry>;
