/** What starts the process or job that carries out a run, and looks after it. Types only. */
import type { Problem } from '../errors.ts';
import type { RunKind } from './run-order.ts';

/** What is to be launched. It names the run; the runner asks the webhook for everything else. */
export interface LaunchRequest {
  readonly runId: string;
  readonly tenant: string;
  /** Empty for what concerns no source. */
  readonly source: string;
  readonly kind: RunKind;
  /** Project and region of the tenant's job. */
  readonly project: string;
  readonly region: string;
  readonly traceparent: string | null;
}

/** `starting` until the runner's own code runs; `gone`: the launcher knows nothing of it (any more). */
export type ExecutionState = 'starting' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'gone';

export interface ExecutionStatus {
  readonly state: ExecutionState;
  /** Why it failed, where the platform says so: out of memory, image missing, timeout. */
  readonly problem: Problem | null;
  /** Where its logs are; `null` where nowhere. */
  readonly logs: string | null;
}

export interface Launcher extends AsyncDisposable {
  readonly kind: 'child-process' | 'cloud-run-job';
  /**
   * Launches it and returns as soon as the platform has accepted.
   *
   * @returns the execution's name, for the calls below, also after a restart of this process.
   * @throws LAUNCH_FAILED (the same call may succeed later), LAUNCH_REFUSED (it never will, as things are)
   */
  launch(request: LaunchRequest, signal: AbortSignal): Promise<string>;
  /** The execution of a run that was launched before, by whomever; `null`: there is none. */
  find(request: LaunchRequest): Promise<string | null>;
  status(execution: string): Promise<ExecutionStatus>;
  /** Asks it to end; a second time, or after its end, nothing happens. */
  cancel(execution: string): Promise<void>;
}
