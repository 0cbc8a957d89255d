/** What the session tells its test runner. */
import type { Budget } from './budget.ts';
import type { LiveNames } from './names.ts';

export const LIVE_VARIABLE = 'TRIBUTARY_LIVE_SESSION';

export interface LiveSession {
  readonly project: string;
  readonly location: string;
  readonly budget: Budget;
  readonly names: LiveNames;
}

/** @throws outside of a session. */
export function liveSessionOf(environment: Readonly<Record<string, string | undefined>> = process.env): LiveSession {
  const said = environment[LIVE_VARIABLE];
  if (said === undefined) throw new Error('This suite is started by: npm run live -- --project P');
  return JSON.parse(said) as LiveSession;
}
