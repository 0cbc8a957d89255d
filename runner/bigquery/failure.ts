/** BigQuery's failures: what may be tried again, and what it said. */

/**
 * - `transient`: the same again may succeed.
 * - `terminal`: it will not.
 */
export type FailureKind = 'transient' | 'terminal';

/** What BigQuery, or the way to it, answered. */
export interface Failure {
  readonly kind: FailureKind;
  /** HTTP status; `null` where no answer came, or where a job failed and not a request. */
  readonly status: number | null;
  /** BigQuery's reason (`backendError`), or the code of the network's error (`ECONNRESET`). */
  readonly reason: string;
  readonly message: string;
  /** Whether the request may have been carried out all the same. */
  readonly ambiguous: boolean;
}

/** A failure on its way to whoever decides about it; it never reaches a person. */
export class BigqueryFailure extends Error {
  override readonly name = 'BigqueryFailure';
  readonly failure: Failure;
  /** How often it was tried, and for how long, when it was given up. */
  tried: { readonly attempts: number; readonly seconds: number } = { attempts: 1, seconds: 0 };

  constructor(failure: Failure, options?: { cause?: unknown }) {
    super(`${failure.reason}: ${failure.message}`, options);
    this.failure = failure;
  }
}

/** Reasons of BigQuery's own list of errors with which it asks to try again. */
const TRANSIENT_REASONS: ReadonlySet<string> = new Set([
  'backendError',
  'internalError',
  'jobBackendError',
  'jobInternalError',
  'jobRateLimitExceeded',
  'rateLimitExceeded',
  'userRateLimitExceeded',
  'tableUnavailable',
  'transactionAborted',
]);

const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
export const CONFLICT = /due to concurrent update|could not serialize access/i;
/** A quota of seconds or minutes is waited for, one of a day is not. */
const SHORT_QUOTA =
  /rate limit|too many (?:concurrent|table update|dml|api)|per (?:user per )?(?:\d+ )?(?:seconds?|minutes?)\b|outstanding against table/i;
const NO_CREDENTIALS =
  /default credentials|invalid_grant|invalid_rapt|unauthorized_client|could not refresh access token/i;

export const isQuota = (reason: string) => /quotaExceeded|rateLimitExceeded/i.test(reason);

/** A request that failed: an answer of the API, or none. */
export function failureOf(error: unknown): BigqueryFailure {
  if (error instanceof BigqueryFailure) return error;
  const {
    code,
    errors,
    message = String(error),
  } = (error ?? {}) as {
    code?: number | string;
    errors?: readonly { readonly reason?: string; readonly message?: string }[];
    message?: string;
  };
  const [first] = errors ?? [];
  if (NO_CREDENTIALS.test(message)) return make(401, 'authError', message, error);
  if (typeof code !== 'number') return make(null, code ?? 'noAnswer', message, error);
  return make(code, first?.reason ?? `http${code}`, first?.message ?? message, error);
}

/** A job that ended with an error. */
export function jobFailure(result: {
  readonly reason?: string | null;
  readonly message?: string | null;
}): BigqueryFailure {
  return make(null, result.reason ?? 'unknown', result.message ?? 'it failed without a word', undefined, true);
}

function make(status: number | null, reason: string, message: string, cause: unknown, ofJob = false): BigqueryFailure {
  const unanswered = status === null && !ofJob;
  const transient =
    unanswered ||
    TRANSIENT_REASONS.has(reason) ||
    (status !== null && TRANSIENT_STATUS.has(status)) ||
    (isQuota(reason) && SHORT_QUOTA.test(message)) ||
    (reason === 'resourcesExceeded' && SHORT_QUOTA.test(message)) ||
    CONFLICT.test(message);
  const ambiguous = unanswered || (status !== null && status >= 500) || status === 408;
  return new BigqueryFailure(
    { kind: transient ? 'transient' : 'terminal', status, reason, message, ambiguous },
    cause === undefined ? undefined : { cause },
  );
}

export function isTransient(error: unknown): error is BigqueryFailure {
  return error instanceof BigqueryFailure && error.failure.kind === 'transient';
}

export function isNotFound(error: unknown): boolean {
  return error instanceof BigqueryFailure && (error.failure.status === 404 || error.failure.reason === 'notFound');
}

/** A resource of that name is there already. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof BigqueryFailure && (error.failure.status === 409 || error.failure.reason === 'duplicate');
}

/** The permission that a refusal names, and on what. */
export function permissionOf(message: string): { readonly permission?: string; readonly on?: string } {
  const permission = /\b((?:bigquery|storage|datacatalog|cloudkms)\.\w+\.\w+)/.exec(message)?.[1];
  const on = /\b(?:on|to) ((?:table|dataset|project|bucket|object|taxonomy)s? [\w:./-]+\w)/i.exec(message)?.[1];
  return { ...(permission === undefined ? {} : { permission }), ...(on === undefined ? {} : { on }) };
}

/** Whether the account was let in, and may not do this. */
export function isDenied({ failure: { reason, status, message } }: BigqueryFailure): boolean {
  return reason === 'accessDenied' || (status === 403 && /permission|access denied/i.test(message));
}

/** One line of BigQuery's words without what could be a row's value; the catalogue ends the sentence. */
export function sentence(message: string): string {
  const [line = ''] = message.split('\n');
  return line
    .replace(/\b(value|literal|input|string|token|row)s?(:?) *(['"]).*?\3/gi, '$1$2 …')
    .replace(/\bBad (\w+) value:.*/i, 'Bad $1 value')
    .slice(0, 300)
    .replace(/[.\s]+$/, '');
}
