/** Jobs that the proxy answers for, because they vanished or failed as a test wanted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, fromJson } from './answer.ts';
import { type Fault, googleError } from './fault.ts';

export interface JobCall {
  readonly method: string;
  readonly url: string;
  readonly jobId: string | null;
  readonly body: unknown;
  readonly fault: Fault | null;
  readonly upstream: string;
}

type StandIn = { readonly vanished: 'with work' | 'without work' } | { readonly failed: object };

export class JobStandIns {
  readonly #jobs = new Map<string, StandIn>();

  clear(): void {
    this.#jobs.clear();
  }

  async answer(call: JobCall, forward: () => Promise<Answer>): Promise<Answer> {
    const { jobId, fault } = call;
    if (jobId === null) return forward();
    const inserts = call.method === 'POST' && /\/(jobs|queries)(\?|$)/.test(call.url);
    if (!inserts) return this.#told(jobId) ?? (await forward());
    if (fault?.how === 'vanish') return this.#vanish(call, jobId, fault.work, forward);
    if (fault?.how === 'fail job') return this.#fail(call, jobId, fault);
    const before = this.#jobs.get(jobId);
    if (before !== undefined && 'failed' in before) return duplicate(call, jobId);
    this.#jobs.delete(jobId);
    if (before?.vanished === 'with work') await forget(call, jobId);
    return forward();
  }

  #told(jobId: string): Answer | null {
    const job = this.#jobs.get(jobId);
    if (job === undefined) return null;
    if ('vanished' in job) return fromJson(googleError('notFound', `Not found: Job ${jobId}`));
    return fromJson({ status: 200, body: job.failed });
  }

  async #vanish(call: JobCall, jobId: string, work: boolean, forward: () => Promise<Answer>): Promise<Answer> {
    const answer = work ? await forward() : fromJson({ status: 200, body: accepted(call, jobId) });
    if (work) await finished(call, jobId);
    this.#jobs.set(jobId, { vanished: work ? 'with work' : 'without work' });
    return work ? fromJson({ status: 200, body: accepted(call, jobId) }) : answer;
  }

  #fail(call: JobCall, jobId: string, fault: Fault & { how: 'fail job' }): Answer {
    const job = accepted(call, jobId);
    const error = {
      reason: fault.reason,
      message: fault.message ?? `${fault.reason}: Retrying may solve the problem.`,
    };
    this.#jobs.set(jobId, { failed: { ...job, status: { state: 'DONE', errorResult: error, errors: [error] } } });
    return fromJson({ status: 200, body: job });
  }
}

function accepted(call: JobCall, jobId: string) {
  const projectId = /\/projects\/([^/]+)\//.exec(call.url)?.[1];
  const { configuration, jobReference } = call.body as { configuration?: object; jobReference?: { location?: string } };
  const location = jobReference?.location ?? 'US';
  return {
    kind: 'bigquery#job',
    id: `${projectId}:${location}.${jobId}`,
    jobReference: { projectId, jobId, location },
    configuration,
    status: { state: 'RUNNING' },
    statistics: { creationTime: `${Date.now()}`, startTime: `${Date.now()}` },
  };
}

function duplicate(call: JobCall, jobId: string): Answer {
  const projectId = /\/projects\/([^/]+)\//.exec(call.url)?.[1];
  const message = `Already Exists: Job ${projectId}:US.${jobId}`;
  const errors = [{ message, domain: 'global', reason: 'duplicate' }];
  return fromJson({ status: 409, body: { error: { code: 409, message, errors, status: 'ALREADY_EXISTS' } } });
}

const jobUrl = (call: JobCall, jobId: string) =>
  new URL(`${call.url.split('?')[0]?.replace(/\/(jobs|queries)$/, '/jobs')}/${jobId}`, call.upstream);

async function finished(call: JobCall, jobId: string): Promise<void> {
  for (;;) {
    const job = (await (await fetch(jobUrl(call, jobId))).json()) as { status?: { state: string } };
    if (job.status === undefined || job.status.state === 'DONE') return;
    await sleep(20);
  }
}

/** So that the same id can run again. */
async function forget(call: JobCall, jobId: string): Promise<void> {
  await fetch(`${jobUrl(call, jobId)}/delete`, { method: 'DELETE' });
}
