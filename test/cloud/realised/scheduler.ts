/**
 * Cloud Scheduler on this machine: its jobs are those of the simulated cloud, its calls are real. Its clock is pushed on tick
 * by tick, or it runs by itself with a clock that it is given.
 */
import { nextTick } from '../../../tenants/cron.ts';
import type { Clock } from '../../../webhook/scheduler/clock.ts';
import { type ScheduledJob, type Scheduler, startScheduler } from '../../../webhook/scheduler/scheduler.ts';
import type { TokenIssuer } from '../../servers/issuer.ts';
import type { CloudResource, Store } from '../store.ts';
import { isObject, stringAt } from '../values.ts';
import { idToken } from './accounts.ts';

export const SCHEDULE = 'gcp:cloudscheduler/job:Job';

/** A call at a tick, or a repetition of it. */
export interface Call {
  /** Of the job: `tributary-acme_orders`. */
  readonly job: string;
  /** The moment the schedule meant. */
  readonly at: Date;
  /** 0: there was no answer. */
  readonly status: number;
  readonly body: string;
}

export interface SchedulerOptions {
  readonly store: Store;
  readonly issuer: TokenIssuer;
  /** Where an address of a service is on this machine: `https://….run.app/x` → `http://127.0.0.1:…/x`. */
  readonly locate: (uri: string) => string;
}

const DEADLINE_MS = 60_000;
const MOST_TRIES = 4;

export class LocalScheduler {
  readonly #options: SchedulerOptions;
  #now: Date;

  /** @param now where its clock stands */
  constructor(options: SchedulerOptions, now: Date = new Date()) {
    this.#options = options;
    this.#now = now;
  }

  get now(): Date {
    return this.#now;
  }

  /** Jobs that fire, and when next. */
  upcoming(): readonly { readonly job: CloudResource; readonly at: Date }[] {
    return this.#jobs()
      .filter(({ inputs }) => inputs.paused !== true)
      .flatMap((job) => {
        const at = nextTick(timesOf(job), this.#now);
        return at === null ? [] : [{ job, at }];
      })
      .sort((a, b) => a.at.getTime() - b.at.getTime());
  }

  /**
   * One tick: the clock goes on to the next moment at which a job is due, and all that are due then fire.
   *
   * @param only the job that is waited for; what is due before it is passed over, as if it were paused
   */
  async tick(only?: string): Promise<readonly Call[]> {
    const due = this.upcoming().filter(({ job }) => only === undefined || nameOf(job) === only);
    const [first] = due;
    if (first === undefined) throw new Error(only === undefined ? 'No job will ever fire' : `${only} will never fire`);
    this.#now = first.at;
    const now = due.filter(({ at }) => at.getTime() === first.at.getTime());
    return (await Promise.all(now.map(({ job, at }) => this.fire(nameOf(job), at)))).flat();
  }

  /** From here on jobs fire by themselves, with their retries, as this clock goes; the machine's own by default. */
  start({ clock, onCall = () => {} }: { clock?: Clock; onCall?: (call: Call) => void } = {}): Scheduler {
    const jobs = async (): Promise<readonly ScheduledJob[]> =>
      this.#jobs().map((job) => ({ name: nameOf(job), ...timesOf(job), paused: job.inputs.paused === true }));
    return startScheduler({
      jobs,
      fire: async ({ job: { name }, at }) => {
        const job = this.#jobs().find((one) => nameOf(one) === name);
        if (job === undefined) return;
        const call = await this.#call(job, at);
        onCall(call);
        if (!isGood(call)) throw new Error(`${name}: ${call.status}`);
      },
      ...(clock === undefined ? {} : { clock }),
    });
  }

  /** The calls of one tick: until a good answer, or as often as the job says. Waits between them are left out. */
  async fire(name: string, at: Date): Promise<readonly Call[]> {
    const job = this.#jobs().find((one) => nameOf(one) === name);
    if (job === undefined) throw new Error(`There is no job ${name}`);
    const retries = retryCount(job);
    const calls: Call[] = [];
    for (let attempt = 0; attempt <= Math.min(retries, MOST_TRIES); attempt++) {
      const call = await this.#call(job, at);
      calls.push(call);
      if (isGood(call)) break;
    }
    return calls;
  }

  #jobs(): readonly CloudResource[] {
    return this.#options.store.list(SCHEDULE);
  }

  async #call(job: CloudResource, at: Date): Promise<Call> {
    const { store, issuer, locate } = this.#options;
    const target = job.inputs.httpTarget;
    if (!isObject(target)) throw new Error(`${job.id} calls no address`);
    const account = stringAt(target, 'oidcToken.serviceAccountEmail');
    const uri = stringAt(target, 'uri') ?? '';
    const headers: Record<string, string> = {
      ...(isObject(target.headers) ? (target.headers as Record<string, string>) : {}),
      'user-agent': 'Google-Cloud-Scheduler',
      'x-cloudscheduler': 'true',
      'x-cloudscheduler-jobname': nameOf(job),
      'x-cloudscheduler-scheduletime': at.toISOString().replace('.000Z', 'Z'),
    };
    if (account !== undefined) {
      const audience = stringAt(target, 'oidcToken.audience') ?? uri;
      headers.authorization = `Bearer ${await idToken(issuer, store, account, audience)}`;
    }
    const body = Buffer.from(stringAt(target, 'body') ?? '', 'base64');
    const said = { job: nameOf(job), at };
    try {
      const answer = await fetch(locate(uri), {
        method: stringAt(target, 'httpMethod') ?? 'POST',
        headers,
        body,
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      return { ...said, status: answer.status, body: await answer.text() };
    } catch (error) {
      return { ...said, status: 0, body: (error as Error).message };
    }
  }
}

function isGood({ status }: Call): boolean {
  return status >= 200 && status < 300;
}

function nameOf({ id }: CloudResource): string {
  return id.split('/').at(-1) ?? '';
}

function retryCount({ inputs }: CloudResource): number {
  const { retryConfig } = inputs;
  return isObject(retryConfig) ? Number(retryConfig.retryCount ?? 0) : 0;
}

function timesOf({ inputs }: CloudResource): { cron: string; timeZone: string } {
  return { cron: stringAt(inputs, 'schedule') ?? '', timeZone: stringAt(inputs, 'timeZone') ?? 'Etc/UTC' };
}
