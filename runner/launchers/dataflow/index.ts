/** Splits as jobs of Dataflow, launched from a Flex Template. */
import { dataflowJobs } from '../../../tenants/naming.ts';
import type { SplitExecutor, SplitJob } from '../../core/contracts/splits.ts';
import { TributaryError } from '../../core/errors.ts';
import { DEFAULT_BUDGET, startRetry } from '../../core/retry.ts';
import { endJob, type SeenJob, tokenOf, type WatchedJob, type WatchSettings, watchJob } from '../../core/split-jobs.ts';
import {
  askError,
  type ClientSettings,
  type DataflowClient,
  type DataflowJob,
  isTaken,
  isUnsure,
  launchError,
  openClient,
  type Refused,
} from './client.ts';
import { knownParameters, type LaunchSettings, launchOf, MACHINE, nameOf, workersOf } from './launch.ts';
import { usedUsd, workerUsd } from './price.ts';
import { type Counts, countsOf, failureOf, hasEnded, hopelessIn, sentence, shareOf, stateOf } from './states.ts';
import { declaredBy, parametersFor } from './template.ts';

export interface DataflowSettings extends ClientSettings, LaunchSettings, WatchSettings {
  readonly kind: 'dataflow';
}

const NOTHING: Counts = { rows: 0, bytes: 0, rejected: 0, splits: 0 };

export function openDataflow(settings: DataflowSettings): SplitExecutor {
  const client = openClient(settings);
  const watched = (id: string, workers: number) => watchedJob(client, settings, id, workers);

  async function begin(job: SplitJob, signal: AbortSignal): Promise<string> {
    const name = nameOf(job);
    const { template, budget = DEFAULT_BUDGET, clock } = settings;
    const isTransient = (error: unknown) => isUnsure(error) || isTaken(error) || (error as Refused).status === 429;
    const givenUp = (error: unknown) => launchError(error, name);
    const retry = startRetry({ budget, isTransient, givenUp, ...(clock === undefined ? {} : { clock }) });
    let launch: object | null = null;
    for (;;) {
      signal.throwIfAborted();
      try {
        const found = await findWork(name);
        if (found !== null) return found;
        launch ??= launchOf(job, settings, await parameters(job));
        return (await client.launch(launch)).id;
      } catch (error) {
        // It may have been launched all the same, by this call or by another process.
        const found = TributaryError.is(error) ? null : await findWork(name).catch(() => null);
        if (found !== null) return found;
        if (TributaryError.is(error)) throw error;
        await retry.after(error, signal);
      }
    }

    async function parameters(of: SplitJob) {
      const declared = declaredBy(template, await client.read(template));
      return parametersFor(template, declared, knownParameters(of));
    }
  }

  /** The job of a work that goes on or is done; one that is just being cancelled is waited for. */
  async function findWork(name: string): Promise<string | null> {
    const jobs = (await client.list({ name })).filter((job) => job.name === name);
    const active = jobs.filter((job) => !hasEnded(job));
    for (const job of active) {
      if (stateOf(job) !== 'cancelling') return job.id;
      await endJob(watched(job.id, 1), settings);
    }
    return jobs.find(({ currentState }) => currentState === 'JOB_STATE_DONE')?.id ?? null;
  }

  async function activeOf(run: Pick<SplitJob['run'], 'tenant' | 'source' | 'runId'>) {
    const prefix = dataflowJobs(run.tenant, run.source, run.runId);
    const active = await client.list({ filter: 'ACTIVE' }).catch((error: unknown) => {
      throw askError(error, prefix);
    });
    return active.flatMap((job) => {
      const rest = job.name.startsWith(prefix) ? job.name.slice(prefix.length) : '';
      return /^\d+$/.test(rest) && !hasEnded(job) ? [{ id: job.id, token: Number(rest) }] : [];
    });
  }

  /** It was to be launched, and nobody knows whether it was. */
  async function endWork(job: SplitJob): Promise<void> {
    const mine = (await activeOf(job.run)).filter(({ token }) => token === tokenOf(job));
    await Promise.all(mine.map(({ id }) => endJob(watched(id, 1), settings)));
  }

  return {
    kind: 'dataflow',
    async execute(job, watch) {
      watch.signal.throwIfAborted();
      const own = tokenOf(job);
      const earlier = (await activeOf(job.run)).filter(({ token }) => token !== own && token < job.run.fencingToken);
      await Promise.all(earlier.map(({ id }) => endJob(watched(id, 1), settings)));
      const begun = await begin(job, watch.signal).catch(async (error: unknown) => {
        if (watch.signal.aborted) await endWork(job).catch(() => undefined);
        throw error;
      });
      await watchJob(watched(begun, workersOf(job)), watch, settings);
    },
    async cancel(run) {
      const active = await activeOf(run);
      await Promise.all(active.map(({ id }) => endJob(watched(id, 1), settings)));
    },
    async [Symbol.asyncDispose]() {},
  };
}

function watchedJob(client: DataflowClient, settings: DataflowSettings, id: string, workers: number): WatchedJob {
  const { project, region, machine = MACHINE } = settings;
  const link = `https://console.cloud.google.com/dataflow/jobs/${region}/${id}?project=${project}`;
  let counts = NOTHING;
  let usd: number | null = null;
  let began = false;

  async function look(): Promise<SeenJob | null> {
    const job = await client.get(id);
    if (job === null) return null;
    const state = stateOf(job);
    began ||= state === 'running';
    const [metrics, stages, messages] = await Promise.all([
      // Figures and words beside the state: without them it is watched all the same.
      began || state === 'ended' ? client.metrics(id).catch(() => null) : null,
      state === 'running' ? client.stages(id).catch(() => []) : [],
      client.messages(id).catch(() => []),
    ]);
    if (metrics !== null) {
      counts = countsOf(metrics);
      began ||= metrics.length > 0;
      usd = usedUsd(metrics);
    }
    const startedAt = Date.parse(job.startTime ?? job.createTime ?? '') || Date.now();
    const hours = began ? (Date.now() - startedAt) / 3_600_000 : 0;
    const warnings = messages
      .filter(({ messageImportance }) => messageImportance === 'JOB_MESSAGE_WARNING')
      .map(({ messageText }) => sentence(messageText));
    return {
      progress: { state, job: id, link, ...counts, ...shareOf(stages) },
      warnings,
      doom: hopelessIn(messages),
      end: endOf(job, () => failureOf(job, messages, began, link)),
      beganAt: Date.parse(job.createTime ?? '') || startedAt,
      usd: usd ?? hours * workers * workerUsd(machine),
    };
  }

  return {
    platform: 'Dataflow',
    job: id,
    look: () => look().catch((error: unknown) => Promise.reject(askError(error, id))),
    cancel: () => client.cancel(id).catch((error: unknown) => Promise.reject(askError(error, id))),
  };
}

function endOf(job: DataflowJob, failure: () => TributaryError): SeenJob['end'] {
  if (!hasEnded(job)) return null;
  if (job.currentState === 'JOB_STATE_DONE') return 'done';
  if (job.currentState === 'JOB_STATE_FAILED') return failure();
  return new TributaryError('SPLIT_JOB_CANCELLED', { platform: 'Dataflow', job: job.id });
}
