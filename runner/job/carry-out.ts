/** One run, from its id to its exit code. */

import type { RunEvent } from '../core/contracts/run-store.ts';
import { problemOf, TributaryError } from '../core/errors.ts';
import { cachedIdentityToken } from '../identity/google.ts';
import { Journal } from '../pipeline/journal.ts';
import { stopProblem } from '../pipeline/lease.ts';
import { statusOf } from '../pipeline/status.ts';
import { openSecrets } from '../secrets/open.ts';
import { openWebhookStore } from '../stores/webhook/index.ts';
import { deploy } from './deploy.ts';
import { EXIT, endedCode, exitCode } from './exit.ts';
import type { Job } from './job.ts';
import { runnerLog } from './log.ts';
import { moveRows } from './move.ts';
import { scrubber, scrubbing } from './scrub.ts';
import type { RunnerSettings } from './settings.ts';
import { type Answer, discover, plan, testConnection } from './view.ts';
import { projectOf } from './warehouse.ts';

type Tell = (data: Readonly<Record<string, unknown>>) => void;

/**
 * Asks what to do, does it, and reports it.
 *
 * @param stopping the platform takes the process away within seconds
 * @param watch sees every event of the run
 * @returns the exit code; never throws for what the run met
 */
export async function carryOut(
  settings: RunnerSettings,
  stopping: AbortSignal,
  watch: (event: RunEvent) => void = () => undefined,
): Promise<number> {
  const { tenant: name, run: id, audience } = settings;
  const cancelled = new AbortController();
  let again = false;
  const values = new Set<string>();
  const redact = scrubber(values);
  let source = '';
  const about = { tenant: name, source: () => source, run: id, traceparent: settings.traceparent, redact };
  const log = runnerLog(about);
  await using webhook = openWebhookStore({
    ...{ url: settings.url, tenant: name, run: id, patienceMs: settings.patienceMs, hurry: stopping },
    traceparent: settings.traceparent,
    token: audience === null ? async () => null : cachedIdentityToken(audience),
    onUndelivered: (what, problem) => log.write('WARNING', `${what} could not be reported`, { problem }),
    onPredecessor: () => {
      again = true;
    },
    onCancel: () => cancelled.abort(new TributaryError('RUN_CANCELLED')),
  });
  const store = scrubbing(webhook, redact);
  try {
    const { run, tenant } = await webhook.config();
    const { status, order } = run;
    const before = endedCode(run);
    if (before !== null) {
      log.write('INFO', `run ${id} has ended before: ${status}`);
      return before;
    }
    if (order === null) throw new TributaryError('USAGE', { reason: `Run ${id} is of a command line.` });
    await using secrets = openSecrets(settings.secrets, name, () => projectOf('', tenant), values);
    const onEvent = (event: RunEvent) => {
      log.event(event);
      watch(event);
    };
    source = run.source;
    again = status === 'running';
    const signal = AbortSignal.any([stopping, cancelled.signal]);
    if (run.cancelRequested) cancelled.abort(new TributaryError('RUN_CANCELLED'));
    return await work({ settings, run, order, tenant, store, secrets, log, onEvent, again: () => again, signal });
  } catch (error) {
    const problem = problemOf(error);
    log.write('ERROR', `${problem.code}: ${problem.title} ${problem.detail}`, { problem });
    return exitCode(problem);
  }
}

async function work(job: Job): Promise<number> {
  switch (job.order.kind) {
    case 'run':
    case 'backfill':
    case 'replay':
      return await moving(job);
    case 'test':
      return await answering(job, (tell) => testConnection(job, tell));
    case 'discover':
      return await answering(job, () => discover(job));
    case 'plan':
      return await answering(job, () => plan(job));
    case 'preview':
    case 'up':
      return await answering(job, (tell) => deploy(job, tell));
  }
}

/** What fails before the pipeline has begun is the run's end too. */
async function moving(job: Job): Promise<number> {
  try {
    job.signal.throwIfAborted();
    return await moveRows(job);
  } catch (error) {
    return await ended(job, new Journal(job.run.runId, job.store, job.onEvent), error);
  }
}

/** A run without a lease. What it found is its answer: an exit code other than 0 says that there is none. */
async function answering(job: Job, look: (tell: Tell) => Promise<Answer>): Promise<number> {
  const { run, order, store, onEvent, signal } = job;
  const journal = new Journal(run.runId, store, onEvent);
  try {
    signal.throwIfAborted();
    await store.start(run.runId);
    journal.tell('run-start', undefined, { tenant: run.tenant, source: run.source, kind: order.kind });
    const { summary, problem } = await look((data) => journal.tell('progress', undefined, data));
    await journal.close(problem === null ? 'succeeded' : statusOf(problem), summary, problem);
    return EXIT.done;
  } catch (error) {
    return await ended(job, journal, error);
  }
}

async function ended({ run, signal }: Job, journal: Journal, error: unknown): Promise<number> {
  const problem = signal.aborted ? stopProblem(signal) : problemOf(error);
  await journal.close(statusOf(problem), run.summary, problem);
  return exitCode(problem);
}
