/** BigQuery's jobs in memory, with an answer for each call that a test can spoil. */

import type { Api, Call } from '../../../../runner/bigquery/client.ts';
import { failureOf } from '../../../../runner/bigquery/failure.ts';
import type { Clock } from '../../../../runner/core/retry.ts';

export interface FakeJob {
  readonly id: string;
  readonly body: Record<string, unknown>;
  state: 'RUNNING' | 'DONE';
  errorResult?: { reason: string; message: string };
}

/** What becomes of a call: `lost` is carried out and its answer is not seen, `unsent` never arrives. */
export type Fault = 'lost' | 'unsent' | { readonly status: number; readonly reason?: string } | 'forgotten';

export class FakeApi implements Api {
  readonly project = 'p';
  readonly location = 'EU';
  readonly calls: string[] = [];
  readonly jobs = new Map<string, FakeJob>();
  /** How often a job was carried out, by id. */
  readonly done: string[] = [];
  /** For the calls of a kind (`insert`, `get`, `results`, `cancel`), in order; `null` leaves one alone. */
  readonly faults: Record<string, (Fault | null)[]> = {};
  /** Polls until a job is done. */
  polls = 0;
  /** Ends jobs with these errors, in order. */
  readonly failures: ({ reason: string; message: string } | null)[] = [];

  async request<T>({ method = 'GET', path, body }: Call): Promise<T> {
    const kind = kindOf(method, path);
    this.calls.push(kind);
    const fault = this.faults[kind]?.shift() ?? null;
    if (fault === 'unsent') throw failureOf(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
    if (fault !== null && typeof fault === 'object') throw http(fault.status, fault.reason);
    const answer = this.#answer(kind, path, body as Record<string, unknown>, fault === 'forgotten');
    if (fault === 'lost') throw failureOf(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
    return answer as T;
  }

  #answer(kind: string, path: string, body: Record<string, unknown>, forgotten: boolean): unknown {
    if (kind === 'insert') return this.#insert(body, forgotten);
    const id = path.split('/')[2] ?? '';
    const job = this.jobs.get(id);
    if (job === undefined) throw http(404, 'notFound');
    if (kind === 'results')
      return { rows: [{ f: [{ v: '1' }] }], schema: { fields: [{ name: 'n', type: 'INTEGER' }] } };
    if (kind === 'get' && job.state === 'RUNNING' && --this.polls <= 0) this.#finish(job);
    return answerOf(job);
  }

  #insert(body: Record<string, unknown>, forgotten: boolean): unknown {
    const { jobId } = body.jobReference as { jobId: string };
    if (this.jobs.has(jobId)) throw http(409, 'duplicate');
    const job: FakeJob = { id: jobId, body, state: 'RUNNING' };
    if (forgotten) return answerOf(job);
    this.jobs.set(jobId, job);
    if (this.polls === 0) this.#finish(job);
    return answerOf(job);
  }

  #finish(job: FakeJob): void {
    job.state = 'DONE';
    const failure = this.failures.shift();
    if (failure) job.errorResult = failure;
    else this.done.push(job.id);
  }
}

function answerOf({ state, errorResult }: FakeJob) {
  return {
    status: { state, ...(errorResult === undefined ? {} : { errorResult }) },
    statistics: { totalSlotMs: '5', query: { totalBytesBilled: '100' } },
  };
}

function kindOf(method: string, path: string): string {
  if (path.endsWith('/cancel')) return 'cancel';
  if (path.startsWith('/queries')) return 'results';
  return method === 'POST' ? 'insert' : 'get';
}

function http(status: number, reason = 'x') {
  return failureOf(Object.assign(new Error(`HTTP ${status}`), { code: status, errors: [{ reason, message: reason }] }));
}

/** Time that passes only by waiting. */
export function fakeClock(): Clock & { readonly waits: number[] } {
  const waits: number[] = [];
  let now = 0;
  return {
    waits,
    now: () => now,
    async sleep(milliseconds, signal) {
      signal?.throwIfAborted();
      waits.push(milliseconds);
      now += milliseconds;
      await new Promise((done) => setImmediate(done));
    },
    random: () => 1,
  };
}
