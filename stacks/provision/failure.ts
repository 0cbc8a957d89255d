/** What went wrong, from what the engine and the providers say. */
import type { StackFailure } from './contract.ts';
import { isStale, locksIn } from './locks.ts';

/** Everything that was said while a command of the engine failed. */
export interface Evidence {
  readonly stack: string;
  readonly tenant: string;
  /** What the command wrote on its error channel. */
  readonly text: string;
  /** Errors among the engine's events, in their order. */
  readonly errors: readonly { readonly urn?: string; readonly message: string }[];
  /** Mandatory policies that were not met. */
  readonly policies: readonly { readonly policy: string; readonly message: string; readonly urn?: string }[];
  /** Resources changed before it failed. */
  readonly done: number;
}

const API = /(?:apis\/(?:api|library)\/|\[|service[:=" ]+)([a-z0-9-]+(?:\.[a-z0-9-]+)*\.googleapis\.com)/;
const API_DISABLED =
  /has not been used in project \S+ before or it is disabled|SERVICE_DISABLED|accessNotConfigured|API \[\S+\] not enabled/i;
const QUOTA =
  /RESOURCE_EXHAUSTED|quota ?exceeded|exceeded.{0,40}quota|quota.{0,60}exceeded|rateLimitExceeded|maximum number of .{0,40}(?:reached|exceeded)|\b429\b/i;
const LAG =
  /service account(?: \S+)? (?:does not exist|was not found)|\S+gserviceaccount\.com (?:does not exist|is not found)|principal.{0,80}does not exist|PERMISSION_DENIED|permission.{0,120}denied|\b403\b|AADSTS7002/i;
const PASSPHRASE = /incorrect passphrase|passphrase must be set|PULUMI_CONFIG_PASSPHRASE/;
const EXISTS = /already exists|alreadyExists|ALREADY_EXISTS|\b409\b/;

/** The one failure that a person has to act on. */
export function failureOf(evidence: Evidence): StackFailure {
  const { stack, tenant, text, errors, policies, done } = evidence;
  const base = { stack, tenant };
  const [lock] = locksIn(text);
  if (lock !== undefined) {
    const stale = isStale(lock) ? 'yes' : 'no';
    return {
      code: 'STACK_LOCKED',
      facts: { ...base, user: lock.user, host: lock.host, pid: lock.pid, since: lock.since, stale },
    };
  }
  if (PASSPHRASE.test(text)) return { code: 'STACK_PASSPHRASE', facts: base };
  const [violated] = policies;
  if (violated !== undefined) {
    const { policy, message, urn } = violated;
    return {
      code: 'STACK_POLICY',
      facts: { ...base, policy, count: policies.length, resource: nameOf(urn), reason: firstLine(message) },
    };
  }
  const cause = errors.find(({ message }) => !isSummary(message)) ?? errors[0];
  const said = cause?.message ?? text;
  const facts = { ...base, resource: nameOf(cause?.urn), reason: reasonOf(said), done };
  if (API_DISABLED.test(said))
    return { code: 'STACK_API_DISABLED', facts: { ...facts, api: API.exec(said)?.[1] ?? 'the API' } };
  if (QUOTA.test(said)) return { code: 'STACK_QUOTA', facts };
  if (LAG.test(said)) return { code: 'STACK_IAM_LAG', facts };
  if (cause === undefined || cause.urn === undefined || isProgram(said))
    return { code: isProgram(said) ? 'STACK_PROGRAM' : 'STACK_ENGINE_FAILED', facts };
  return { code: 'STACK_FAILED', facts: EXISTS.test(said) ? { ...facts, exists: 'yes' } : facts };
}

/** Resources that the cloud refused to make because they are there. */
export function existing(errors: Evidence['errors']): ReadonlySet<string> {
  return new Set(errors.flatMap(({ urn, message }) => (urn !== undefined && EXISTS.test(message) ? [urn] : [])));
}

/** The end of a urn: `acme-runner`; of none, the stack. */
export function nameOf(urn: string | undefined): string {
  return urn === undefined || urn === '' ? 'the stack' : (urn.split('::').at(-1) ?? urn);
}

/** The engine repeats at the stack's own level that something below failed. */
function isSummary(message: string): boolean {
  return /^(?:update|preview|destroy|refresh) failed$|^resource .* failed|^\d+ errors? occurred:?$/i.test(
    message.trim(),
  );
}

function isProgram(message: string): boolean {
  return /Unhandled exception|^\w*Error: |inline program/.test(message);
}

/** The telling line: providers wrap theirs as `1 error occurred:\n\t* Error creating …`. */
function reasonOf(message: string): string {
  const lines = message
    .split('\n')
    .map((line) => line.replace(/^\s*\*\s*/, '').trim())
    .filter((line) => line !== '' && !/^\d+ errors? occurred:?$/.test(line));
  return (lines[0] ?? 'the engine gave no reason').slice(0, 600).replace(/\.$/, '');
}

function firstLine(message: string): string {
  return (message.split('\n').find((line) => line.trim() !== '') ?? message).trim().replace(/\.$/, '');
}
