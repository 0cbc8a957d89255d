/** Failures of Cloud Storage: what may be tried again, and what a person is told. */
import { TributaryError } from '../core/errors.ts';
import type { Tried } from '../core/retry.ts';

/** What Cloud Storage, or the way to it, answered. */
export interface Failure {
  /** HTTP status; `null` where no answer came. */
  readonly status: number | null;
  readonly reason: string;
  readonly transient: boolean;
}

/** What is tried, for whoever has to explain why it failed. */
export interface Work {
  /** `Writing gs://bucket/acme/orders/r1/rows/part-00000.parquet`. */
  readonly what: string;
  readonly bucket: string;
  readonly tenant: string;
}

const TRANSIENT_STATUS: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const TRANSIENT_REASON = /rateLimitExceeded|backendError|internalError/i;
const NO_CREDENTIALS =
  /default credentials|invalid_grant|invalid_rapt|unauthorized_client|could not refresh access token/i;
const LONGEST_REASON = 200;

/** An answer that is no success, in the shape in which Google's client throws some of them. */
export function refusal(status: number, body: string): Error {
  return Object.assign(new Error(body === '' ? 'no reason given' : body), { code: status });
}

export function failureOf(error: unknown): Failure {
  const {
    code,
    status,
    response,
    errors,
    path,
    message = String(error),
  } = (error ?? {}) as {
    code?: number | string;
    status?: number;
    response?: { status?: number; data?: { error?: { errors?: readonly { readonly reason?: string }[] } } };
    errors?: readonly { readonly reason?: string }[];
    path?: string;
    message?: string;
  };
  const said = /"message"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(message)?.[1] ?? message;
  if (NO_CREDENTIALS.test(message)) return { status: 401, reason: legible(message), transient: false };
  const answered = [status, response?.status, code].find((one) => typeof one === 'number' && one >= 100);
  if (typeof answered !== 'number') {
    const reason = legible(typeof code === 'string' && !message.includes(code) ? `${code}: ${message}` : message);
    // With a path it is a file of this machine.
    return { status: null, reason, transient: typeof path !== 'string' };
  }
  const [first] = errors ?? response?.data?.error?.errors ?? [];
  const reason = first?.reason ?? /"reason"\s*:\s*"(\w+)"/.exec(message)?.[1] ?? '';
  const transient = TRANSIENT_STATUS.has(answered) || TRANSIENT_REASON.test(reason);
  return { status: answered, reason: `${legible(said)} (${answered})`, transient };
}

/** The failure as a person is told it. */
export function stagingProblem(error: unknown, { what, bucket, tenant }: Work, { attempts, seconds }: Tried): unknown {
  if (TributaryError.is(error)) return error;
  const { status, reason, transient } = failureOf(error);
  if (status === 401) return new TributaryError('WAREHOUSE_CREDENTIALS', { warehouse: 'Cloud Storage', reason });
  if (status === 403 && !transient) return new TributaryError('STAGING_DENIED', { bucket, tenant, reason });
  if (status === 404) return new TributaryError('STAGING_MISSING', { bucket, tenant });
  return new TributaryError('STAGING_FAILED', { what, attempts, seconds, reason });
}

/** The embedded engine's failures as staging's: there is no warehouse file here. */
export function engineProblem(error: unknown, folder: string): unknown {
  if (!TributaryError.is(error) || !error.problem.code.startsWith('WAREHOUSE_')) return error;
  const { code, detail } = error.problem;
  const reason = detail.replace(/[.\s]+$/, '');
  if (code === 'WAREHOUSE_DISK_FULL')
    return new TributaryError('STAGING_DISK_FULL', { folder, reason }, { cause: error });
  if (code === 'WAREHOUSE_MEMORY') return error;
  const facts = { what: `Writing files below ${folder}`, attempts: 1, seconds: 0, reason };
  return new TributaryError('STAGING_FAILED', facts, { cause: error });
}

/** One line without addresses: that of an upload lets in whoever has it. */
function legible(message: string): string {
  const line = message.split('\n')[0] ?? '';
  const named = line
    .replace(/(https?:\/\/[^\s/?"']+)[^\s"']*/g, '$1/…')
    .replace(/\b(upload_id|token|key)=[^\s&"']+/gi, '$1=…');
  return named.slice(0, LONGEST_REASON).replace(/[.\s]+$/, '');
}
