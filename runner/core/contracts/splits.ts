/** A read in pieces that other processes and other machines carry out, as data. Types only. */
import type { ConnectionSpec, SourceSpec } from '../../../tenants/schema/index.ts';
import type { Problem } from '../errors.ts';
import type { ReadSpec, ReadSummary } from './source.ts';
import type { PartsSpec, Written } from './staging.ts';
import type { RunIdentity } from './warehouse.ts';

/** One piece of a read. */
export interface Split {
  /** Its place among all of them: `00012`. */
  readonly id: string;
  /** What its connector reads it by: a rendered query, a range of keys, a list of objects. JSON; no secret. Nobody else looks into it. */
  readonly task: unknown;
  /** Rows that are expected; `null`: nobody knows. */
  readonly rows: number | null;
}

/** Why the pieces are one read, whoever writes to the source meanwhile. */
export interface Unity {
  /**
   * `snapshot`: one exported snapshot, which lives as long as this process holds it. `read-time`: one moment, which the source
   * gives again. `bound`: a window that no writer changes any more. `versions`: objects at fixed versions.
   */
  readonly by: 'snapshot' | 'read-time' | 'bound' | 'versions';
  /** In words for the run record. */
  readonly reason: string;
}

/**
 * What an extractor needs to carry out any of the splits, beside the secrets that it asks for itself. One object in the
 * staging bucket; a split is named by this object's address and its id.
 */
export interface SplitWork {
  readonly version: 1;
  readonly tenant: string;
  /** Name of the connection in the tenant file. */
  readonly name: string;
  readonly connection: ConnectionSpec;
  readonly source: SourceSpec;
  readonly cloud: { readonly project: string; readonly location: string } | null;
  /** Without the key of masks: the extractor asks for it where a column is masked by one. */
  readonly read: Omit<ReadSpec, 'maskKey'>;
  /** Without `split`. */
  readonly parts: PartsSpec;
  readonly unity: Unity;
  readonly splits: readonly Split[];
}

/** What a split gave. Where it is, the split is done and its parts are whole; of two attempts the first one holds. */
export interface SplitResult {
  readonly id: string;
  /** Chosen by the extractor; the parts of each attempt lie in a folder of their own. */
  readonly attempt: string;
  readonly written: Written;
  readonly summary: ReadSummary;
  readonly seconds: number;
}

/** The work of a run and the results of its splits, in the staging bucket. */
export interface SplitDesk {
  /** Lays the work of this run and fencing token down; once. @returns its address: `gs://bucket/acme/orders/<run id>/<token>/splits/work.json` */
  lay(work: SplitWork): Promise<string>;
  /** @throws STAGING_MISSING, STAGING_FAILED, STAGING_DENIED */
  work(address: string): Promise<SplitWork>;
  /** The newest work that an earlier process of this run has laid down, which is kept for this one from now on; `null`: none. */
  earlier(run: RunIdentity): Promise<{ readonly address: string; readonly work: SplitWork } | null>;
  /** Writes the result down unless the split has one. @returns the one that holds */
  record(address: string, result: SplitResult): Promise<SplitResult>;
  results(address: string): Promise<ReadonlyMap<string, SplitResult>>;
  /** The result of one split; `null`: it has none yet. */
  result(address: string, id: string): Promise<SplitResult | null>;
  /** Ids of the splits that have results; nothing of them is read. */
  done(address: string): Promise<ReadonlySet<string>>;
  /** Notes why an attempt at a split failed; of several the last one stays. */
  complain(address: string, id: string, problem: Problem): Promise<void>;
  problems(address: string): Promise<ReadonlyMap<string, Problem>>;
  /** Removes the parts of an attempt that came second. */
  drop(address: string, lost: Pick<SplitResult, 'id' | 'attempt'>): Promise<void>;
}

/** A job of a platform that carries out all splits of a work that have no result yet. */
export interface SplitJob {
  readonly run: RunIdentity;
  /** Of the {@link SplitWork}. */
  readonly work: string;
  readonly splits: number;
  /** At most so many at the same time: what the source bears. */
  readonly workers: number;
  /** W3C Trace Context. */
  readonly traceparent: string | null;
}

/** What is known of it while it goes on. Of counts only the results of the splits are final. */
export interface SplitProgress {
  readonly state: 'queued' | 'starting' | 'running' | 'cancelling' | 'ended';
  /** As the platform calls it: `2026-11-24_01_02_03-456`. */
  readonly job: string;
  /** Where a person sees it; `null`: nowhere. */
  readonly link: string | null;
  readonly rows: number;
  readonly bytes: number;
  readonly rejected: number;
  /** Splits that are done. */
  readonly splits: number;
  /** How far the platform says that the stage is that is the least far, 0 to 1; absent: it does not say. */
  readonly share?: number;
  /** Something a person should know: a quota that holds it back, a split that was tried again. Each once. */
  readonly warning?: string;
}

/** Carries out the splits of a work beyond this process. */
export interface SplitExecutor extends AsyncDisposable {
  readonly kind: 'tasks' | 'dataflow';
  /**
   * Starts the job of this work, or finds the one that was started before by whatever process of this run, and watches it to its
   * end. Jobs of earlier fencing tokens of this run are cancelled first and waited for. Whether all splits have results is
   * for the caller to see. Aborted, it asks the platform to cancel the job, and rejects with the reason.
   *
   * @throws LAUNCH_FAILED, LAUNCH_REFUSED, and what ended the job as an entry of the catalogue
   */
  execute(
    job: SplitJob,
    watch: { readonly signal: AbortSignal; readonly onProgress: (progress: SplitProgress) => void },
  ): Promise<void>;
  /** Cancels whatever job of this run goes on, of any fencing token, and waits for its end. */
  cancel(run: Pick<RunIdentity, 'tenant' | 'source' | 'runId'>): Promise<void>;
}
