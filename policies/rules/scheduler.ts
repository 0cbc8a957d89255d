/** Cloud Scheduler. */
import { cronProblem, isTimeZone } from '../../tenants/cron.ts';
import { PLATFORM } from '../../tenants/naming.ts';
import { limit, type Resource, resourceRule } from '../rule.ts';

interface Token {
  readonly serviceAccountEmail?: string;
  readonly audience?: string;
}

/** Inputs of `gcp:cloudscheduler/job:Job`. */
export interface SchedulerJob {
  readonly name?: string;
  readonly schedule?: string;
  readonly timeZone?: string;
  readonly attemptDeadline?: string;
  readonly retryConfig?: { readonly retryCount?: number };
  readonly httpTarget?: { readonly uri?: string; readonly oidcToken?: Token; readonly oauthToken?: Token };
}

export const SCHEDULER_JOB = 'gcp:cloudscheduler/job:Job';

export const schedulerRules = [
  resourceRule({
    id: 'sched-oidc',
    level: 'mandatory',
    description: 'A schedule calls an HTTPS address and proves who it is, for an explicit audience.',
    why: 'Without a target nothing is called; without an audience the whole address is taken, which Cloud Run refuses.',
    fix: 'Set httpTarget.uri (https) and httpTarget.oidcToken with serviceAccountEmail and audience; oauthToken is for *.googleapis.com.',
    types: [SCHEDULER_JOB],
    *check({ props: { httpTarget } }: Resource<SchedulerJob>) {
      if (!httpTarget) return yield 'has no httpTarget.';
      const { oidcToken, oauthToken } = httpTarget;
      if (!oidcToken && !oauthToken) yield 'calls without a token.';
      if (oidcToken && !oidcToken.serviceAccountEmail) yield 'has a token of no service account.';
      if (oidcToken && !oidcToken.audience) yield 'has a token without an explicit audience.';
      const address = URL.parse(httpTarget.uri ?? '');
      if (address?.protocol !== 'https:') yield `calls ${httpTarget.uri || 'no address'}, which is not https.`;
      if (oauthToken && !address?.hostname.endsWith('.googleapis.com'))
        yield `sends an access token to ${address?.hostname ?? 'an unknown host'}.`;
    },
  }),
  resourceRule({
    id: 'sched-bounded',
    level: 'mandatory',
    description: 'A schedule says how long and how often it tries, in which time zone, and is not too frequent.',
    why: 'The webhook answers at once; a long deadline or many retries only pile up calls of the same tick.',
    fix: 'Set retryConfig.retryCount, attemptDeadline and timeZone; use a cron of every 5 minutes or less often. The sweep of the platform alone may come every minute.',
    types: [SCHEDULER_JOB],
    settings: {
      retries: limit(5, 'Most retries of a tick.'),
      deadlineSeconds: limit(300, 'Longest deadline of an attempt, in seconds.'),
    },
    *check({ props }: Resource<SchedulerJob>, { settings }) {
      const retries = props.retryConfig?.retryCount;
      if (retries === undefined) yield 'does not set retryConfig.retryCount.';
      else if (retries > settings.retries) yield `retries ${retries} times; ${settings.retries} are allowed.`;
      const deadline = seconds(props.attemptDeadline);
      if (deadline === undefined) yield 'does not set attemptDeadline.';
      else if (!(deadline <= settings.deadlineSeconds))
        yield `waits ${props.attemptDeadline}; ${settings.deadlineSeconds}s are allowed.`;
      const { timeZone = '' } = props;
      if (!isTimeZone(timeZone)) yield `has no time zone of the tz database: ${timeZone || 'none'}.`;
      const { schedule = '' } = props;
      const problem = props.name === PLATFORM.sweep ? cronProblem(schedule, 1) : cronProblem(schedule);
      if (problem !== null) yield `has the cron "${schedule}": ${problem}.`;
    },
  }),
];

/** Seconds of a duration as Google writes it: `300s`. `NaN` where it is no duration. */
export function seconds(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : Number(/^(\d+(?:\.\d+)?)s$/.exec(duration)?.[1] ?? Number.NaN);
}
