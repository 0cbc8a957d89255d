/** Every executor of splits, by kind. */
import type { SplitExecutor } from '../core/contracts/splits.ts';
import { TributaryError } from '../core/errors.ts';
import { budgetOf } from '../core/retry.ts';
import type { CloudRunTasksSettings } from './cloud-run-job/tasks.ts';
import type { DataflowSettings } from './dataflow/index.ts';

export type ExecutorSettings = CloudRunTasksSettings | DataflowSettings;

type Kind = ExecutorSettings['kind'];
type Open<K extends Kind> = (settings: Extract<ExecutorSettings, { kind: K }>) => SplitExecutor;

const executors = {
  tasks: async () => (await import('./cloud-run-job/tasks.ts')).openCloudRunTasks,
  dataflow: async () => (await import('./dataflow/index.ts')).openDataflow,
} satisfies { [K in Kind]: () => Promise<Open<K>> };

/** @example await using executor = await openExecutor(executorSettings('tasks', process.env, of)); */
export async function openExecutor(settings: ExecutorSettings): Promise<SplitExecutor> {
  const open = (await executors[settings.kind]()) as Open<Kind>;
  return open(settings as never);
}

/** What the environment does not say. */
export interface ExecutorTenant {
  /** Of every job of Dataflow, beside those of its run. */
  readonly labels: Readonly<Record<string, string>>;
  /** A job of Dataflow that has cost more US dollars is cancelled. */
  readonly maxUsd?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Settings from the environment of the tenant's job: `TRIBUTARY_PROJECT` and `TRIBUTARY_REGION`; for Dataflow also
 * `TRIBUTARY_STAGING_BUCKET` and `TRIBUTARY_DATAFLOW_TEMPLATE`, `_ACCOUNT`, `_SUBNETWORK` and `_MACHINE`.
 * `TRIBUTARY_SPLITS_SECONDS` is how long a job may take, `TRIBUTARY_RETRY_SECONDS` how long a platform may be away. `CLOUD_RUN_EMULATOR_HOST`, `DATAFLOW_EMULATOR_HOST` and
 * `STORAGE_EMULATOR_HOST` are servers for tests.
 *
 * @throws USAGE
 */
export function executorSettings(kind: Kind, env: Environment, { labels, maxUsd }: ExecutorTenant): ExecutorSettings {
  const required = (name: string): string => {
    const value = env[name];
    if (value) return value;
    const advice = 'The job of the stack has it: tributary up <tenant>. Elsewhere: execution.mode: cloud_run';
    throw new TributaryError('USAGE', { reason: `${name} is not set, and ${NAMES[kind]} needs it.`, advice });
  };
  const limit = {
    ...secondsOf(env),
    ...(env.TRIBUTARY_RETRY_SECONDS ? { budget: budgetOf(env) } : {}),
  };
  const place = { project: required('TRIBUTARY_PROJECT'), region: required('TRIBUTARY_REGION'), ...limit };
  if (kind === 'tasks') {
    const endpoint = env.CLOUD_RUN_EMULATOR_HOST;
    return { kind, ...place, ...(endpoint ? { endpoint } : {}) };
  }
  const { DATAFLOW_EMULATOR_HOST: endpoint, STORAGE_EMULATOR_HOST: storage } = env;
  const { TRIBUTARY_DATAFLOW_SUBNETWORK: subnetwork, TRIBUTARY_DATAFLOW_MACHINE: machine } = env;
  return {
    ...{ kind, ...place, labels },
    template: required('TRIBUTARY_DATAFLOW_TEMPLATE'),
    account: required('TRIBUTARY_DATAFLOW_ACCOUNT'),
    bucket: required('TRIBUTARY_STAGING_BUCKET'),
    ...(subnetwork ? { subnetwork } : {}),
    ...(machine ? { machine } : {}),
    ...(endpoint ? { endpoint } : {}),
    ...(storage ? { storage } : {}),
    ...(maxUsd === undefined ? {} : { maxUsd }),
  };
}

const NAMES: Readonly<Record<Kind, string>> = { tasks: 'a run on tasks of its job', dataflow: 'a run on Dataflow' };

function secondsOf({ TRIBUTARY_SPLITS_SECONDS: said }: Environment): { readonly maxSeconds?: number } {
  if (!said) return {};
  const maxSeconds = Number(said);
  if (Number.isFinite(maxSeconds) && maxSeconds > 0) return { maxSeconds };
  throw new TributaryError('USAGE', { reason: `TRIBUTARY_SPLITS_SECONDS is no number of seconds: ${said}.` });
}

/** What this process may launch: what the component of the tenant's job has told it. */
export function provisioned(env: Environment): readonly Kind[] {
  const { TRIBUTARY_JOB, TRIBUTARY_DATAFLOW_TEMPLATE, TRIBUTARY_DATAFLOW_ACCOUNT } = env;
  return [
    ...(TRIBUTARY_JOB ? (['tasks'] as const) : []),
    ...(TRIBUTARY_DATAFLOW_TEMPLATE && TRIBUTARY_DATAFLOW_ACCOUNT ? (['dataflow'] as const) : []),
  ];
}
