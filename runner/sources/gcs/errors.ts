/** What Cloud Storage's answers mean. */
import { withoutSecrets } from '../../core/objects/secrets.ts';
import type { WireFailure } from '../../core/objects/wire.ts';

/** An answer that is no success. */
export class Refused extends Error {
  readonly status: number;
  readonly about: 'bucket' | 'object';

  constructor(status: number, body: string, about: 'bucket' | 'object') {
    super(body);
    this.status = status;
    this.about = about;
  }
}

const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const PASSING_REASON = /rateLimitExceeded|backendError|internalError/i;
const NO_CREDENTIALS =
  /default credentials|invalid_grant|invalid_rapt|unauthorized_client|could not refresh access token/i;

export function gcsAnswer(error: unknown): WireFailure | null {
  if (!(error instanceof Refused)) {
    const message = `${(error as { message?: string } | null)?.message}`;
    return NO_CREDENTIALS.test(message) ? { means: 'login', reason: withoutSecrets(message) } : null;
  }
  const { status, message, about } = error;
  const said = /"message"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(message)?.[1] ?? message;
  const reason = `${withoutSecrets(said) || 'no reason given'} (${status})`;
  return { means: meaning(status, message, about), reason };
}

function meaning(status: number, body: string, about: 'bucket' | 'object'): WireFailure['means'] {
  const code = /"reason"\s*:\s*"(\w+)"/.exec(body)?.[1] ?? '';
  if (PASSING.has(status) || PASSING_REASON.test(code)) return 'passing';
  if (status === 401) return 'login';
  if (status === 403) return 'denied';
  if (about === 'bucket') return status === 404 ? 'bucket' : 'other';
  return status === 404 || status === 412 || status === 416 ? 'changed' : 'other';
}
