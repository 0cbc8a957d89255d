/** Which tick of a schedule is due. Pure. */
import { nextTick } from '../../tenants/cron.ts';

const MINUTE = 60_000;
/** Looked through from the nearest on, so that few ticks are counted whatever the cron. */
const SPANS = [10 * MINUTE, 60 * MINUTE, 6 * 60 * MINUTE, 24 * 60 * MINUTE];

/**
 * The newest tick after one moment and not after another; `null` where there is none. By the same counting forward as
 * everywhere, so that days on which clocks change have the ticks that the schedule itself has.
 */
export function newestTick(
  schedule: { readonly cron: string; readonly timeZone: string },
  { after, until }: { readonly after: Date; readonly until: Date },
): Date | null {
  for (const span of [...SPANS, Number.POSITIVE_INFINITY]) {
    const from = new Date(Math.max(after.getTime(), until.getTime() - span));
    const found = lastBetween(schedule, from, until);
    if (found !== null || from.getTime() === after.getTime()) return found;
  }
  return null;
}

function lastBetween(schedule: { cron: string; timeZone: string }, from: Date, until: Date): Date | null {
  let last: Date | null = null;
  for (let tick = nextTick(schedule, from); tick !== null && tick <= until; tick = nextTick(schedule, tick))
    last = tick;
  return last;
}
