/** BigQuery's failures: what may be tried again, and what a person is told. */
import type { Code, Facts } from '../../core/catalogue.ts';
import { TributaryError } from '../../core/errors.ts';

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
const CONFLICT = /due to concurrent update|could not serialize access/i;
/** A quota of seconds or minutes is waited for, one of a day is not. */
const SHORT_QUOTA =
  /rate limit|too many (?:concurrent|table update|dml|api)|per (?:user per )?(?:\d+ )?(?:seconds?|minutes?)\b|outstanding against table/i;
const NO_CREDENTIALS =
  /default credentials|invalid_grant|invalid_rapt|unauthorized_client|could not refresh access token/i;

const isQuota = (reason: string) => /quotaExceeded|rateLimitExceeded/i.test(reason);

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

/** What the caller knows beside the failure. */
export interface ProblemFacts extends Facts {
  readonly tenant: string;
  readonly table?: string;
}

/** The entry of the catalogue for a failure that is final. */
export function bigqueryProblem(error: unknown, facts: ProblemFacts): unknown {
  if (!(error instanceof BigqueryFailure)) return error;
  const { failure } = error;
  const [code, more] = entryOf(failure);
  const reason = sentence(failure.message);
  const table = facts.table ?? /against table (?:[\w-]+[:.])?([\w-]+\.\w+)/.exec(failure.message)?.[1] ?? 'a table';
  return new TributaryError(code, { reason, table, ...error.tried, ...facts, ...more }, { cause: error });
}

function entryOf({ kind, status, reason, message }: Failure): readonly [Code, Facts] {
  if (reason === 'authError' || status === 401) return ['WAREHOUSE_CREDENTIALS', { warehouse: 'BigQuery' }];
  if (reason === 'bytesBilledLimitExceeded') return ['BRAKE_COST', {}];
  if (CONFLICT.test(message)) return ['WAREHOUSE_CONFLICT', {}];
  if (isQuota(reason) || status === 429) return ['WAREHOUSE_QUOTA', {}];
  if (reason === 'accessDenied' || (status === 403 && /permission|access denied/i.test(message))) {
    return ['WAREHOUSE_DENIED', denied(message)];
  }
  if (kind === 'transient') return ['WAREHOUSE_UNREACHABLE', {}];
  return ['WAREHOUSE_FAILED', {}];
}

const ROLES: readonly (readonly [RegExp, string])[] = [
  [/^bigquery\.jobs\./, 'roles/bigquery.jobUser on the project'],
  [/^bigquery\.(?:rowAccessPolicies|datasets\.(?:update|setIamPolicy))/, 'roles/bigquery.dataOwner on the dataset'],
  [/^bigquery\.datasets\.create/, 'roles/bigquery.user on the project'],
  [/^bigquery\./, 'roles/bigquery.dataEditor on the dataset'],
  [/^datacatalog\./, 'roles/datacatalog.categoryFineGrainedReader on the policy tag'],
  [/^storage\./, 'roles/storage.objectViewer on the staging bucket'],
  [/^cloudkms\./, "roles/cloudkms.cryptoKeyEncrypterDecrypter on the key, to BigQuery's service agent"],
];

/** Which permission was missing, and the smallest usual role that has it. */
function denied(message: string): Facts {
  const permission = /\b((?:bigquery|storage|datacatalog|cloudkms)\.\w+\.\w+)/.exec(message)?.[1];
  const on = /\b(?:on|to) ((?:table|dataset|project|bucket|object|taxonomy)s? [\w:./-]+\w)/i.exec(message)?.[1];
  const role = ROLES.find(([pattern]) => permission !== undefined && pattern.test(permission))?.[1];
  return {
    permission: permission ?? 'A permission',
    role: role ?? 'roles/bigquery.dataEditor on the datasets and roles/bigquery.jobUser on the project',
    ...(on === undefined ? {} : { on }),
  };
}

/** One line of BigQuery's words without what could be a row's value; the catalogue ends the sentence. */
function sentence(message: string): string {
  const [line = ''] = message.split('\n');
  return line
    .replace(/\b(value|literal|input|string|token|row)s?(:?) *(['"]).*?\3/gi, '$1$2 …')
    .replace(/\bBad (\w+) value:.*/i, 'Bad $1 value')
    .slice(0, 300)
    .replace(/[.\s]+$/, '');
}
