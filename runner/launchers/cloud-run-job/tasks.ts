/** Splits as tasks of an execution of the tenant's own Cloud Run job. */
import { jobName } from '../../../tenants/naming.ts';
import type { SplitExecutor, SplitJob } from '../../core/contracts/splits.ts';
import { TributaryError } from '../../core/errors.ts';
import { DEFAULT_BUDGET, startRetry } from '../../core/retry.ts';
import {
  endJob,
  type SeenJob,
  tokenOf,
  type WatchedJob,
  type WatchSettings,
  watchJob,
  workToken,
} from '../../core/split-jobs.ts';
import { askError, type Clients, CODE, codeOf, isUnsure, launchError, openClients } from './client.ts';
import { type CloudExecution, failureOf, isCancelling, splitsOf, stateOf } from './conditions.ts';

export interface CloudRunTasksSettings extends WatchSettings {
  readonly kind: 'tasks';
  readonly project: string;
  readonly region: string;
  /** `127.0.0.1:8085` of a server for tests, asked without credentials; absent: Google. */
  readonly endpoint?: string;
  /** How long one call may take. @default 20000 */
  readonly callMs?: number;
}

/** Cloud Run lists the newest first; a job of splits is never older than a day. */
const PAGE = 100;
const MOST_PAGES = 20;
const DAY_MS = 86_400_000;
const MOST_TASKS = 100;
const STATES = { starting: 'starting', running: 'running' } as const;

type Run = Pick<SplitJob['run'], 'tenant' | 'source' | 'runId'>;

export function openCloudRunTasks(settings: CloudRunTasksSettings): SplitExecutor {
  const { project, region, callMs = 20_000, budget = DEFAULT_BUDGET, clock } = settings;
  const clients = openClients(settings.endpoint);
  const call = { timeout: callMs };
  const parentOf = ({ tenant }: Run) => `projects/${project}/locations/${region}/jobs/${jobName(tenant)}`;
  const watched = (name: string, splits: number) => watchedExecution(clients, call, name, splits);
  const end = (executions: readonly CloudExecution[]) =>
    Promise.all(executions.map(({ name }) => endJob(watched(name ?? '', 0), settings)));

  /** Executions for splits of a run, oldest first. */
  async function executionsOf(run: Run): Promise<readonly CloudExecution[]> {
    const found: CloudExecution[] = [];
    let pageToken = '';
    for (let page = 0; page < MOST_PAGES; page++) {
      const [executions, , response] = await clients.executions.listExecutions(
        { parent: parentOf(run), pageSize: PAGE, pageToken },
        { ...call, autoPaginate: false },
      );
      found.push(...executions.filter((execution) => splitsOf(execution)?.runId === run.runId));
      const last = executions.at(-1);
      pageToken = response?.nextPageToken ?? '';
      if (pageToken === '' || (last !== undefined && createdAt(last) < Date.now() - DAY_MS)) break;
    }
    return found.sort((a, b) => createdAt(a) - createdAt(b) || `${a.name}`.localeCompare(`${b.name}`));
  }

  /** The oldest that goes on, else one that is done; of those that are just being cancelled the end is waited for. */
  async function findWork({ run, work }: SplitJob): Promise<string | null> {
    const mine = (await executionsOf(run)).filter((execution) => splitsOf(execution)?.work === work);
    const active = mine.filter(isActive);
    const going = active.find((execution) => !isCancelling(execution));
    if (going?.name) return going.name;
    await end(active);
    return mine.find((execution) => stateOf(execution) === 'succeeded')?.name ?? null;
  }

  async function begin(job: SplitJob, signal: AbortSignal): Promise<string> {
    const isTransient = (error: unknown) => isUnsure(error) || codeOf(error) === CODE.exhausted;
    const givenUp = (error: unknown) => launchError(error, job.run.runId);
    const retry = startRetry({ budget, isTransient, givenUp, ...(clock === undefined ? {} : { clock }) });
    for (;;) {
      signal.throwIfAborted();
      try {
        return (await findWork(job)) ?? (await only(job, await launch(job)));
      } catch (error) {
        const found = TributaryError.is(error) ? null : await findWork(job).catch(() => null);
        if (found !== null) return found;
        if (TributaryError.is(error)) throw error;
        await retry.after(error, signal);
      }
    }
  }

  async function launch(job: SplitJob): Promise<string> {
    const [operation] = await clients.jobs.runJob({ name: parentOf(job.run), overrides: overridesOf(job) }, call);
    const { name } = operation.metadata as CloudExecution;
    if (!name) throw new Error('Cloud Run accepted it without saying the name of the execution');
    return name;
  }

  /** Cloud Run starts whatever it is asked to. Of two for one work the older one goes on, whoever started it. */
  async function only(job: SplitJob, launched: string): Promise<string> {
    const found = await findWork(job);
    if (found === null || found === launched) return launched;
    await endJob(watched(launched, 0), settings);
    return found;
  }

  /** It was to be launched, and nobody knows whether it was. */
  async function endWork({ run, work }: SplitJob): Promise<void> {
    const mine = (await executionsOf(run)).filter((execution) => splitsOf(execution)?.work === work);
    await end(mine.filter(isActive));
  }

  async function asked<T>(run: Run, work: Promise<T>): Promise<T> {
    return await work.catch((error: unknown) => {
      throw TributaryError.is(error) ? error : askError(error, parentOf(run));
    });
  }

  return {
    kind: 'tasks',
    async execute(job, watch) {
      watch.signal.throwIfAborted();
      const own = tokenOf(job);
      const earlier = (await asked(job.run, executionsOf(job.run))).filter((execution) => {
        const token = workToken(splitsOf(execution)?.work ?? '') ?? own;
        return isActive(execution) && token !== own && token < job.run.fencingToken;
      });
      await end(earlier);
      const begun = await begin(job, watch.signal).catch(async (error: unknown) => {
        if (watch.signal.aborted) await endWork(job).catch(() => undefined);
        throw error;
      });
      await watchJob(watched(begun, job.splits), watch, settings);
    },
    async cancel(run) {
      await end((await asked(run, executionsOf(run))).filter(isActive));
    },
    [Symbol.asyncDispose]: () => clients.close(),
  };
}

