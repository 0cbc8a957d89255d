/** What a run is asked to do, as data: it crosses from the webhook to the runner. Types only. */

/**
 * The first three move rows and need the lease of their source. `test`, `discover` and `plan` look, for the wizard;
 * `preview` and `up` deploy a tenant's stack.
 */
export type RunKind = 'run' | 'backfill' | 'replay' | 'test' | 'discover' | 'plan' | 'preview' | 'up';

/** Who or what asked. */
export type Trigger = 'schedule' | 'catch-up' | 'person';

export interface RunOrder {
  readonly kind: RunKind;
  /**
   * What the kind needs beside the source: `from` and `to` of a backfill, `connection` (and `object`) of a test or a
   * discovery, `approve` (a digest) of an up, `yes` to go past the brakes.
   */
  readonly options: Readonly<Record<string, string | boolean>>;
  readonly trigger: Trigger;
  /** The moment of the schedule (ISO 8601, UTC); `null` where a person asked. */
  readonly tick: string | null;
  /** E-mail of the caller. */
  readonly requestedBy: string | null;
  /** W3C Trace Context of the request that began it. */
  readonly traceparent: string | null;
}
