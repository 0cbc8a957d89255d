/** The run store of a runner that knows one run: the webhook, over HTTP. The run goes on while the webhook is away. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TenantSpec } from '../../../tenants/schema/index.ts';
import type { EndedStatus, Lease, Renewed, RunRecord, RunStore } from '../../core/contracts/run-store.ts';
import { type Problem, problemOf, TributaryError } from '../../core/errors.ts';
import { type Budget, repeatedly, startRetry } from '../../core/retry.ts';
import { type Call, type ClientOptions, isObject, isOutage, openClient } from './client.ts';
import { Outbox } from './outbox.ts';

export interface WebhookStoreOptions extends ClientOptions {
  readonly run: string;
  /** The process has only seconds left: what is told late is told in a hurry. */
  readonly hurry?: AbortSignal;
  /** How long a webhook that is away is waited for, where there is nothing else to do; default 5 minutes. */
  readonly patienceMs?: number;
  /** What could not be told for good. */
  readonly onUndelivered: (what: string, problem: Problem) => void;
  /** An answer said that somebody wants the run to stop. */
  readonly onCancel: () => void;
  /** The claim waited for an earlier attempt of this run. */
  readonly onPredecessor: () => void;
}

/** What a runner is asked to do. */
export interface RunConfig {
  readonly run: RunRecord;
  /** With its defaults. */
  readonly tenant: TenantSpec;
}

export interface WebhookStore extends RunStore {
  /** @throws WEBHOOK_UNREACHABLE once patience is at its end, WEBHOOK_REFUSED, RUN_NOT_FOUND */
  config(): Promise<RunConfig>;
}

const PATIENCE_MS = 300_000;
/** Cloud Run ends a container ten seconds after it asked it to stop. */
const HURRY_MS = 5000;
const ASK_AGAIN_MS = 2000;

