/** What a warehouse promises the pipeline. Types only. */
import type { ChannelProgress, InletEnd } from '../channel.ts';
import type { LogicalType } from '../types.ts';
import type { BatchLayout, VectorColumn } from '../vectors.ts';
import type { FileVersion, LoadedFile, Offer } from './offer.ts';
import type { ReadSummary, Window } from './source.ts';

export interface TableRef {
  readonly dataset: string;
  readonly table: string;
}

export interface TableColumn {
  readonly name: string;
  readonly type: LogicalType;
  readonly nullable: boolean;
  /** Original name at the source, kept as the column's description. */
  readonly description?: string;
}

export interface TableShape {
  readonly columns: readonly TableColumn[];
  readonly rows: number;
}

/** How a table lies in the warehouse and what is said about it. Names in the warehouse; one that cannot follow it declares a gap. */
export interface TableDesign {
  readonly partitionBy?: { readonly column: string; readonly by: 'hour' | 'day' | 'month' | 'year' };
  /** Four columns at most; rows that lie together are read together. */
  readonly clusterBy: readonly string[];
  readonly requirePartitionFilter: boolean;
  readonly partitionExpirationDays?: number;
  readonly description?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Identifies a row; told to the warehouse, which does not enforce it. */
  readonly key: readonly string[];
}

/** What statements were billed, or would be. */
export interface Billing {
  readonly bytes: number;
  readonly slotMs: number;
  readonly usd: number;
}

/** What a commit would be billed, by a dry run. */
export interface CostEstimate {
  readonly bytes: number;
  readonly usd: number;
  /** Why the whole table is read, where it is: "created_at is no part of the key". */
  readonly unpruned: string | null;
}

/** What the last committed run of a source left. O(1) in size. */
export interface LoadState {
  readonly cursor: string | null;
  /** As its run recorded it: `transactional/merge`; `null` where that record is gone. */
  readonly strategy: string | null;
  readonly runId: string;
  readonly fencingToken: number;
  readonly committedAt: string;
  /** Columns by which the last run merged; empty where it did not. */
  readonly key: readonly string[];
  /** Output columns of the last run, to notice what vanished. */
  readonly columns: readonly TableColumn[];
}

/** What identifies a run to the warehouse. */
export interface RunIdentity {
  readonly tenant: string;
  readonly source: string;
  readonly runId: string;
  readonly fencingToken: number;
  /** ISO 8601, UTC. Becomes `_extracted_at` of every row. */
  readonly startedAt: string;
}

/** A column on its way: what arrives in the vector, and what it shall be. */
export interface StagedColumn {
  readonly vector: VectorColumn;
  readonly column: TableColumn;
  /** True where the tenant file asks for another type than the source's: cast in the check, misfits quarantined. */
  readonly cast: boolean;
  /** Different values per row among rows that lie together, 0 to 1; a warehouse may choose the column's encoding by it. */
  readonly distinct?: number;
  /** A value that the type cannot hold becomes NULL and is counted, instead of its row going to quarantine. */
  readonly nullify?: boolean;
  /** Name of the late field that it is taken from, instead of a vector; see {@link Warehouse.unfold}. */
  readonly late?: string;
}

export interface StageSpec {
  readonly run: RunIdentity;
  readonly target: TableRef;
  readonly columns: readonly StagedColumn[];
  readonly layout: BatchLayout;
  /** `YYYY-MM-DD` of a dated snapshot. */
  readonly snapshotDate?: string;
  /** Estimated bytes of a row; sizes the storage's row groups. */
  readonly rowBytes: number;
  /** Keys of the whole source instead of its rows, for a sweep of deletes. */
  readonly keysOnly?: boolean;
  /** The stage fails once more rows than so many were rejected; absent: no limit. */
  readonly maxRejected?: number;
}

export interface Staged {
  readonly rows: number;
  readonly rejected: number;
  /** Rows rejected by casts, not by the reader. */
  readonly uncastable: number;
  readonly frequentReason: string | null;
  /** Values that became NULL by {@link StagedColumn.nullify}; absent: none. */
  readonly nullified?: number;
  /** 'safe' where the start-up self-test refused the fast way. */
  readonly vectorPath: 'fast' | 'safe';
}

