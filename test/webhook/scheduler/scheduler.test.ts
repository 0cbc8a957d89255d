import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SIZES } from '../../../components/sizing.ts';
import { backoffSeconds, RETRY } from '../../../webhook/scheduler/retry.ts';
import {
  type Firing,
  type Happening,
  type ScheduledJob,
  type Scheduler,
  startScheduler,
} from '../../../webhook/scheduler/scheduler.ts';
import { SteppedClock } from './stepped-clock.ts';

/** So that a year of ticks does not wake the clock every two seconds. */
const RELOAD_MS = 10 * 60_000;

class Scene implements AsyncDisposable {
  readonly clock: SteppedClock;
  readonly fired: Firing[] = [];
  readonly happenings: Happening[] = [];
  readonly scheduler: Scheduler;
  jobs: readonly ScheduledJob[];
  fire: (firing: Firing, signal: AbortSignal) => Promise<void> = async () => {};

  constructor(start: string, jobs: readonly ScheduledJob[], reloadMs = RELOAD_MS) {
    this.clock = new SteppedClock(start);
    this.jobs = jobs;
    this.scheduler = startScheduler({
      jobs: async () => this.jobs,
      fire: (firing, signal) => {
        this.fired.push(firing);
        return this.fire(firing, signal);
      },
      clock: this.clock,
      reloadMs,
      onHappening: (happening) => this.happenings.push(happening),
    });
  }

  get ticks(): readonly string[] {
    return this.fired.map(({ at }) => at.toISOString());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scheduler[Symbol.asyncDispose]();
  }
}

function job(cron: string, timeZone = 'UTC', more: Partial<ScheduledJob> = {}): ScheduledJob {
  return { name: 'acme/orders', cron, timeZone, paused: false, ...more };
}

test('every tick is called once, at its time, and says which it is', async () => {
  await using scene = new Scene('2026-05-01T00:00:30Z', [job('*/5 * * * *')]);
  const calledAt: string[] = [];
  scene.fire = async () => {
    calledAt.push(scene.clock.now().toISOString());
  };
  await scene.clock.advanceTo('2026-05-01T00:20:59Z');
  const expected = ['05', '10', '15', '20'].map((minute) => `2026-05-01T00:${minute}:00.000Z`);
  expect(scene.ticks).toEqual(expected);
  expect(calledAt).toEqual(expected);
});

