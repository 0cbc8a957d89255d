/** What a run store promises the pipeline, the command line and the console. Types only. */
import type { Problem } from '../errors.ts';

export interface Lease {
  readonly tenant: string;
  readonly source: string;
  readonly runId: string;
  /** Grows with every lease of this source; the newest wins. */
  readonly fencingToken: number;
  readonly expiresAt: string;
}

export type RunStatus = 'running' | 'succeeded' | 'failed' | 'refused' | 'interrupted';

export interface RunRecord {
  readonly runId: string;
  readonly tenant: string;
  readonly source: string;
  readonly status: RunStatus;
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** What `run --json` prints; grows while the run goes on. */
  readonly summary: Readonly<Record<string, unknown>>;
  readonly problem: Problem | null;
}

/** Something that happened in a run. Terminal, JSON lines, SSE and logs are views of these. */
export interface RunEvent {
  readonly runId: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly type: 'run-start' | 'step-start' | 'progress' | 'step-end' | 'warning' | 'run-end';
  readonly step?: Step;
  readonly data?: Readonly<Record<string, unknown>>;
}

export type Step = 'plan' | 'extract' | 'stage' | 'load' | 'check' | 'commit' | 'record';

/** Leases, runs and events. */
export interface RunStore extends AsyncDisposable {
  /** Takes the lease and creates the run. @throws LEASE_HELD with the holder while it is alive */
  claim(request: {
    readonly tenant: string;
    readonly source: string;
    readonly runId: string;
    readonly ttlMs: number;
  }): Promise<Lease>;
  /** Prolongs it. @throws LEASE_LOST once a newer one exists */
  renew(lease: Lease, ttlMs: number): Promise<Lease>;
  release(lease: Lease): Promise<void>;
  append(event: RunEvent): Promise<void>;
  /** Monotonic: an ended run never changes again. */
  finish(
    runId: string,
    status: Exclude<RunStatus, 'running'>,
    summary: Readonly<Record<string, unknown>>,
    problem: Problem | null,
  ): Promise<void>;
  get(runId: string): Promise<RunRecord | null>;
  /** Newest first. */
  list(filter: {
    readonly tenant?: string;
    readonly source?: string;
    readonly limit: number;
  }): Promise<readonly RunRecord[]>;
  events(runId: string, after?: number): Promise<readonly (RunEvent & { readonly sequence: number })[]>;
  /** Runs that say `running` while no lease holds them: their process is gone. */
  abandoned(tenant: string, source: string): Promise<readonly RunRecord[]>;
  /** The run id of a schedule tick; the same tick always gives the first answer. */
  deduplicate(key: string, runId: string): Promise<string>;
}
