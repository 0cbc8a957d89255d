/** What the routes ask of the control plane. Types only. */
import type { RunOrder } from '../../runner/core/contracts/run-order.ts';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';

/** A schedule's call, told apart from its repetitions by job and moment. */
export interface Tick {
  readonly tenant: string;
  readonly source: string;
  /** `X-CloudScheduler-ScheduleTime`, ISO 8601, UTC; `null`: called by hand, every call is a new run. */
  readonly at: string | null;
  /** E-mail of the caller. */
  readonly requestedBy: string;
  readonly traceparent: string | null;
}

export interface Accepted {
  readonly run: RunRecord;
  /** Whether this call began it; a repeated tick and one that joined a waiting run did not. */
  readonly created: boolean;
}

export interface SweepReport {
  /** Queued runs that were launched, or launched again. */
  readonly launched: readonly string[];
  /** Ticks that never came and were made up for: the run ids. */
  readonly caughtUp: readonly string[];
  /** Runs whose runner is gone. */
  readonly abandoned: readonly string[];
  /** Runs whose end was told to the notifiers. */
  readonly announced: number;
}

/** Starts runs and looks after them. Every call is safe to repeat and to be killed in. */
export interface ControlPlane {
  /** @throws LEASE_HELD where a run holds the source and its schedule skips; TENANT_NOT_FOUND, SOURCE_NOT_FOUND, LAUNCH_REFUSED */
  trigger(tick: Tick): Promise<Accepted>;
  /**
   * What a person asked for.
   *
   * @param key makes the call idempotent (`Idempotency-Key`); `null`: each call is a run of its own.
   */
  order(
    run: { readonly tenant: string; readonly source: string; readonly order: RunOrder },
    key: string | null,
  ): Promise<Accepted>;
  /** @throws RUN_NOT_FOUND */
  cancel(runId: string): Promise<RunRecord>;
  /** A runner took its run: whoever watches is told, as well as can be. Never fails. */
  started(runId: string): Promise<void>;
  /** A runner reported the end of a run: the next one of its source may begin, and whoever waits is told. Never fails: the sweep does what is left. */
  ended(runId: string): Promise<void>;
  /** Everything that time or a killed process left open; called every minute. */
  sweep(): Promise<SweepReport>;
}
