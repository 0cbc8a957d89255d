/**
 * Attempts to launch a run, in the store: of all processes that try, one makes the nth attempt, and the next one comes
 * after a pause that doubles.
 */
import { type Control, REMEMBERED } from './context.ts';
import { keys } from './keys.ts';
import { markedAt, newMark } from './mark.ts';

export type Turn =
  | { readonly type: 'mine'; readonly attempt: number }
  /** Another process is at it, or it is too early. */
  | { readonly type: 'later' }
  | { readonly type: 'spent'; readonly attempts: number };

export async function takeTurn(control: Control, runId: string): Promise<Turn> {
  const { store, settings, now } = control;
  const { made, counted, lastAt } = await attemptsOf(control, runId);
  if (counted >= settings.launchAttempts) return { type: 'spent', attempts: counted };
  if (lastAt !== null && now().getTime() < lastAt + pauseAfter(control, counted)) return { type: 'later' };
  const attempt = made + 1;
  const mine = newMark(now());
  const taken = await store.deduplicate(keys.attempt(runId, attempt), mine);
  return taken === mine ? { type: 'mine', attempt } : { type: 'later' };
}

/** The launcher had no room: the next attempt may come at once. */
export async function giveBack({ store }: Control, runId: string, attempt: number): Promise<void> {
  await store.deduplicate(keys.busy(runId, attempt), 'busy');
}

/** When the last attempt was made; `null`: none was. */
export async function lastAttempt(control: Control, runId: string): Promise<number | null> {
  return (await attemptsOf(control, runId)).lastAt;
}

async function attemptsOf({ store, memory }: Control, runId: string) {
  let made = memory.crowded.get(runId) ?? 0;
  let counted = 0;
  let lastAt: number | null = null;
  for (;;) {
    const value = await store.tick(keys.attempt(runId, made + 1));
    if (value === null) return { made, counted, lastAt };
    made += 1;
    const isBusy = (await store.tick(keys.busy(runId, made))) !== null;
    lastAt = isBusy ? null : markedAt(value);
    if (!isBusy) counted += 1;
    else if (counted === 0) remember(memory, runId, made);
  }
}

/** They need not be looked at again. */
function remember({ crowded }: Control['memory'], runId: string, attempts: number): void {
  if (crowded.size >= REMEMBERED) crowded.clear();
  crowded.set(runId, attempts);
}

/** No shorter than an attempt lasts: until then somebody may still be at it. */
function pauseAfter({ settings: { reservationMs, longestPauseMs } }: Control, attempts: number): number {
  return Math.max(reservationMs, Math.min(longestPauseMs, reservationMs * 2 ** (attempts - 1)));
}
