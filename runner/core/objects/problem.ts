/** From failures of a store, or of the way to it, to the catalogue. */
import type { Code, Facts } from '../catalogue.ts';
import { TributaryError } from '../errors.ts';
import type { Tried } from '../retry.ts';
import { withoutSecrets } from './secrets.ts';
import type { ObjectWire } from './wire.ts';

/** What was tried. */
export interface Work {
  readonly action: 'log in to' | 'list' | 'read';
  /** URI. */
  readonly object: string;
  readonly version?: string;
}

const UNKNOWN_HOST = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME']);
const UNREACHABLE = new Set(['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'EADDRNOTAVAIL']);
const TLS = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO|ERR_OSSL)/;
const LASTING_HOST = 'ENOTFOUND';
const codes = {
  login: 'OBJECTS_LOGIN',
  clock: 'OBJECTS_CLOCK',
  bucket: 'OBJECTS_BUCKET_MISSING',
  region: 'OBJECTS_REGION',
  denied: 'OBJECTS_DENIED',
  archived: 'OBJECTS_ARCHIVED',
  changed: 'FILE_CHANGED',
  passing: 'OBJECTS_FAILED',
  other: 'OBJECTS_FAILED',
} satisfies Record<string, Code>;

/** Whether the same call may succeed by itself. What no store answered is of the way to it, and passes, or of the name and the certificate, and stays. */
export function isPassing(wire: ObjectWire, error: unknown): boolean {
  if (TributaryError.is(error)) return false;
  const answer = wire.answered(error);
  if (answer !== null) return answer.means === 'passing';
  const code = codeOf(error);
  return !TLS.test(code) && code !== LASTING_HOST && !(error instanceof TypeError) && !(error instanceof RangeError);
}

/** The failure as a person is told it. */
export function objectProblem(wire: ObjectWire, error: unknown, work: Work, tried: Tried): unknown {
  if (TributaryError.is(error)) return error;
  const { tenant, bucket, who, field, region, grants, advice, endpoint } = wire.facts;
  const answer = wire.answered(error);
  const facts: Facts = {
    ...{ tenant, bucket, who, field, advice, region, actual: answer?.region },
    ...{ action: work.action, object: work.object, version: work.version },
    grant: work.action === 'read' ? grants.read : grants.list,
    what: `${work.action === 'read' ? 'Reading' : work.action === 'list' ? 'Listing' : 'The login to'} ${work.object}`,
    attempts: tried.attempts,
    seconds: tried.seconds,
  };
  if (answer !== null) return new TributaryError(codes[answer.means], { ...facts, reason: sentence(answer.reason) });
  const code = codeOf(error);
  const { hostname, port, protocol } = new URL(endpoint);
  const address = { host: hostname, port: port || (protocol === 'http:' ? 80 : 443) };
  const reason = sentence(withoutSecrets(messageOf(error)));
  if (UNKNOWN_HOST.has(code)) return new TributaryError('SOURCE_HOST_UNKNOWN', address);
  if (TLS.test(code)) return new TributaryError('SOURCE_TLS', { ...address, mode: 'verify-full', reason });
  if (UNREACHABLE.has(code)) return new TributaryError('SOURCE_UNREACHABLE', { ...address, reason: code });
  return new TributaryError('OBJECTS_FAILED', { ...facts, reason });
}

/** The code of the system, which clients wrap in errors of their own. */
function codeOf(error: unknown): string {
  let found = '';
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 4; depth++) {
    const { code, errors, cause } = at as { code?: unknown; errors?: readonly unknown[]; cause?: unknown };
    if (typeof code === 'string' && /^[A-Z][A-Z_0-9]+$/.test(code)) found = code;
    at = errors?.[0] ?? cause;
  }
  return found;
}

function messageOf(error: unknown): string {
  const { message = '' } = (error ?? {}) as { message?: string };
  const code = codeOf(error);
  return message === ''
    ? code || 'no reason given'
    : code !== '' && !message.includes(code)
      ? `${code}: ${message}`
      : message;
}

function sentence(text: string): string {
  return text.replace(/[.\s]+$/, '');
}
