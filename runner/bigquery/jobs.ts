/** Jobs that are carried out once, whatever becomes of the answers: BigQuery knows each by the id it was given here. */
import { createHash, randomUUID } from 'node:crypto';
import type { RunIdentity } from '../core/contracts/warehouse.ts';
import { type Budget, type Clock, repeatedly } from '../core/retry.ts';
import { startAttempts } from './attempts.ts';
import { type BilledJob, labelSafe, type Meter } from './billing.ts';
import type { Api } from './client.ts';
import { BigqueryFailure, isDuplicate, isNotFound, jobFailure } from './failure.ts';
import { type ApiSchema, type Row, rowsOf } from './values.ts';

/** `configuration` of a job as the API takes it. */
export interface JobConfiguration {
  readonly load?: object;
  readonly query?: { readonly query: string } & Readonly<Record<string, unknown>>;
}

export type JobRun = Pick<RunIdentity, 'tenant' | 'source' | 'runId' | 'fencingToken'>;

export interface JobRequest {
  /** Part of the id: `load`, `check`, `commit`. */
  readonly purpose: string;
  /** `null` for a question that belongs to no run. */
  readonly run: JobRun | null;
  readonly configuration: JobConfiguration;
  /** Cancels the job. */
  readonly signal?: AbortSignal;
}

export interface FinishedJob {
  readonly id: string;
  /** Which attempt succeeded; more than 1 where earlier ones failed for a time. */
  readonly attempt: number;
  readonly statistics: JobStatistics;
  /** Where the rows of a query lie: the table it was given, or one that BigQuery keeps for a day. */
  readonly destination?: ApiTable;
}

export interface ApiTable {
  readonly projectId: string;
  readonly datasetId: string;
  readonly tableId: string;
}

export interface JobStatistics extends BilledJob {
  readonly query?: BilledJob['query'] & { readonly schema?: ApiSchema | null };
  readonly load?: { readonly outputRows?: string | null; readonly outputBytes?: string | null } | null;
}

export interface Jobs {
  /**
   * Runs a job and waits for it. What fails for a time is attempted anew under the next number.
   *
   * @throws BigqueryFailure of the last attempt; what the signal was aborted with
   */
  run(request: JobRequest): Promise<FinishedJob>;
  /** Like {@link run}, and all rows of its (last) SELECT. */
  query(request: JobRequest): Promise<readonly Row[]>;
  /** What a query would process, in bytes. Nothing is run. */
  dryRun(request: JobRequest): Promise<number>;
  /** The columns that a query would give. Nothing is run. */
  schema(request: JobRequest): Promise<ApiSchema>;
}

export interface JobsOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly budget: Budget;
  /** Of every job, beside source and run. */
  readonly labels: Readonly<Record<string, string>>;
  readonly meter: Meter;
}

/** A job as jobs.insert and jobs.get answer it. */
interface ApiJob {
  readonly status?: {
    readonly state?: string;
    readonly errorResult?: { readonly reason?: string | null; readonly message?: string | null } | null;
  };
  readonly statistics?: JobStatistics;
  readonly configuration?: { readonly query?: { readonly destinationTable?: ApiTable | null } | null };
}

interface ApiRows {
  readonly schema?: ApiSchema;
  readonly rows?: readonly { readonly f: readonly { readonly v: unknown }[] }[];
  readonly pageToken?: string;
}

const LONG_POLL_MS = 10_000;
const FIRST_POLL_MS = 100;
const LONGEST_POLL_MS = 3000;
const ANSWER_MS = 30_000;
const PAGE_ROWS = 20_000;
const ID_LENGTH = 1024;

/**
 * The id of an attempt. It holds the fencing token: a process that takes a run up again is another one, and must not
 * take the dead one's job for its own.
 *
 * @example jobId({ tenant: 'acme', source: 'orders', runId: 'r1', fencingToken: 7 }, 'load', 1) // 'tributary_acme_orders_r1_7_load_1_5d0c…'
 */
export function jobId({ tenant, source, runId, fencingToken }: JobRun, purpose: string, attempt: number): string {
  const said = [tenant, source, runId, fencingToken, purpose, attempt];
  const digest = createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 12);
  const name = ['tributary', ...said].join('_').replace(/[^A-Za-z0-9_-]/g, '-');
  return `${name.slice(0, ID_LENGTH - digest.length - 1)}_${digest}`;
}