/** Environment and number of tasks only: who the job runs as, its image and its arguments belong to the stack. */
function overridesOf({ run, work, workers, splits, traceparent }: SplitJob) {
  const env = [
    { name: 'TRIBUTARY_RUN_ID', value: run.runId },
    { name: 'TRIBUTARY_SPLITS', value: work },
  ];
  if (traceparent !== null) env.push({ name: 'TRACEPARENT', value: traceparent });
  return { containerOverrides: [{ env }], taskCount: Math.max(1, Math.min(workers, splits)) };
}

function watchedExecution(clients: Clients, call: object, name: string, splits: number): WatchedJob {
  const job = name.slice(name.lastIndexOf('/') + 1);

  async function look(): Promise<SeenJob | null> {
    let execution: CloudExecution;
    try {
      [execution] = await clients.executions.getExecution({ name }, call);
    } catch (error) {
      if (codeOf(error) === CODE.notFound) return null;
      throw askError(error, name);
    }
    const state = stateOf(execution);
    const retried = execution.retriedCount ?? 0;
    const goesOn = isActive(execution);
    return {
      progress: {
        state: !goesOn ? 'ended' : isCancelling(execution) ? 'cancelling' : STATES[state as keyof typeof STATES],
        ...{ job, link: execution.logUri || null, rows: 0, bytes: 0, rejected: 0 },
        splits: state === 'succeeded' ? splits : splitsAtLeast(execution, splits),
      },
      warnings: retried === 0 ? [] : [`${job}: ${retried === 1 ? 'a task was' : 'tasks were'} tried again`],
      end: goesOn ? null : await endOf(execution, state),
      beganAt: createdAt(execution) || Date.now(),
      usd: null,
    };
  }

  async function endOf(execution: CloudExecution, state: ReturnType<typeof stateOf>): Promise<SeenJob['end']> {
    if (state === 'succeeded') return 'done';
    if (state === 'cancelled') return new TributaryError('SPLIT_JOB_CANCELLED', { platform: 'Cloud Run', job });
    const tasks = await clients.tasks
      .listTasks({ parent: name, pageSize: MOST_TASKS }, { ...call, autoPaginate: false })
      .catch(() => null);
    const failed = tasks?.[0].find(({ lastAttemptResult: last }) => last?.exitCode || last?.termSignal);
    return TributaryError.from(failureOf(execution, failed ?? null));
  }

  return {
    platform: 'Cloud Run',
    job: name,
    look,
    async cancel() {
      try {
        await clients.executions.cancelExecution({ name }, call);
      } catch (error) {
        const code = codeOf(error);
        if (code !== CODE.notFound && code !== CODE.failedPrecondition) throw askError(error, name);
      }
    },
  };
}

function isActive(execution: CloudExecution): boolean {
  return stateOf(execution) in STATES;
}

/** Splits of a task are those whose number leaves its index when it is divided by the number of tasks. */
function splitsAtLeast({ succeededCount, taskCount }: CloudExecution, splits: number): number {
  return (succeededCount ?? 0) * Math.floor(splits / Math.max(1, taskCount ?? 1));
}

function createdAt({ createTime }: CloudExecution): number {
  return Number(createTime?.seconds ?? 0) * 1000 + Number(createTime?.nanos ?? 0) / 1e6;
}