/** What else than their type decides whether quarantined rows fit now; by names in the warehouse. */
export interface RestagePolicy {
  /** Columns whose values become NULL where the source's type cannot hold them. */
  readonly nullify: readonly string[];
  /** For masked columns what a masked text looks like, as a regular expression: a row from before its mask stays. */
  readonly masked: Readonly<Record<string, string>>;
}

/** What became of the quarantined rows that were staged again. */
export interface Restaged extends Staged {
  /** Values that became NULL in the rows that fit now. */
  readonly nullified: number;
}

/** A quality test over the staged rows, before anything is visible. */
export type QualityTest =
  | { readonly test: 'unique' | 'not_null'; readonly column: string }
  | {
      readonly test: 'accepted_values';
      readonly column: string;
      readonly values: readonly (string | number | boolean)[];
    }
  | { readonly test: 'range'; readonly column: string; readonly min?: number | string; readonly max?: number | string }
  | { readonly test: 'freshness'; readonly column: string; readonly withinSeconds: number }
  | { readonly test: 'row_count'; readonly min?: number; readonly max?: number };

export interface QualityResult {
  readonly test: QualityTest;
  readonly passed: boolean;
  readonly found: string;
}

export type SchemaChange =
  | { readonly kind: 'add'; readonly column: TableColumn }
  | { readonly kind: 'widen'; readonly column: string; readonly from: LogicalType; readonly to: LogicalType }
  | { readonly kind: 'relax'; readonly column: string };

/** How the staged rows change the target. Rendered by the strategies, carried out by the warehouse. */
export type TableChange =
  | {
      readonly kind: 'append';
      /** Set where rows without a cursor are read again each time: those that are there already are left out. */
      readonly nullCursor?: string;
      /** Set where a lookback reads rows again: rows whose key is there already are left out, or replaced with a `stretch`. */
      readonly key?: readonly string[];
      /** Set where the rows are all that the source has of this stretch: what the table has of it is replaced. Names in the warehouse. */
      readonly stretch?: Window;
      /** Any of the rows may be there already, as in a replay: what the table has, compared whole and as a multiset, is left out. */
      readonly mayRepeat?: boolean;
    }
  | {
      readonly kind: 'merge';
      /** The table has one row of each key; {@link Warehouse.repeats} tells. */
      readonly key: readonly string[];
      /** Of several rows with one key the one with the greatest cursor stays. */
      readonly cursor: string;
      /** The source guarantees one row per key. */
      readonly keyIsUnique: boolean;
      /** Rows may be re-read unchanged; they are counted and left alone. */
      readonly mayRepeat: boolean;
      /** The rows may be older than the table's, as in a replay: one whose key is there with no smaller cursor is left out. */
      readonly mayBeOlder?: boolean;
      readonly deletes: 'ignore' | 'soft' | 'hard';
    }
  | { readonly kind: 'partition'; readonly column: '_snapshot_date'; readonly date: string }
  | { readonly kind: 'replace' };

export interface ChangeCounts {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly unchanged: number;
}

/** The evidence of a run: one row of `_runs`. */
export interface RunEvidence {
  readonly strategy: string;
  readonly mode: string;
  readonly modeReason: string;
  readonly window: Window | null;
  readonly boundProof: string | null;
  readonly extracted: number;
  readonly bytesExtracted: number;
  readonly nullified: number;
  readonly seconds: Readonly<Record<string, number>>;
}

export interface CommitSpec {
  readonly run: RunIdentity;
  readonly target: TableRef;
  readonly columns: readonly StagedColumn[];
  readonly design: TableDesign;
  readonly change: TableChange;
  readonly schemaChanges: readonly SchemaChange[];
  /** The new cursor; `null` where the strategy has none. */
  readonly cursor: string | null;
  readonly evidence: RunEvidence;
  /** The view `<table>_latest` over the newest snapshot. */
  readonly latestView?: TableRef;
  /** Share of the target's rows that a sweep may delete. */
  readonly maxDeleteRatio: number;
  readonly allowMassDelete: boolean;
  /** The statements that change the table may be billed no more; `null`: no limit. */
  readonly maxBytesBilled: number | null;
  /** What a person types to go past a brake. */
  readonly command: string;
  /** Objects that these rows are of; they become rows of `_files`. */
  readonly files?: readonly LoadedFile[];
}

