/** What happens to one run on BigQuery: at which calls, and what. Pure; the seed decides. */
import type { Fault } from '../cloud/emulators/fault.ts';
import type { Random } from './random.ts';

/** The process dies: before the server hears the call, while it works on it, or before the process hears the answer. */
export type KillAt = 'arrived' | 'passed' | 'answered';

/** The fault meets the nth call of a step, counted from 1. */
export interface Hit {
  readonly step: string;
  readonly nth: number;
  readonly fault: Fault | KillAt;
}

export interface Schedule {
  readonly hits: readonly Hit[];
  /** Kills at a moment of its own. */
  readonly killAfterMs: number | null;
  /** How wrong the process takes the time to be. */
  readonly skewHours: number;
  /** How wrong the servers' clock is. */
  readonly serverHours: number;
  /** Codes with which the run may end. */
  readonly mayFail: readonly string[];
}

const SHORT = 'Quota exceeded: Your user exceeded quota for concurrent queries per 100 seconds.';
const DAY = 'Quota exceeded: Your table exceeded quota for imports or query appends per table per day.';
const QUOTA: Fault = { how: 'answer', error: 'quotaExceeded', message: SHORT };

/** After each of them the same call may succeed. */
export const PASSING_FAULTS: readonly Fault[] = [
  { how: 'lose answer' },
  { how: 'lose request' },
  { how: 'answer', error: 'backendError', work: true },
  { how: 'answer', error: 'backendError' },
  { how: 'answer', error: 'internalError' },
  { how: 'answer', error: 'tooManyRequests' },
  { how: 'answer', error: 'rateLimitExceeded' },
  QUOTA,
  { how: 'answer', error: 'badGateway' },
  { how: 'reset', during: 'request' },
  { how: 'reset', during: 'answer' },
];

/** For inserts of jobs alone. */
const JOB_FAULTS: readonly Fault[] = [
  { how: 'vanish', work: false },
  { how: 'vanish', work: true },
  { how: 'fail job', reason: 'backendError' },
  { how: 'fail job', reason: 'rateLimitExceeded' },
];

export const QUOTA_OF_THE_DAY: Fault = { how: 'answer', error: 'quotaExceeded', message: DAY };

const KILLS: readonly KillAt[] = ['answered', 'passed', 'arrived'];
const SKEWS = [-26, -3, 2, 9, 49];
const JOB = /^(?!read)[a-z_]+: insert$/;

/** For the report: `kill passed`, `quotaExceeded`, `lose answer`. */
export function faultName(fault: Fault | KillAt): string {
  if (typeof fault === 'string') return `kill ${fault}`;
  switch (fault.how) {
    case 'answer':
      return `${fault.error}${fault.work === true ? ' after the work' : ''}`;
    case 'reset':
      return `reset during ${fault.during}`;
    case 'vanish':
      return `job vanished ${fault.work ? 'with' : 'without'} its work`;
    case 'fail job':
      return `job failed: ${fault.reason}`;
    default:
      return fault.how;
  }
}

/** How often each step was met by a fault of a sort, over all runs of a session. */
export class Coverage {
  readonly #met = new Map<string, number>();

  add(sort: string, step: string): void {
    const key = `${sort} ${step}`;
    this.#met.set(key, (this.#met.get(key) ?? 0) + 1);
  }

  count(sort: string, step: string): number {
    return this.#met.get(`${sort} ${step}`) ?? 0;
  }

  /** `kill commit: insert` and how often, by name. */
  get summary(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#met].toSorted(([a], [b]) => a.localeCompare(b)));
  }
}

/**
 * Chooses what was met least so far.
 *
 * @param calls steps of the run to come, one for each call, in their order; empty where nobody knows them yet
 */
export function scheduleOf(number: number, calls: readonly string[], coverage: Coverage, random: Random): Schedule {
  const steps = [...new Set(calls)];
  const clocks = {
    skewHours: random.chance(0.25) ? random.pick(SKEWS) : 0,
    serverHours: random.chance(0.15) ? random.pick(SKEWS) : 0,
  };
  if (steps.length === 0 || number % 8 === 7)
    return { hits: [], killAfterMs: random.between(300, 4000), mayFail: [], ...clocks };
  const dies = number % 8 !== 2;
  const killStep = dies ? leastMet(steps, 'kill', coverage, random) : null;
  const until = killStep === null ? steps.length : steps.indexOf(killStep);
  const hits: Hit[] = [];
  const before = steps.slice(0, until);
  for (let wanted = dies ? random.between(1, 3) : random.between(3, 6); wanted > 0 && before.length > 0; wanted--) {
    const step = leastMet(before, 'answer', coverage, random);
    before.splice(before.indexOf(step), 1);
    hits.push({ step, nth: nthOf(step, calls, random), fault: passing(step, coverage, random) });
  }
  if (killStep !== null) {
    const at = KILLS[coverage.count('kill', killStep) % KILLS.length] as KillAt;
    hits.push({ step: killStep, nth: nthOf(killStep, calls, random), fault: at });
  } else if (random.chance(0.3) && steps.some((step) => JOB.test(step))) {
    hits.push({ step: random.pick(steps.filter((step) => JOB.test(step))), nth: 1, fault: QUOTA_OF_THE_DAY });
  }
  const mayFail = hits.some(({ fault }) => fault === QUOTA_OF_THE_DAY) ? ['WAREHOUSE_QUOTA'] : [];
  return { hits, killAfterMs: null, mayFail, ...clocks };
}

function leastMet(steps: readonly string[], sort: string, coverage: Coverage, random: Random): string {
  const least = Math.min(...steps.map((step) => coverage.count(sort, step)));
  return random.pick(steps.filter((step) => coverage.count(sort, step) === least));
}

function nthOf(step: string, calls: readonly string[], random: Random): number {
  return random.between(1, Math.min(3, calls.filter((call) => call === step).length));
}

function passing(step: string, coverage: Coverage, random: Random): Fault {
  if (JOB.test(step) && random.chance(0.3)) return random.pick(JOB_FAULTS);
  // Cloud Storage has no quota that passes.
  const faults = step.startsWith('objects') ? PASSING_FAULTS.filter((fault) => fault !== QUOTA) : PASSING_FAULTS;
  return faults[(coverage.count('answer', step) + random.between(0, faults.length - 1)) % faults.length] as Fault;
}
