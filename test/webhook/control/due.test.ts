import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newestTick } from '../../../webhook/control/due.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Around the changes of clocks of 2026, forward and back; Lord Howe's are of half an hour. */
const CHANGES = [
  ['Europe/Warsaw', '2026-03-29T01:00Z'],
  ['Europe/Warsaw', '2026-10-25T01:00Z'],
  ['America/New_York', '2026-03-08T07:00Z'],
  ['America/New_York', '2026-11-01T06:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00Z'],
  ['Asia/Kathmandu', '2026-06-01T00:00Z'],
  ['UTC', '2026-03-29T01:00Z'],
] as const;

/** What clocks on the wall show: minutes since the year 0, as if every day had 24 hours. */
function wallClock(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit' },
  });
  return (at) => {
    const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(part.year ?? 0, (part.month ?? 0) - 1, part.day, part.hour, part.minute) / MINUTE;
  };
}

/** Every minute of the window that the wall says is one, newest first. */
function newestOnTheWall(
  timeZone: string,
  hour: number | null,
  minute: number,
  after: number,
  until: number,
): string | null {
  const wall = wallClock(timeZone);
  const from = Math.floor(after / MINUTE) * MINUTE;
  const ticks: number[] = [];
  if (hour === null) {
    for (let at = from; at <= until; at += MINUTE) if (wall(at) % 60 === minute) ticks.push(at);
  } else {
    // A fixed time is the first moment of its day at which the wall shows it, or has passed it by.
    const days = new Set<number>();
    let before = wall(from - DAY - MINUTE);
    for (let at = from - DAY; at <= until; at += MINUTE) {
      const now = wall(at);
      const day = Math.floor(now / 1440);
      const due = day * 1440 + hour * 60 + minute;
      if (now >= due && before < due && !days.has(day)) {
        days.add(day);
        ticks.push(at);
      }
      before = now;
    }
  }
  const newest = ticks.filter((at) => at > after && at <= until).at(-1);
  return newest === undefined ? null : new Date(newest).toISOString();
}

describe('the newest tick that is due', () => {
  test('is the one that the clock on the wall showed last, also on days on which clocks change', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CHANGES),
        fc.option(fc.integer({ min: 0, max: 4 }), { nil: null, freq: 3 }),
        fc.integer({ min: 0, max: 59 }),
        fc.integer({ min: -20 * 60, max: 20 * 60 }),
        fc.integer({ min: 1, max: 14 * 60 }),
        fc.integer({ min: 0, max: 59_999 }),
        ([timeZone, change], hour, minute, offset, length, milliseconds) => {
          const until = Date.parse(change) + offset * MINUTE + milliseconds;
          const after = until - length * MINUTE;
          const found = newestTick(
            { cron: `${minute} ${hour ?? '*'} * * *`, timeZone },
            { after: new Date(after), until: new Date(until) },
          );
          expect(found?.toISOString() ?? null).toBe(newestOnTheWall(timeZone, hour, minute, after, until));
        },
      ),
      { numRuns: 150, seed: 20261124 },
    );
  }, 120_000);

  test.each([
    ['its own moment counts', '2026-11-24T08:00Z', '2026-11-24T09:00Z', '2026-11-24T09:00:00.000Z'],
    ['the moment it begins after does not', '2026-11-24T09:00Z', '2026-11-24T09:04Z', null],
    ['nothing lies between', '2026-11-24T09:01Z', '2026-11-24T09:04Z', null],
  ])('%s', (_, after, until, wanted) => {
    const schedule = { cron: '*/15 * * * *', timeZone: 'UTC' };
    const found = newestTick(schedule, { after: new Date(after), until: new Date(until) });
    expect(found?.toISOString() ?? null).toBe(wanted);
  });

  test('of a rare schedule is found a year back, and none before the window', () => {
    const schedule = { cron: '0 3 29 2 *', timeZone: 'UTC' };
    const until = new Date('2026-11-24T09:00Z');
    expect(newestTick(schedule, { after: new Date('2024-01-01T00:00Z'), until })?.toISOString()).toBe(
      '2024-02-29T03:00:00.000Z',
    );
    expect(newestTick(schedule, { after: new Date('2025-01-01T00:00Z'), until })).toBeNull();
  });
});