/** What an undo left. */
export interface Undone {
  readonly rows: number;
  readonly cursor: string | null;
  /** Runs that are undone with it, the oldest first. */
  readonly runs: readonly string[];
}

export interface WarehouseCapabilities {
  /** Digits of its widest decimal. Past the 38 of a vector a decimal arrives as text and is cast in the check. */
  readonly decimalDigits: 38 | 76;
  /** What this warehouse cannot do that BigQuery does, for the docs. */
  readonly gaps: readonly string[];
}

/** Where rows end up. One run at a time per instance. */
export interface Warehouse extends AsyncDisposable {
  readonly kind: string;
  readonly capabilities: WarehouseCapabilities;
  /** Creates what is missing for the tenant, and drops what dead runs of this source left staged. Needs the lease. */
  prepare(run: RunIdentity, target: TableRef): Promise<void>;
  /** ISO 8601, UTC, by the clock of the warehouse: that of the machine may be wrong. */
  now(): Promise<string>;
  describe(table: TableRef): Promise<TableShape | null>;
  /** Whether several rows of the table have one key. */
  repeats(table: TableRef, key: readonly string[]): Promise<boolean>;
  state(tenant: string, source: string): Promise<LoadState | null>;
  /** Takes all batches of the channel into a staging table that no reader sees. */
  stage(spec: StageSpec, inlet: InletEnd, signal: AbortSignal): Promise<Staged>;
  /** Stages what the offer names without the channel; `null`, with nothing done: this warehouse cannot. */
  stageOffer(
    spec: StageSpec,
    offer: Offer,
    watch: { readonly signal: AbortSignal; readonly onProgress: (progress: ChannelProgress) => void },
  ): Promise<{ readonly summary: ReadSummary; readonly staged: Staged } | null>;
  /**
   * Makes columns of the late fields of the staged rows and drops the column that carried them. The rows are those of
   * `spec`, without that column and with these, from then on; values that do not fit are misfits as in any cast. Once for
   * each stage of such a spec, also where there are no late fields.
   */
  unfold(spec: StageSpec, late: readonly StagedColumn[]): Promise<Staged>;
  /** Versions of objects that were loaded for the source, of those modified at that time or later. */
  files(
    tenant: string,
    source: string,
    modifiedSince: string,
  ): Promise<readonly Pick<FileVersion, 'uri' | 'version'>[]>;
  /**
   * Stages the rows of the source that lie in quarantine and were not replayed, in place of rows of the source. What still
   * does not fit is `uncastable`. The commit that follows gives those rows their new reason and marks all others as
   * replayed; discarding leaves the quarantine as it is.
   */
  restage(spec: StageSpec, policy: RestagePolicy): Promise<Restaged>;
  /** Runs the tests on the staged rows. */
  test(spec: StageSpec, tests: readonly QualityTest[]): Promise<readonly QualityResult[]>;
  /** What the commit would cost; `null` where nothing is billed. Works before anything is staged. */
  cost(spec: CommitSpec): Promise<CostEstimate | null>;
  /** What the statements of this run were billed so far; `null` where nothing is. */
  readonly billed: Billing | null;
  /** The one transaction: table, `_state`, `_runs`, `_quarantine`, `_schema_changes`; refuses an old fencing token. */
  commit(spec: CommitSpec): Promise<ChangeCounts>;
  /** Drops what is staged; the target is untouched. */
  discard(run: RunIdentity, target: TableRef): Promise<void>;
  /** Whether the run's commit is durable, for a run that died before it was recorded. */
  committed(run: { readonly tenant: string; readonly runId: string }): Promise<boolean>;
  /**
   * Puts the table and the state of the source back to what they were before that run, in one transaction.
   *
   * @throws UNDO_IMPOSSIBLE with the reason
   */
  undo(run: RunIdentity, target: TableRef, runId: string): Promise<Undone>;
  /** Reads with SQL; for evidence, the console and tests. Values as JSON would have them. */
  query(
    sql: string,
    parameters?: readonly (string | number | null)[],
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
}
