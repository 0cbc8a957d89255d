import { cronProblem, isTimeZone } from '../cron.ts';
import { type Finding, type Path, valueFinding } from '../issues.ts';
import { suggest } from '../suggest.ts';
import type { Draft } from './draft.ts';

const NICKNAMES: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

export function* checkSchedules(draft: Draft): Iterable<Finding> {
  for (const [name, { schedule }] of draft.sources) {
    if (schedule === undefined) continue;
    const path = ['sources', name, 'schedule'];
    const problem = cronProblem(schedule.cron);
    if (problem !== null) {
      const plain = NICKNAMES[schedule.cron.trim()] ?? (problem.startsWith('fires') ? '*/5 * * * *' : '0 3 * * *');
      yield valueFinding(
        [...path, 'cron'],
        `cron "${schedule.cron}": ${problem}`,
        `write for example cron: "${plain}"`,
      );
    }
    yield* zone(path, schedule);
  }
}

/** A time zone that there is not. */
export function* zone(path: Path, part: { readonly timeZone: string } | undefined): Iterable<Finding> {
  if (part === undefined || isTimeZone(part.timeZone)) return;
  const near = suggest(part.timeZone, Intl.supportedValuesOf('timeZone'));
  const fix = near === undefined ? 'write an IANA name such as Europe/Warsaw or UTC' : `did you mean ${near}?`;
  yield valueFinding([...path, 'timeZone'], `there is no time zone ${part.timeZone}`, fix);
}
