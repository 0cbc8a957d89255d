/** Everything that the store remembers once and for all: ticks, keys of callers, attempts. Pure. */

const MINUTE = 60_000;

/** The moment of a tick: schedules count whole minutes. `null`: that is no moment. */
export function tickOf(at: string): string | null {
  const ms = Date.parse(at);
  return Number.isNaN(ms) ? null : new Date(Math.floor(ms / MINUTE) * MINUTE).toISOString();
}

export const keys = {
  /** The run of a tick. */
  tick: (tenant: string, source: string, tick: string) => `${tenant}/${source}@${tick}`,
  /** The run that a tick met and was left out for. */
  skipped: (tickKey: string) => `skipped:${tickKey}`,
  /** The run of a person's idempotency key. */
  caller: (email: string, key: string) => `key:${email}:${key}`,
  /** The run of a schedule that waits behind another run. */
  behind: (runId: string) => `behind:${runId}`,
  /** Who made the nth attempt to launch a run, and when. */
  attempt: (runId: string, attempt: number) => `launch:${runId}#${attempt}`,
  /** An attempt that met a launcher without room: it does not count. */
  busy: (runId: string, attempt: number) => `busy:${runId}#${attempt}`,
  /** When this platform was first swept: nobody called it before. */
  beginning: 'swept',
  /** When somebody first asked a run to stop. */
  cancelled: (runId: string) => `cancel:${runId}`,
  /** When its runner was first found gone. */
  abandoned: (runId: string) => `abandoned:${runId}`,
  /** A notice that one notifier has delivered while others have not. */
  told: (noticeId: string, notifier: string) => `told:${noticeId}:${notifier}`,
} as const;
