/** From errors of the API and of the connection to the catalogue. */
import type { Code, Facts } from '../../core/catalogue.ts';
import { TributaryError } from '../../core/errors.ts';
import type { FirestoreConnection } from './client.ts';
import type { ReadTime } from './queries.ts';
import { momentText } from './wire.ts';

/** Status codes of gRPC. */
const CANCELLED = 1;
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
const ABORTED = 10;
export const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

const TRANSIENT = new Set([CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE]);

export function statusOf(error: unknown): number | null {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'number' ? code : null;
}

/** Whether the same call may succeed when it is simply made again. */
export function isTransient(error: unknown): boolean {
  return TRANSIENT.has(statusOf(error) ?? -1);
}

/** What is said of a split whose read time the server does not keep any more; every other error stays as it is. */
export function splitProblem(error: unknown, object: string, { seconds, nanos }: ReadTime): unknown {
  const reason = TributaryError.is(error) ? error.problem.detail : error instanceof Error ? error.message : '';
  if (!/(?:read_time|snapshot version).*too old/i.test(reason)) return error;
  const at = momentText({ seconds, micros: Math.floor(nanos / 1000) });
  return new TributaryError(
    'SPLIT_LOST',
    { object, reason: `Firestore keeps what was there for an hour, and the read time is ${at}` },
    { cause: error },
  );
}

/** The facts of a connection, with the object that is being read. */
export function factsOf({ tenant, name, project, database, emulator }: FirestoreConnection, object?: string): Facts {
  const [host = 'firestore.googleapis.com', port = 443] = emulator?.split(':') ?? [];
  const optional = object === undefined ? {} : { object };
  return { tenant, connection: name, host, port, database, project, user: 'the runner', ...optional };
}

type Answer = readonly [code: Code, facts?: Facts];

/**
 * The problem behind an error.
 *
 * @example throw firestoreProblem(error, factsOf(connection, 'products'))
 */
export function firestoreProblem(error: unknown, facts: Facts): TributaryError {
  if (TributaryError.is(error)) return error;
  const { message = String(error), name = '' } = (error ?? {}) as Partial<Error>;
  if (name === 'AbortError') return new TributaryError('INTERRUPTED', facts, { cause: error });
  const [code, more] = answer(statusOf(error), message.replace(/^\d+ [A-Z_]+: /, ''), facts);
  return new TributaryError(code, { ...facts, ...more }, { cause: error });
}

function answer(status: number | null, reason: string, facts: Facts): Answer {
  switch (status) {
    case UNAVAILABLE:
    case DEADLINE_EXCEEDED:
      return /name resolution|ENOTFOUND/i.test(reason) ? ['SOURCE_HOST_UNKNOWN'] : ['SOURCE_UNREACHABLE', { reason }];
    case UNAUTHENTICATED:
      return ['SOURCE_AUTHENTICATION', { reason }];
    case PERMISSION_DENIED:
      return ['SOURCE_PERMISSION', { object: facts.object ?? `database ${facts.database}`, grant: grantOf(facts) }];
    case NOT_FOUND:
      return ['SOURCE_DATABASE_MISSING', { host: `project ${facts.project}` }];
    case RESOURCE_EXHAUSTED:
      return ['SOURCE_BUSY', { reason }];
    case FAILED_PRECONDITION:
    case INVALID_ARGUMENT:
      return ['SOURCE_QUERY_INVALID', { reason }];
    case ABORTED:
    case INTERNAL:
    case CANCELLED:
      return ['SOURCE_DISCONNECTED', { reason }];
    default:
      return ['SOURCE_FAILED', { reason }];
  }
}

/** The command that gives the runner the right to read. */
export function grantOf({ project }: Facts): string {
  return `gcloud projects add-iam-policy-binding ${project} --member=serviceAccount:<runner> --role=roles/datastore.viewer`;
}