export function openWebhookStore(options: WebhookStoreOptions): WebhookStore {
  const { run, tenant, hurry, patienceMs = PATIENCE_MS } = options;
  const client = openClient(options);
  /** Of this process: a claim whose answer was lost is told from one of an earlier attempt. */
  const claimant = randomUUID();
  const path = `/v1/runs/${encodeURIComponent(run)}`;
  const closed = new AbortController();

  const outbox = new Outbox({
    send: async (events, signal) => heard(await client({ method: 'PATCH', path, body: { events }, signal })),
    passes: isOutage,
    onDropped: (events, error) => options.onUndelivered(`${events} events`, problemOf(error)),
  });

  function heard(answer: unknown): void {
    if (isObject(answer) && answer.cancelRequested === true) options.onCancel();
  }

  /** Asks until there is an answer, within the time there is. */
  async function patiently(call: Call, limit: AbortSignal): Promise<unknown> {
    const budget: Budget = { attempts: 1000, seconds: patienceMs / 1000, firstMs: 500, longestMs: 15_000 };
    const retry = startRetry({ budget, isTransient: isOutage, givenUp: (error) => error });
    return await repeatedly(() => client({ ...call, signal: limit }), retry, limit);
  }

  async function config(): Promise<RunConfig> {
    const answer = await patiently({ method: 'GET', path: `${path}/config` }, closed.signal);
    if (!isConfig(answer, run, tenant)) {
      const reason = `its configuration is not one of run ${run} of tenant ${tenant}`;
      throw new TributaryError('WEBHOOK_UNREACHABLE', { url: options.url, reason });
    }
    return answer;
  }

  async function claim(source: string, ttlMs: number): Promise<Lease> {
    // What holds it under this run's name is an earlier attempt that is gone; it holds for its ttl at most.
    const until = performance.now() + ttlMs * 2;
    for (;;) {
      try {
        const answer = await patiently({ method: 'PUT', path: `${path}/lease`, body: { ttlMs, claimant } }, stopping());
        heard(answer);
        return leaseOf(answer, { tenant, source, runId: run });
      } catch (error) {
        if (!isHeldBy(error, run) || performance.now() > until) throw error;
        options.onPredecessor();
        await sleep(ASK_AGAIN_MS, undefined, { signal: stopping() }).catch(() => undefined);
        stopping().throwIfAborted();
      }
    }
  }

  function stopping(): AbortSignal {
    return hurry === undefined ? closed.signal : AbortSignal.any([closed.signal, hurry]);
  }

  async function finishOwn(status: EndedStatus, summary: object, problem: Problem | null): Promise<boolean> {
    const limit = new AbortController();
    const outOfTime = () => limit.abort(undelivered('time is up'));
    const timers = [setTimeout(outOfTime, patienceMs)];
    const soon = () => void timers.push(setTimeout(outOfTime, HURRY_MS));
    if (hurry?.aborted) soon();
    hurry?.addEventListener('abort', soon, { once: true });
    try {
      await outbox.drain(limit.signal);
      const end = (told: object) =>
        ({ method: 'PATCH', path, body: { end: { status, summary: told, problem } } }) as const;
      const answer = await patiently(end(summary), limit.signal).catch((error: unknown) => {
        if (!isUnwanted(error)) throw error;
        options.onUndelivered('the summary of the run', problemOf(error));
        return patiently(end({ runId: run, cut: true }), limit.signal);
      });
      return isObject(answer) && answer.status === status;
    } catch (error) {
      options.onUndelivered('the end of the run', problemOf(error));
      throw error;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      hurry?.removeEventListener('abort', soon);
    }
  }

  function undelivered(reason: string): TributaryError {
    return new TributaryError('WEBHOOK_UNREACHABLE', { url: options.url, reason });
  }

  return {
    config,
    claim: ({ source, ttlMs }) => claim(source, ttlMs),

    async renew(lease, ttlMs): Promise<Renewed> {
      const body = { ttlMs, fencingToken: lease.fencingToken };
      const answer = await client({ method: 'PUT', path: `${path}/lease`, body, signal: closed.signal });
      return { ...leaseOf(answer, lease), cancelRequested: isObject(answer) && answer.cancelRequested === true };
    },

    async release({ fencingToken }) {
      await client({ method: 'DELETE', path: `${path}/lease?fencingToken=${fencingToken}`, signal: closed.signal });
    },

    async start() {
      heard(await patiently({ method: 'PATCH', path, body: { start: true } }, stopping()));
    },

    append: async (event) => outbox.add(event),

    async finish(runId, status, summary, problem) {
      if (runId === run) return finishOwn(status, summary, problem);
      const other = `/v1/runs/${encodeURIComponent(runId)}`;
      const body = { end: { status, summary, problem } };
      await client({ method: 'PATCH', path: other, body, signal: closed.signal });
      return true;
    },

    async abandoned(_tenant, source) {
      const where = `/v1/tenants/${encodeURIComponent(tenant)}/sources/${encodeURIComponent(source)}/abandoned`;
      const answer = await client({ method: 'GET', path: where, signal: closed.signal });
      return isObject(answer) && Array.isArray(answer.runs) ? (answer.runs as RunRecord[]) : [];
    },

    async get(runId) {
      return runId === run ? (await config()).run : notHere('get');
    },

    enqueue: async () => notHere('enqueue'),
    holder: async () => notHere('holder'),
    launched: async () => notHere('launched'),
    cancel: async () => notHere('cancel'),
    announced: async () => notHere('announced'),
    list: async () => notHere('list'),
    events: async () => notHere('events'),
    deduplicate: async () => notHere('deduplicate'),
    tick: async () => notHere('tick'),

    async [Symbol.asyncDispose]() {
      outbox.close();
      closed.abort(undelivered('the runner ends'));
    },
  };
}

function notHere(what: string): never {
  throw new TributaryError('USAGE', { reason: `The run store of a runner has no ${what}.` });
}

function isHeldBy(error: unknown, run: string): boolean {
  if (!TributaryError.is(error)) return false;
  const { code, detail } = error.problem;
  return code === 'LEASE_HELD' && detail.includes(run);
}

/** Its body is too large, or of a newer version than the webhook. */
function isUnwanted(error: unknown): boolean {
  return TributaryError.is(error) && ['BODY_TOO_LARGE', 'REQUEST_INVALID'].includes(error.problem.code);
}

function leaseOf(answer: unknown, { tenant, source, runId }: Pick<Lease, 'tenant' | 'source' | 'runId'>): Lease {
  const { fencingToken, expiresAt } = isObject(answer) ? answer : {};
  if (!Number.isSafeInteger(fencingToken) || typeof expiresAt !== 'string')
    throw new TributaryError('WEBHOOK_UNREACHABLE', { url: 'PUT lease', reason: 'it answered with what is no lease' });
  return { tenant, source, runId, fencingToken: Number(fencingToken), expiresAt };
}

function isConfig(answer: unknown, run: string, tenant: string): answer is RunConfig {
  if (!isObject(answer) || !isObject(answer.run) || !isObject(answer.tenant)) return false;
  const { connections, sources } = answer.tenant;
  const whole = isObject(connections) && isObject(sources) && isObject(answer.run.order);
  return whole && answer.run.runId === run && answer.run.tenant === tenant && answer.tenant.tenant === tenant;
}
