/** When a server may be read. Pure. */
import type { HoursSpec } from './schema/protect.ts';

const MINUTE = 60_000;
/** A day of 25 hours, and one on which the hours do not come, are within it. */
const SEARCH_MINUTES = 2 * 24 * 60;

/** Whether it is within the hours at that moment, by the clocks of their time zone. */
export function isOpen(hours: HoursSpec, at: Date): boolean {
  return isWithin(hours, clockOf(hours), at);
}

/** The moment itself where it is within the hours, else the first minute after it that is. */
export function nextOpening(hours: HoursSpec, at: Date): Date {
  const clock = clockOf(hours);
  if (isWithin(hours, clock, at)) return at;
  const first = Math.ceil(at.getTime() / MINUTE) * MINUTE;
  for (let i = 0; i <= SEARCH_MINUTES; i++) {
    const minute = new Date(first + i * MINUTE);
    if (isWithin(hours, clock, minute)) return minute;
  }
  throw new RangeError(`never open: ${hours.from} to ${hours.to}, ${hours.timeZone}`);
}

function isWithin({ from, to }: HoursSpec, clock: Intl.DateTimeFormat, at: Date): boolean {
  const now = clock.format(at);
  return from < to ? from <= now && now < to : now >= from || now < to;
}

/** Writes the time of day there: `22:00`. */
function clockOf({ timeZone }: HoursSpec): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}
