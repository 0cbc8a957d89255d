import { Cron } from 'croner';

/** Five fields of digits, names of three letters and `* , - /`: what Cloud Scheduler reads as well. */
const FIVE_FIELDS = /^[\d*,/-]+ +[\d*,/-]+ +[\d*,/-]+ +[\dA-Za-z*,/-]+ +[\dA-Za-z*,/-]+$/;
const LEAST_MINUTES = 5;

/**
 * Why a cron is refused; `null` when it is fine.
 *
 * @param leastMinutes it may not fire more often; default: every five minutes.
 */
export function cronProblem(cron: string, leastMinutes = LEAST_MINUTES): string | null {
  if (cron.startsWith('@')) return 'a nickname is not a cron';
  if (!FIVE_FIELDS.test(cron.trim()))
    return 'must be five fields of digits, names and * , - /: minute hour day month weekday';
  let next: Date | null;
  try {
    next = new Cron(cron.trim(), { mode: '5-part', utcOffset: 0, paused: true }).nextRun();
  } catch (error) {
    return (error as Error).message.replace(/^CronPattern:? */, '').replace(/^./, (first) => first.toLowerCase());
  }
  if (next === null) return 'never fires';
  return tooOften(cron.trim(), leastMinutes) ? `fires more often than every ${leastMinutes} minutes` : null;
}

/** Whether there is a time zone of this name. */
export function isTimeZone(name: string): boolean {
  if (name === 'UTC') return true;
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The first tick after a moment; `null` where none comes. */
export function nextTick(schedule: { cron: string; timeZone: string }, after: Date): Date | null {
  return new Cron(schedule.cron, { mode: '5-part', timezone: schedule.timeZone, paused: true }).nextRun(after);
}

function tooOften(cron: string, leastMinutes: number): boolean {
  const [minuteField = '', hourField = ''] = cron.split(/ +/);
  const minutes = values(minuteField, 60);
  const hours = new Set(values(hourField, 24));
  const within = minutes.some((minute, i) => i > 0 && minute - (minutes[i - 1] ?? 0) < leastMinutes);
  const across = (minutes[0] ?? 0) + 60 - (minutes.at(-1) ?? 0) < leastMinutes;
  return within || (across && [...hours].some((hour) => hours.has((hour + 1) % 24)));
}

function values(field: string, size: number): number[] {
  const found = new Set<number>();
  for (const part of field.split(',')) {
    const [range = '', step = '1'] = part.split('/');
    const [from = '0', to = from] = range === '*' ? ['0', String(size - 1)] : range.split('-');
    for (let value = Number(from); value <= Number(to); value += Number(step)) found.add(value);
  }
  return [...found].sort((a, b) => a - b);
}