describe('clocks that change', () => {
  test('02:30 in Warsaw: once on the day it does not exist, once on the day it comes twice', async () => {
    await using spring = new Scene('2026-03-28T12:00:00Z', [job('30 2 * * *', 'Europe/Warsaw')]);
    await spring.clock.advanceTo('2026-03-30T12:00:00Z');
    expect(spring.ticks).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
    await using autumn = new Scene('2026-10-24T12:00:00Z', [job('30 2 * * *', 'Europe/Warsaw')]);
    await autumn.clock.advanceTo('2026-10-26T12:00:00Z');
    expect(autumn.ticks).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
  });

  test('half an hour in Lord Howe', async () => {
    await using scene = new Scene('2026-10-03T00:00:00Z', [job('10 2 * * *', 'Australia/Lord_Howe')]);
    await scene.clock.advanceTo('2026-10-05T00:00:00Z');
    expect(scene.ticks).toEqual(['2026-10-03T15:30:00.000Z', '2026-10-04T15:10:00.000Z']);
  });

  const zones = ['Europe/Warsaw', 'America/New_York', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'UTC'];
  /** The local wall clock of a moment, without croner. */
  const local = (timeZone: string) => {
    const format = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    return (at: Date) => format.format(at);
  };

  test('a daily time is called once on each local day of a year, at that time unless it does not exist', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...zones),
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 59 }),
        async (timeZone, hour, minute) => {
          await using scene = new Scene(
            '2026-01-01T12:00:00Z',
            [job(`${minute} ${hour} * * *`, timeZone)],
            7 * 24 * 3_600_000,
          );
          await scene.clock.advanceTo('2026-12-31T12:00:00Z');
          const day = new Intl.DateTimeFormat('en-CA', { timeZone });
          const days = scene.fired.map(({ at }) => day.format(at));
          expect(new Set(days).size).toBe(days.length);
          expect(days.length).toBeGreaterThanOrEqual(363);
          expect(days.length).toBeLessThanOrEqual(365);
          const wanted = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
          const others = scene.fired.filter(({ at }) => local(timeZone)(at) !== wanted);
          // Only the one gap of the year moves a tick, and only to its end.
          expect(others.length).toBeLessThanOrEqual(1);
          for (const { at } of others)
            expect(offset(timeZone, at)).not.toBe(offset(timeZone, new Date(at.getTime() - 1)));
        },
      ),
      { numRuns: 12 },
    );
  });

  test('a schedule with * in its hours keeps its rhythm through every change', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...zones),
        fc.constantFrom(5, 10, 15, 30),
        fc.constantFrom('2026-03-28T20:00:00Z', '2026-10-24T20:00:00Z', '2026-04-04T06:00:00Z', '2026-10-31T20:00:00Z'),
        async (timeZone, minutes, start) => {
          await using scene = new Scene(start, [job(`*/${minutes} * * * *`, timeZone)]);
          const end = new Date(new Date(start).getTime() + 14 * 3_600_000);
          await scene.clock.advanceTo(end);
          expect(scene.fired).toHaveLength((14 * 60) / minutes);
          const gaps = scene.fired.slice(1).map(({ at }, i) => at.getTime() - (scene.fired[i]?.at.getTime() ?? 0));
          expect(new Set(gaps)).toEqual(new Set([minutes * 60_000]));
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('a call that fails', () => {
  test('waits as Cloud Scheduler documents it', () => {
    const documented = { minBackoffSeconds: 10, maxBackoffSeconds: 300, maxDoublings: 3 };
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((retry) => backoffSeconds(documented, retry));
    expect(waits).toEqual([10, 20, 40, 80, 160, 240, 300, 300]);
  });

  test('is made again as often as a schedule of the cloud would', async () => {
    expect(RETRY).toEqual(SIZES.schedule);
    await using scene = new Scene('2026-05-01T00:00:00Z', [job('0 3 * * *')]);
    const calledAt: number[] = [];
    scene.fire = async () => {
      calledAt.push(scene.clock.now().getTime());
      throw new Error('down');
    };
    await scene.clock.advanceTo('2026-05-01T12:00:00Z');
    const start = Date.parse('2026-05-01T03:00:00Z');
    expect(calledAt.map((at) => (at - start) / 1000)).toEqual([0, 10, 30, 70]);
    expect(scene.fired.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(new Set(scene.ticks)).toEqual(new Set(['2026-05-01T03:00:00.000Z']));
    expect(scene.happenings.map((one) => one.type === 'failed' && one.last)).toEqual([false, false, false, true]);
  });

  test('is made again until it succeeds, under the same tick', async () => {
    await using scene = new Scene('2026-05-01T00:00:00Z', [job('0 3 * * *')]);
    scene.fire = async ({ attempt }) => {
      if (attempt < 3) throw new Error('down');
    };
    await scene.clock.advanceTo('2026-05-02T04:00:00Z');
    expect(scene.ticks.map((tick) => tick.slice(8, 10))).toEqual(['01', '01', '01', '02', '02', '02']);
  });

  test('has a deadline, and is told to give up then', async () => {
    await using scene = new Scene('2026-05-01T00:00:00Z', [job('0 3 * * *')]);
    const aborted: string[] = [];
    scene.fire = (_, signal) =>
      new Promise(() => signal.addEventListener('abort', () => aborted.push(scene.clock.now().toISOString())));
    await scene.clock.advanceTo('2026-05-01T03:01:05Z');
    expect(aborted).toEqual(['2026-05-01T03:01:00.000Z']);
  });

  test('ends its retries where the next tick begins', async () => {
    await using scene = new Scene('2026-05-01T00:00:00Z', [job('*/5 * * * *')]);
    scene.fire = async (_, signal) => {
      await scene.clock.sleep(55_000, signal);
      throw new Error('slow and down');
    };
    await scene.clock.advanceTo('2026-05-01T00:09:59Z');
    const first = scene.fired.filter(({ at }) => at.toISOString() === '2026-05-01T00:05:00.000Z');
    // 55 s of call and a wait, three times; the fourth would begin at 00:08:55 + 40 s and ends before the next tick.
    expect(first.length).toBe(4);
    await scene.clock.advanceTo('2026-05-01T00:10:00Z');
    expect(scene.ticks.at(-1)).toBe('2026-05-01T00:10:00.000Z');
  });
});

describe('what is late', () => {
  test('two calls of a schedule are never under way at once; a late one is called when the first ends', async () => {
    await using scene = new Scene('2026-05-01T00:00:00Z', [job('*/1 * * * *')]);
    let underWay = 0;
    let most = 0;
    scene.fire = async (_, signal) => {
      most = Math.max(most, ++underWay);
      await scene.clock.sleep(50_000, signal);
      underWay--;
      if (scene.fired.length === 1) throw new Error('once');
    };
    await scene.clock.advanceTo('2026-05-01T00:06:00Z');
    expect(most).toBe(1);
    const ticks = [...new Set(scene.ticks)];
    expect(ticks.length).toBeGreaterThanOrEqual(5);
    expect(ticks).toEqual([...ticks].sort());
  });

  test('ticks before it began are not made up for', async () => {
    await using scene = new Scene('2026-05-01T03:00:01Z', [job('0 3 * * *')]);
    await scene.clock.advanceTo('2026-05-02T02:59:59Z');
    expect(scene.ticks).toEqual([]);
  });

  test('of ticks a sleeping machine missed the newest is called, once', async () => {
    await using scene = new Scene('2026-05-01T00:00:00Z', [job('*/15 * * * *')]);
    await scene.scheduler.ready;
    await scene.clock.jumpTo('2026-05-01T09:20:00Z');
    expect(scene.ticks).toEqual(['2026-05-01T09:15:00.000Z']);
    await scene.clock.advanceTo('2026-05-01T09:30:00Z');
    expect(scene.ticks).toEqual(['2026-05-01T09:15:00.000Z', '2026-05-01T09:30:00.000Z']);
  });

  test('one job that hangs holds up no other', async () => {
    await using scene = new Scene('2026-05-01T00:00:00Z', [
      job('0 * * * *', 'UTC', { name: 'acme/hangs' }),
      job('0 * * * *', 'UTC', { name: 'acme/works' }),
    ]);
    scene.fire = ({ job: { name } }) => (name === 'acme/hangs' ? new Promise(() => {}) : Promise.resolve());
    await scene.clock.advanceTo('2026-05-01T03:00:00Z');
    expect(scene.fired.filter(({ job: { name } }) => name === 'acme/works').map(({ at }) => at.getUTCHours())).toEqual([
      1, 2, 3,
    ]);
  });
});

describe('jobs that change', () => {
  test('a new one begins now, one that is gone stops, one that is paused rests', async () => {
    const every = 1000;
    await using scene = new Scene('2026-05-01T00:00:00Z', [job('0 * * * *')], every);
    await scene.clock.advanceTo('2026-05-01T01:00:00Z');
    scene.jobs = [job('0 * * * *', 'UTC', { paused: true })];
    await scene.clock.advanceTo('2026-05-01T02:30:00Z');
    scene.jobs = [job('0 * * * *')];
    await scene.clock.advanceTo('2026-05-01T02:59:59Z');
    expect(scene.ticks.map((tick) => tick.slice(11, 13))).toEqual(['01']);
    await scene.clock.advanceTo('2026-05-01T03:10:00Z');
    scene.jobs = [job('30 * * * *')];
    await scene.clock.advanceTo('2026-05-01T03:40:00Z');
    scene.jobs = [];
    await scene.clock.advanceTo('2026-05-01T06:00:00Z');
    expect(scene.ticks.map((tick) => tick.slice(11, 16))).toEqual(['01:00', '03:00', '03:30']);
    expect(scene.scheduler.upcoming()).toEqual([]);
  });

  test('while they cannot be read, those known go on', async () => {
    const clock = new SteppedClock('2026-05-01T00:00:00Z');
    const fired: Date[] = [];
    const errors: unknown[] = [];
    let broken = false;
    await using _ = startScheduler({
      jobs: async () => {
        if (broken) throw new Error('folder gone');
        return [job('*/30 * * * *')];
      },
      fire: async ({ at }) => {
        fired.push(at);
      },
      clock,
      reloadMs: 60_000,
      onHappening: (happening) => happening.type === 'unread' && errors.push(happening.error),
    });
    await clock.advanceTo('2026-05-01T00:10:00Z');
    broken = true;
    await clock.advanceTo('2026-05-01T01:00:00Z');
    expect(fired).toHaveLength(2);
    expect(errors.length).toBeGreaterThan(10);
  });

  test('upcoming: the soonest first', async () => {
    await using scene = new Scene('2026-05-01T00:00:00Z', [
      job('0 5 * * *', 'UTC', { name: 'acme/late' }),
      job('0 4 * * *', 'UTC', { name: 'acme/soon' }),
      job('0 3 * * *', 'UTC', { name: 'acme/paused', paused: true }),
    ]);
    await scene.scheduler.ready;
    expect(scene.scheduler.upcoming().map(({ job: { name }, at }) => [name, at.getUTCHours()])).toEqual([
      ['acme/soon', 4],
      ['acme/late', 5],
    ]);
  });
});

test('by the real clock: a tick is never early, and stopping ends it at once', async () => {
  // The first minute that comes is too far away for a test, so the clock runs ahead of the system's.
  const ahead = 60_000 - (Date.now() % 60_000) - 300;
  const fired = Promise.withResolvers<number>();
  const { systemClock } = await import('../../../webhook/scheduler/clock.ts');
  const clock = { now: () => new Date(Date.now() + ahead), sleep: systemClock.sleep };
  const scheduler = startScheduler({
    jobs: async () => [job('* * * * *')],
    fire: async ({ at }) => fired.resolve(clock.now().getTime() - at.getTime()),
    clock,
  });
  const late = await fired.promise;
  expect(late).toBeGreaterThanOrEqual(0);
  await scheduler[Symbol.asyncDispose]();
  expect(scheduler.upcoming()).toHaveLength(1);
});

function offset(timeZone: string, at: Date): string {
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(at);
  return parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
}
