/** Every failure as a problem document (RFC 9457) with the fields of the catalogue. */
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { Code } from '../runner/core/catalogue.ts';
import { problemOf, TributaryError } from '../runner/core/errors.ts';
import type { ProblemDocument } from './routes/schemas.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** What an HTTP client is told besides the code; a code that is not here is 500. */
const STATUS = {
  REQUEST_INVALID: 422,
  ROUTE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NAME_TAKEN: 409,
  BODY_TOO_LARGE: 413,
  MEDIA_TYPE_UNSUPPORTED: 415,
  PRECONDITION_REQUIRED: 428,
  DEPLOYMENTS_ELSEWHERE: 501,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  TOO_MANY_REQUESTS: 429,
  KEYS_UNAVAILABLE: 503,
  KEY_REUSED: 422,
  LAUNCHER_BUSY: 503,
  TENANT_INVALID: 422,
  TENANT_NOT_FOUND: 404,
  SOURCE_NOT_FOUND: 404,
  RUN_NOT_FOUND: 404,
  TENANT_CHANGED: 412,
  LEASE_HELD: 409,
  LEASE_LOST: 409,
  LAUNCH_REFUSED: 409,
  LAUNCH_FAILED: 503,
  STORE_FAILED: 503,
  TENANTS_FAILED: 503,
  USAGE: 409,
} as const satisfies Partial<Record<Code, number>>;

type Status = (typeof STATUS)[keyof typeof STATUS] | 400 | 500;

/** Where in the request something is wrong. */
export type FieldError = Readonly<NonNullable<ProblemDocument['errors']>[number]>;

/** An answer that is a problem: thrown where there is more to say than the code. */
export class RequestProblem extends Error {
  readonly error: TributaryError;
  readonly fields: readonly FieldError[];
  readonly status: Status | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** The run that is in the way. */
  readonly holder: string | undefined;

  constructor(
    error: TributaryError,
    more: {
      readonly fields?: readonly FieldError[];
      readonly status?: Status;
      readonly headers?: Readonly<Record<string, string>>;
      readonly holder?: string;
    } = {},
  ) {
    super(error.message, { cause: error });
    this.error = error;
    this.fields = more.fields ?? [];
    this.status = more.status;
    this.headers = more.headers ?? {};
    this.holder = more.holder;
  }
}

export function requestInvalid(reason: string, fields: readonly FieldError[] = [], status?: 400): RequestProblem {
  return new RequestProblem(new TributaryError('REQUEST_INVALID', { reason }), {
    fields,
    ...(status === undefined ? {} : { status }),
  });
}

/** The document of any error. What the catalogue does not know is INTERNAL, and says nothing of the inside. */
export function problemDocument(error: unknown): ProblemDocument {
  if (error instanceof RequestProblem) {
    return {
      ...documentOf(error.error, error.status),
      ...(error.fields.length === 0 ? {} : { errors: [...error.fields] }),
      ...(error.holder === undefined ? {} : { holder: error.holder }),
    };
  }
  if (error instanceof HTTPException && error.status < 500) return documentOf(...ofHono(error));
  if (TributaryError.is(error) && error.problem.code !== 'INTERNAL') return documentOf(error);
  return documentOf(new TributaryError('INTERNAL', { message: 'The log of the service says more' }));
}

export function problemResponse(c: Context, error: unknown): Response {
  const document = problemDocument(error);
  const headers = error instanceof RequestProblem ? error.headers : {};
  const retry = document.status === 503 && { 'Retry-After': '5' };
  return c.body(JSON.stringify(document), document.status as 400, {
    'Content-Type': PROBLEM_TYPE,
    ...retry,
    ...headers,
  });
}

function documentOf(error: TributaryError, status?: number): ProblemDocument {
  const { code, title, detail, fix, origin, retryable } = problemOf(error);
  const known: Partial<Record<Code, number>> = STATUS;
  return {
    type: `/docs/errors#${code}`,
    title,
    status: status ?? known[code] ?? 500,
    detail,
    code,
    fix,
    origin,
    retryable,
  };
}

/** What the framework itself refuses: JSON that is none, for one. */
function ofHono(error: HTTPException): [TributaryError, number] {
  const reason = error.status === 400 ? 'The body is no JSON' : error.message || 'The request cannot be read';
  return [new TributaryError('REQUEST_INVALID', { reason }), error.status];
}