export function createJobs({ api, clock, budget, labels, meter }: JobsOptions): Jobs {
  const used = new Map<string, number>();

  function nextId({ run, purpose }: JobRequest): { id: string; attempt: number } {
    if (run === null) return { id: `tributary_${purpose}_${randomUUID()}`, attempt: 1 };
    const first = jobId(run, purpose, 1);
    const attempt = (used.get(first) ?? 0) + 1;
    used.set(first, attempt);
    return { id: jobId(run, purpose, attempt), attempt };
  }

  function bodyOf({ configuration, run }: JobRequest, id: string | null, dryRun = false) {
    const own = run === null ? {} : { source: labelSafe(run.source), run: labelSafe(run.runId) };
    return {
      jobReference: { projectId: api.project, location: api.location, ...(id === null ? {} : { jobId: id }) },
      configuration: { ...configuration, labels: { ...labels, ...own }, ...(dryRun ? { dryRun } : {}) },
    };
  }

  const insert = (request: JobRequest, id: string) =>
    api.request<ApiJob>({ method: 'POST', path: '/jobs', body: bodyOf(request, id) });

  /** @returns null where there is no such job. */
  async function find(id: string, signal?: AbortSignal): Promise<ApiJob | null> {
    const get = () =>
      api.request<ApiJob>({ path: `/jobs/${id}`, query: { location: api.location }, timeoutMs: ANSWER_MS });
    try {
      return await repeatedly(get, startAttempts(clock, budget), signal);
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  /** Inserts the job, or finds out that it was: an id is taken once only. */
  async function start(request: JobRequest, id: string): Promise<ApiJob> {
    const retry = startAttempts(clock, budget);
    for (;;) {
      try {
        return await insert(request, id);
      } catch (error) {
        if (!isDuplicate(error)) await retry.after(error, request.signal);
        const asks = isDuplicate(error) || (error instanceof BigqueryFailure && error.failure.ambiguous);
        const found = asks ? await find(id, request.signal) : null;
        if (found !== null) return found;
        if (isDuplicate(error)) await retry.after(vanished(id), request.signal);
      }
    }
  }

  /** Waits until there may be news of the job. */
  async function news(request: JobRequest, id: string, polls: number): Promise<void> {
    if (request.configuration.query === undefined) {
      return clock.sleep(Math.min(LONGEST_POLL_MS, FIRST_POLL_MS * 1.5 ** polls), request.signal);
    }
    const query = { location: api.location, timeoutMs: LONG_POLL_MS, maxResults: 0 };
    const asked = api.request({ path: `/queries/${id}`, query, timeoutMs: LONG_POLL_MS + ANSWER_MS });
    // Whatever it says, a failed query too: the job tells.
    await interruptible(asked, request.signal).catch(() => undefined);
    if (polls > 0) await clock.sleep(FIRST_POLL_MS, request.signal);
  }

  async function settle(request: JobRequest, id: string): Promise<ApiJob> {
    const lost = startAttempts(clock, budget);
    let job = await interruptible(start(request, id), request.signal);
    for (let polls = 0; job.status?.state !== 'DONE'; polls++) {
      request.signal?.throwIfAborted();
      await news(request, id, polls);
      const found = await interruptible(find(id, request.signal), request.signal);
      if (found === null) {
        await lost.after(vanished(id), request.signal);
        job = await interruptible(start(request, id), request.signal);
      } else job = found;
    }
    return job;
  }

  /** Best effort: what is staged by a job that goes on is dropped by the next run. */
  async function cancel(id: string): Promise<void> {
    const query = { location: api.location };
    await api.request({ method: 'POST', path: `/jobs/${id}/cancel`, query, timeoutMs: 5000 }).catch(() => undefined);
  }

  async function run(request: JobRequest): Promise<FinishedJob> {
    const retry = startAttempts(clock, budget);
    for (;;) {
      request.signal?.throwIfAborted();
      const { id, attempt } = nextId(request);
      try {
        const { status, statistics = {}, configuration } = await settle(request, id);
        meter.add(statistics);
        if (status?.errorResult) throw jobFailure(status.errorResult);
        const destination = configuration?.query?.destinationTable;
        return { id, attempt, statistics, ...(destination ? { destination } : {}) };
      } catch (error) {
        if (request.signal?.aborted) {
          await cancel(id);
          request.signal.throwIfAborted();
        }
        await retry.after(error, request.signal);
      }
    }
  }

  async function rows(id: string): Promise<readonly Row[]> {
    const found: Row[] = [];
    const options = { location: api.location, maxResults: PAGE_ROWS, 'formatOptions.useInt64Timestamp': true };
    let query: Readonly<Record<string, string | number | boolean>> = options;
    for (;;) {
      const get = () => api.request<ApiRows>({ path: `/queries/${id}`, query });
      const page = await repeatedly(get, startAttempts(clock, budget));
      found.push(...rowsOf(page.schema, page.rows ?? []));
      if (!page.pageToken) return found;
      query = { ...options, pageToken: page.pageToken };
    }
  }

  async function dry(request: JobRequest): Promise<JobStatistics['query']> {
    const body = bodyOf(request, null, true);
    const ask = () => api.request<ApiJob>({ method: 'POST', path: '/jobs', body });
    const { status, statistics } = await repeatedly(ask, startAttempts(clock, budget), request.signal);
    if (status?.errorResult) throw jobFailure(status.errorResult);
    return statistics?.query;
  }

  return {
    run,
    async query(request) {
      const { id } = await run(request);
      return rows(id);
    },
    async dryRun(request) {
      return Number((await dry(request))?.totalBytesProcessed ?? 0);
    },
    async schema(request) {
      return (await dry(request))?.schema ?? {};
    },
  };
}

/** BigQuery took the job and knows nothing of it now. */
function vanished(id: string): BigqueryFailure {
  const message = `job ${id} was taken and cannot be found`;
  return new BigqueryFailure({ kind: 'transient', status: null, reason: 'jobVanished', message, ambiguous: true });
}

/** Stops waiting once the signal is aborted; what was asked goes on at BigQuery. */
async function interruptible<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
    work.catch(() => undefined);
  }
}
