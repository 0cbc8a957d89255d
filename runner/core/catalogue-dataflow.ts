/** What jobs say that carry out splits: tasks of Cloud Run and Dataflow. */
import type { Entry } from './catalogue.ts';

export const dataflowEntries = {
  SPLIT_JOB_CANCELLED: {
    title: 'The job that reads for this run was cancelled.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `Somebody cancelled ${f.job} of ${f.platform}, not this run; the destination is as it was.`,
    fix: () => 'Run it again: splits that are done are not read a second time where their read can go on.',
  },
  SPLIT_JOB_GONE: {
    title: 'The job that reads for this run is gone.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.platform} knows nothing of ${f.job} any more.`,
    fix: () => 'Run it again.',
  },
  SPLIT_JOB_TIMED_OUT: {
    title: 'The job that reads for this run took too long.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.job} of ${f.platform} was not done after ${f.seconds} s and was cancelled.`,
    fix: () => 'Let more workers read at once, load the range in parts, or raise TRIBUTARY_SPLITS_SECONDS of the job.',
  },
  SPLIT_JOB_COST: {
    title: 'The job that reads for this run costs more than it may.',
    origin: 'tenant',
    retryable: false,
    detail: (f) => `${f.job} of ${f.platform} has cost about $${f.usd} of at most $${f.limit} and was cancelled.`,
    fix: () => 'Raise the cap of the source, or load the range in parts: tributary backfill',
  },
  DATAFLOW_FAILED: {
    title: 'The Dataflow job failed.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.job}: ${f.reason}.`,
    fix: (f) => `Read its log: ${f.link}`,
  },
  DATAFLOW_LAUNCHER_FAILED: {
    title: 'The Dataflow job failed before any worker began.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `The launcher of ${f.job} says: ${f.reason}.`,
    fix: (f) =>
      `Check that the image of the template is there and fits this runner (tributary up <tenant>); its log: ${f.link}`,
  },
  DATAFLOW_QUOTA: {
    title: 'A quota of the project holds Dataflow back.',
    origin: 'platform',
    retryable: true,
    detail: (f) => `${f.job}: ${f.reason}.`,
    fix: () => 'Ask for more of this quota (console, IAM & Admin, Quotas), or let fewer workers read at once.',
  },
  DATAFLOW_OUT_OF_MEMORY: {
    title: 'A worker of Dataflow had too little memory.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.job}: ${f.reason}.`,
    fix: () => 'Choose a larger machine for the workers: TRIBUTARY_DATAFLOW_MACHINE of the job.',
  },
  DATAFLOW_OUT_OF_DISK: {
    title: 'A worker of Dataflow had too little disk.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.job}: ${f.reason}.`,
    fix: () => 'Let more workers read at once, so that each one holds less.',
  },
  DATAFLOW_DENIED: {
    title: 'Dataflow may not do what it was asked to.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.job}: ${f.reason}.`,
    fix: (f) => `Grant ${f.who} ${f.role ?? 'the role it names'}: tributary up <tenant> does it.`,
  },
  DATAFLOW_TEMPLATE: {
    title: 'The template of the Dataflow jobs cannot be used.',
    origin: 'platform',
    retryable: false,
    detail: (f) => `${f.template}: ${f.reason}.`,
    fix: () => 'Bring the stack of the tenant up with this version of Tributary: tributary up <tenant>',
  },
} satisfies Record<string, Entry>;
