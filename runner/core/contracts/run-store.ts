/** What a run store promises the pipeline, the command line, the webhook and the console. Types only. */
import type { Problem } from '../errors.ts';
import type { RunOrder } from './run-order.ts';

export interface Lease {
  readonly tenant: string;
  readonly source: string;
  readonly runId: string;
  /** Grows with every lease of this source; the newest wins. */
  readonly fencingToken: number;
  readonly expiresAt: string;
}

/** `queued`: accepted, no runner has taken it yet. */
export type RunStatus = 'queued' | 'running' | EndedStatus;
export type EndedStatus = 'succeeded' | 'failed' | 'refused' | 'interrupted';

export interface RunRecord {
  readonly runId: string;
  readonly tenant: string;
  /** Empty for what concerns no source: a test of a connection, a deployment. */
  readonly source: string;
  readonly status: RunStatus;
  /** What it was asked to do; `null`: started by a command line, without a webhook. */
  readonly order: RunOrder | null;
  /** How its launcher calls what carries it out; `null` until launched. */
  readonly execution: string | null;
  /** Somebody wants it to stop; its runner hears of it when it renews its lease. */
  readonly cancelRequested: boolean;
  /** When it was accepted, by the clock of the store. */
  readonly createdAt: string;
  /** When its runner took it; of a queued run, `createdAt`. */
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

/** Which runs; all that is given must hold. */
export interface RunFilter {
  readonly tenant?: string;
  readonly source?: string;
  readonly statuses?: readonly RunStatus[];
  /** Ended runs whose end nobody was told of yet. Never those without an order: their command line has told it. */
  readonly unannounced?: true;
  /**
   * Only those accepted before this run: the next page begins after the last run of this one.
   *
   * @throws RUN_NOT_FOUND where the store does not know it (any more)
   */
  readonly before?: string;
  readonly limit: number;
}

export interface ClaimRequest {
  readonly tenant: string;
  readonly source: string;
  readonly runId: string;
  readonly ttlMs: number;
  /**
   * Keeps the source for a queued run that another process will carry out. The run stays queued; the next claim of the
   * same run without `reserve` takes the lease over, with a larger token. A reservation ends by time, not with the process
   * that made it; until then a second one of the same run is LEASE_HELD, so only one process launches it.
   */
  readonly reserve?: true;
  /**
   * Random, of the process that carries the run out. A claim that comes again from it (its answer was lost) gets the
   * lease that it has; without it, every claim while the lease is held is LEASE_HELD, also of the same run.
   */
  readonly claimant?: string;
}

/** A renewed lease, and what its holder should hear. */
export interface Renewed extends Lease {
  readonly cancelRequested: boolean;
}

/** Leases, runs and events. */
export interface RunStore extends AsyncDisposable {
  /** Accepts a run. One that exists already under this id is given back as it is. */
  enqueue(run: {
    readonly runId: string;
    readonly tenant: string;
    readonly source: string;
    readonly order: RunOrder;
  }): Promise<RunRecord>;
  /**
   * Takes the lease; the run is running then, and is created where nobody has accepted it before.
   *
   * @throws LEASE_HELD with the holder while it is alive; USAGE where the run has ended, is another source's, or is
   *   reserved while it runs
   */
  claim(request: ClaimRequest): Promise<Lease>;
  /** Prolongs it. @throws LEASE_LOST once a newer one exists */
  renew(lease: Lease, ttlMs: number): Promise<Renewed>;
  release(lease: Lease): Promise<void>;
  /** The lease of a source while it holds; `null`: free. */
  holder(tenant: string, source: string): Promise<Lease | null>;
  /** A run that needs no lease begins: queued → running; otherwise nothing. @throws RUN_NOT_FOUND */
  start(runId: string): Promise<void>;
  /** Records how its launcher calls it; also where it has ended by now. @throws RUN_NOT_FOUND */
  launched(runId: string, execution: string): Promise<void>;
  /**
   * Asks a run to stop. A queued one ends as interrupted (RUN_CANCELLED) at once and its reservation with it; an ended
   * one stays as it is.
   *
   * @throws RUN_NOT_FOUND
   */
  cancel(runId: string): Promise<RunRecord>;
  /** @param id an event that comes again under the same id is not kept twice. */
  append(event: RunEvent, id?: string): Promise<void>;
  /**
   * Monotonic: an ended run never changes again. The reservation of a queued one ends with it.
   *
   * @param only ends it only where no runner has taken it yet
   * @returns whether this call ended it. @throws RUN_NOT_FOUND
   */
  finish(
    runId: string,
    status: EndedStatus,
    summary: Readonly<Record<string, unknown>>,
    problem: Problem | null,
    only?: 'queued',
  ): Promise<boolean>;
  /** Its end was told to whoever is told; see `unannounced`. */
  announced(runId: string): Promise<void>;
  get(runId: string): Promise<RunRecord | null>;
  /** Newest first. */
  list(filter: RunFilter): Promise<readonly RunRecord[]>;
  events(runId: string, after?: number): Promise<readonly (RunEvent & { readonly sequence: number })[]>;
  /** Runs that had the lease and say `running` while they have it no more: their process is gone. */
  abandoned(tenant: string, source: string): Promise<readonly RunRecord[]>;
  /** The run id of a schedule tick; the same tick always gives the first answer. */
  deduplicate(key: string, runId: string): Promise<string>;
  /** The run id that `deduplicate` gave a tick; `null`: it never came. */
  tick(key: string): Promise<string | null>;
}
