/** What the proxy can do to a call, and to which one. */

/** Where the client is left when its answer does not come: cut off at once, or waiting until the proxy stops. */
export type Silence = 'reset' | 'hang';

export type Fault =
  /** The server does the work; its answer is lost. */
  | { readonly how: 'lose answer'; readonly then?: Silence }
  /** The server never hears of it. */
  | { readonly how: 'lose request'; readonly then?: Silence }
  /** The client gets Google's error; the server never hears of it, or with `work` has done it. */
  | { readonly how: 'answer'; readonly error: GoogleError; readonly message?: string; readonly work?: boolean }
  /** The connection breaks after the first bytes of the request, or of the answer (the work is done then). */
  | { readonly how: 'reset'; readonly during: 'request' | 'answer' }
  | { readonly how: 'delay'; readonly ms: number }
  /** One byte of the body arrives changed; `at` counts from the body's end where it is negative. */
  | { readonly how: 'flip'; readonly at: number }
  /** jobs.insert is answered well, and afterwards nobody knows the job, whether its work was done or not. */
  | { readonly how: 'vanish'; readonly work: boolean }
  /** jobs.insert is answered well, nothing is done, and the job ends with this error. */
  | { readonly how: 'fail job'; readonly reason: string; readonly message?: string };

export interface FaultRule {
  /** As in `POST`; any by default. */
  readonly method?: string;
  /** Tested on the path with its query. */
  readonly path?: RegExp;
  /** Tested on the job's id; a call without one does not match. */
  readonly job?: RegExp;
  /** Tested on the request's body, as text. */
  readonly body?: RegExp;
  /** Whatever else decides; asked last. */
  readonly when?: (call: StruckCall) => boolean;
  /** The first call it strikes, counted among those that match; default 1. */
  readonly nth?: number;
  /** How many calls it strikes from there on; default 1. */
  readonly times?: number;
  readonly fault: Fault;
  /** At the moment a call is struck, before anything else becomes of it. */
  readonly onArrive?: () => void;
  /** When the server has answered a call that is struck, before the client hears of it. */
  readonly onAnswer?: () => void;
}

/** A call as rules see it. */
export interface StruckCall {
  readonly method: string;
  readonly url: string;
  readonly jobId: string | null;
  readonly text: () => string;
}

export type GoogleError = keyof typeof ERRORS;

const ERRORS = {
  rateLimitExceeded: [403, 'PERMISSION_DENIED', 'Exceeded rate limits: too many api requests per user per method'],
  quotaExceeded: [403, 'PERMISSION_DENIED', 'Quota exceeded: Your table exceeded quota for imports or query appends'],
  tooManyRequests: [429, 'RESOURCE_EXHAUSTED', 'Too many requests'],
  internalError: [500, 'INTERNAL', 'An internal error occurred and the request could not be completed'],
  badGateway: [502, 'UNAVAILABLE', 'Bad Gateway'],
  backendError: [503, 'UNAVAILABLE', 'Error encountered during execution. Retrying may solve the problem.'],
  forbidden: [403, 'PERMISSION_DENIED', 'Access Denied: Permission denied'],
  authError: [401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.'],
  preconditionFailed: [412, 'FAILED_PRECONDITION', 'At least one of the pre-conditions you specified did not hold.'],
  notFound: [404, 'NOT_FOUND', 'Not found'],
} as const;

/** Google's JSON error and its status. */
export function googleError(reason: GoogleError, words?: string): { status: number; body: object } {
  const [code, status, usual] = ERRORS[reason];
  const message = words ?? usual;
  const domain = reason === 'rateLimitExceeded' || reason === 'quotaExceeded' ? 'usageLimits' : 'global';
  return { status: code, body: { error: { code, message, errors: [{ message, domain, reason }], status } } };
}

/** Picks the rule of each call; rules are asked in order and count for themselves. */
export class FaultPlan {
  #rules: { readonly rule: FaultRule; seen: number }[] = [];

  add(rules: readonly FaultRule[]): void {
    this.#rules.push(...rules.map((rule) => ({ rule, seen: 0 })));
  }

  clear(): void {
    this.#rules = [];
  }

  /** The rules that have not struck as often as they should. */
  pending(): readonly FaultRule[] {
    return this.#rules
      .filter(({ rule, seen }) => seen < (rule.nth ?? 1) + (rule.times ?? 1) - 1)
      .map(({ rule }) => rule);
  }

  next(call: StruckCall): FaultRule | null {
    let chosen: FaultRule | null = null;
    for (const entry of this.#rules) {
      const { method, path, job, body, when, nth = 1, times = 1 } = entry.rule;
      if (method !== undefined && method !== call.method) continue;
      if (path !== undefined && !path.test(call.url)) continue;
      if (job !== undefined && (call.jobId === null || !job.test(call.jobId))) continue;
      if (body !== undefined && !body.test(call.text())) continue;
      if (when !== undefined && !when(call)) continue;
      entry.seen += 1;
      if (chosen === null && entry.seen >= nth && entry.seen < nth + times) chosen = entry.rule;
    }
    return chosen;
  }
}
