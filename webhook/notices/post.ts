/** One POST that has to arrive: tried again where that may help, within a time. Follows no redirect. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TributaryError } from '../../runner/core/errors.ts';

export interface Patience {
  /** For all attempts together. @default 7000 */
  readonly totalMs?: number;
  /** @default 4 */
  readonly attempts?: number;
  /** Before the second attempt; doubles. @default 250 */
  readonly firstWaitMs?: number;
}

export interface Post {
  /** Who sends, for the error; never the address, which may be a secret. */
  readonly notifier: string;
  readonly url: string;
  readonly body: string;
  /** Made anew for each attempt. */
  readonly headers: () => Record<string, string> | Promise<Record<string, string>>;
  readonly patience?: Patience;
}

const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);
const MOST_WAIT_MS = 5000;
/** Of an answer that explains a refusal. */
const MOST_TEXT = 2000;

interface Failed {
  readonly reason: string;
  readonly passing: boolean;
  /** `Retry-After` */
  readonly waitMs: number;
}

/** @throws NOTICE_FAILED */
export async function post({ notifier, url, body, headers, patience = {} }: Post): Promise<void> {
  const { totalMs = 7000, attempts = 4, firstWaitMs = 250 } = patience;
  const end = Date.now() + totalMs;
  let wait = firstWaitMs;
  for (let attempt = 1; ; attempt++) {
    const failed = await once(url, body, headers, Math.max(1, end - Date.now()));
    if (failed === null) return;
    const pause = Math.min(MOST_WAIT_MS, Math.max(failed.waitMs, wait * (0.5 + Math.random())));
    if (!failed.passing || attempt >= attempts || Date.now() + pause >= end) {
      const times = attempt === 1 ? '' : ` (tried ${attempt} times)`;
      throw new TributaryError('NOTICE_FAILED', { notifier, reason: `${failed.reason}${times}` });
    }
    await sleep(pause);
    wait *= 2;
  }
}

async function once(url: string, body: string, headers: Post['headers'], ms: number): Promise<Failed | null> {
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json', 'user-agent': 'tributary', ...(await headers()) },
      body,
      signal: AbortSignal.timeout(ms),
    });
  } catch (error) {
    return { reason: reasonOf(error), passing: true, waitMs: 0 };
  }
  const { status } = response;
  if (status >= 200 && status < 300) {
    await response.body?.cancel().catch(() => undefined);
    return null;
  }
  if (status >= 300 && status < 400) {
    await response.body?.cancel().catch(() => undefined);
    return { reason: `it answered ${status}, and redirects are not followed`, passing: false, waitMs: 0 };
  }
  const seconds = Number(response.headers.get('retry-after') ?? 0);
  const said = await explanation(response);
  return {
    reason: `it answered ${status}${said}`,
    passing: status >= 500 || PASSING.has(status),
    waitMs: Number.isFinite(seconds) ? seconds * 1000 : 0,
  };
}

/** What an API of Google says about its refusal; what others answer is not for the log. */
async function explanation(response: Response): Promise<string> {
  try {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      chunks.push(Buffer.from(chunk));
      length += chunk.length;
      if (length > MOST_TEXT) return '';
    }
    const { error } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
      error?: { status?: unknown; message?: unknown };
    };
    if (typeof error?.status !== 'string' || typeof error.message !== 'string') return '';
    return `: ${error.message.replace(/\.$/, '')}`;
  } catch {
    return '';
  }
}

/** The kind of the failure; messages of the network hold addresses. */
function reasonOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string } };
  if (name === 'TimeoutError') return 'it does not answer in time';
  if (TributaryError.is(error)) return error.problem.detail;
  return `it cannot be reached${cause?.code === undefined ? '' : ` (${cause.code})`}`;
}
