/** One request to the webhook: as this runner, bounded in time, and every answer in the words of the catalogue. */
import { catalogue } from '../../core/catalogue.ts';
import { type Problem, TributaryError } from '../../core/errors.ts';

export interface ClientOptions {
  readonly url: string;
  readonly tenant: string;
  /**
   * The runner's ID token; `null` where nobody asks for one. Asked before each request.
   *
   * @param anew the last one was refused
   */
  readonly token: (anew: boolean) => Promise<string | null>;
  readonly traceparent?: string | null;
  /** Longest wait for an answer; default 10 s. */
  readonly timeoutMs?: number;
}

export interface Call {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** @throws WEBHOOK_UNREACHABLE, WEBHOOK_REFUSED, or the problem that the webhook answered */
export type Client = (call: Call) => Promise<unknown>;

/** Answers that are no fault of the request: the same one may be taken later. */
const PASSING = new Set([408, 425, 429]);
const TIMEOUT_MS = 10_000;

export function openClient({ url, tenant, token, traceparent, timeoutMs = TIMEOUT_MS }: ClientOptions): Client {
  const unreachable = (reason: string, cause?: unknown) =>
    new TributaryError('WEBHOOK_UNREACHABLE', { url, reason }, { cause });

  const send = async ({ method, path, body, signal }: Call, anew: boolean): Promise<Response> => {
    const bearer = await token(anew).catch((error: unknown) => {
      throw unreachable(`no token of the runner's account: ${reasonOf(error)}`, error);
    });
    const headers = {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      ...(traceparent ? { traceparent } : {}),
    };
    const timeout = AbortSignal.timeout(timeoutMs);
    return await fetch(new URL(path, url), {
      method,
      headers,
      // A token is for this host alone.
      redirect: 'error',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      ...(body === undefined ? {} : { body: JSON.stringify(body, plain) }),
    }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw unreachable(reasonOf(error), error);
    });
  };

  return async (call) => {
    let answer = await send(call, false);
    if (answer.status === 401) {
      await answer.body?.cancel();
      answer = await send(call, true);
    }
    const text = await answer.text().catch((error: unknown) => {
      call.signal?.throwIfAborted();
      throw unreachable(reasonOf(error), error);
    });
    const { status } = answer;
    if (status === 204) return null;
    const document = parsed(text);
    if (answer.ok) {
      if (isObject(document)) return document;
      throw unreachable(`it answered ${status} with what is no JSON object`);
    }
    if (status === 401 || status === 403) throw new TributaryError('WEBHOOK_REFUSED', { url, status, tenant });
    if (status < 500 && !PASSING.has(status) && isProblem(document)) throw TributaryError.from(problemOf(document));
    throw unreachable(`it answered ${status}`);
  };
}

/** A failure that says nothing of the request itself. */
export function isOutage(error: unknown): boolean {
  return TributaryError.is(error) && ['WEBHOOK_UNREACHABLE', 'WEBHOOK_REFUSED'].includes(error.problem.code);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isProblem(document: unknown): document is Problem {
  if (!isObject(document)) return false;
  const { code, title, detail, fix } = document;
  const texts = [title, detail, fix].every((text) => typeof text === 'string');
  return texts && typeof code === 'string' && Object.hasOwn(catalogue, code);
}

function problemOf({ code, title, detail, fix }: Problem): Problem {
  const { origin, retryable } = catalogue[code];
  return { code, title, detail, fix, origin, retryable };
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  if (name === 'TimeoutError') return 'no answer in time';
  return cause?.code ?? cause?.message ?? String(message ?? error);
}
