/** What the rooms of the runner promise each other. Types only. */
import type { ConnectionSpec, SourceSpec } from '../../tenants/schema/index.ts';
import type { InletEnd, OutletEnd } from './channel.ts';
import type { Problem } from './errors.ts';
import type { LogicalType } from './types.ts';
import type { BatchLayout, VectorColumn } from './vectors.ts';

// ── Secrets and checks ──────────────────────────────────────────────────────

/** Resolves secret names to values at the moment of use. */
export interface Secrets {
  /** @throws SECRET_MISSING, SECRET_STORE_EXPOSED */
  get(name: string): Promise<string>;
}

/** One named step of a connection test. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly status: 'pass' | 'warn' | 'fail' | 'skip';
  /** What was seen, in a few words: "10.20.0.5", "TLS 1.3, verified". */
  readonly found?: string;
  readonly ms: number;
  readonly problem?: Problem;
}

// ── Source ──────────────────────────────────────────────────────────────────

/** A table by its name, or a reading query. Exactly one is set. */
export interface ObjectRef {
  /** `schema.table`; parts may be double-quoted. */
  readonly table?: string;
  readonly query?: string;
}

export interface SourceColumn {
  readonly name: string;
  /** As the source names it: `numeric(12,2)`, `my_enum`, `text[]`. */
  readonly sourceType: string;
  readonly logical: LogicalType;
  readonly nullable: boolean;
  readonly comment?: string;
  /** Labels of an enumeration. */
  readonly labels?: readonly string[];
}

export interface CursorCandidate {
  readonly column: string;
  /** Why it is (not) a good one: "indexed, not null, timestamptz". Best first in the list. */
  readonly reason: string;
  readonly score: number;
}

export interface SourceObject {
  readonly name: string;
  readonly kind: 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table' | 'query';
  /** Planner's estimate; `null` where there is none. */
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly comment?: string;
  readonly partitions?: number;
}

export interface ObjectShape extends SourceObject {
  readonly columns: readonly SourceColumn[];
  /** Columns of the primary key, else of a unique index over NOT NULL columns, else empty. */
  readonly key: readonly string[];
  readonly cursorCandidates: readonly CursorCandidate[];
}

/** A half-open stretch of the cursor: `from <= cursor < to`, as typed text at source precision. */
export interface Window {
  readonly column: string;
  /** `null`: from the beginning. */
  readonly from: string | null;
  readonly to: string;
}

/** How far a window may reach without missing a writer in flight. */
export interface UpperBound {
  readonly to: string;
  /** Which of the rules of docs/loading.md held. */
  readonly proof: 'writers' | 'lag';
  /** In words for the run record: "no transaction older than … was open". */
  readonly reason: string;
}

/** One output column of a read. */
export interface ReadColumn {
  /** Name at the source. */
  readonly source: string;
  /** Name in the destination. */
  readonly name: string;
  readonly sourceType: string;
  /** What the source gives (before an override, which the warehouse casts in its check). */
  readonly logical: LogicalType;
  readonly mask?: 'hmac-sha256' | 'sha256' | 'redact' | 'null';
  /** What becomes of infinity, BC, year > 9999, NaN, overflow. */
  readonly unrepresentable: 'quarantine' | 'nullify';
}

export interface ReadSpec {
  readonly object: ObjectRef;
  readonly columns: readonly ReadColumn[];
  readonly window: Window | null;
  /** Rows without a cursor value: read them with the window or not. */
  readonly nullCursors: boolean;
  readonly layout: BatchLayout;
  /** Stop once so many rows were rejected. */
  readonly maxRejected: number;
  /** Key of `hmac-sha256` masks. */
  readonly maskKey?: string;
}

export interface ReadSummary {
  /** Rows the server says it sent. */
  readonly extracted: number;
  readonly rejected: number;
  readonly nullified: number;
  /** Bytes on the wire. */
  readonly bytes: number;
}

/** One consistent view of the source, shared by all its readers; closed when disposed. */
export interface Snapshot extends AsyncDisposable {
  /** Rows and bytes that a read would give, without reading them. */
  estimate(
    object: ObjectRef,
    window: Window | null,
  ): Promise<{ readonly rows: number | null; readonly bytes: number | null }>;
  /** Exact number of rows whose cursor is NULL. */
  countNulls(object: ObjectRef, column: string): Promise<number>;
  /** The types of the vectors that `read` will give, in order. */
  vectors(columns: readonly ReadColumn[]): readonly VectorColumn[];
  /** Reads into the channel, one outlet per reader, and ends it. Rejects when any reader failed. */
  read(spec: ReadSpec, outlets: readonly OutletEnd[], signal: AbortSignal): Promise<ReadSummary>;
}

export interface SourceCapabilities {
  /** Whether several readers can share one snapshot. */
  readonly parallelReaders: boolean;
  readonly queries: boolean;
  readonly windows: boolean;
}

/** What a connector is opened with. */
export interface SourceRequest<C extends ConnectionSpec = ConnectionSpec> {
  readonly tenant: string;
  /** Name of the connection in the tenant file. */
  readonly name: string;
  readonly connection: C;
  /** Absent where only the connection is looked at. */
  readonly source?: SourceSpec;
  readonly secrets: Secrets;
}

/** A source that is configured and not yet connected; every method connects when it needs to. */
export interface Source extends AsyncDisposable {
  readonly kind: string;
  readonly capabilities: SourceCapabilities;
  /** The named steps of a connection test, as they finish; stops at the first that makes the rest pointless. */
  check(target: { readonly object?: ObjectRef; readonly cursor?: string }, signal: AbortSignal): AsyncIterable<Check>;
  discover(signal: AbortSignal): Promise<readonly SourceObject[]>;
  describe(object: ObjectRef, signal: AbortSignal): Promise<ObjectShape>;
  /** A few rows as texts, masked columns masked. */
  sample(
    object: ObjectRef,
    columns: readonly ReadColumn[],
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly (string | null)[])[]>;
  /**
   * Opens the snapshot of a run. With a cursor it first finds the bound that no writer in flight can
   * undercut, then takes the snapshot, so that everything below the bound is in it.
   */
  open(
    request: { readonly object: ObjectRef; readonly cursor?: string },
    signal: AbortSignal,
  ): Promise<{ readonly snapshot: Snapshot; readonly bound: UpperBound | null }>;
}

// ── Warehouse ───────────────────────────────────────────────────────────────

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

/** What the last committed run of a source left. O(1) in size. */
export interface LoadState {
  readonly cursor: string | null;
  readonly runId: string;
  readonly fencingToken: number;
  readonly committedAt: string;
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
}

export interface Staged {
  readonly rows: number;
  readonly rejected: number;
  /** Rows rejected by casts, not by the reader. */
  readonly uncastable: number;
  readonly frequentReason: string | null;
  /** 'safe' where the start-up self-test refused the fast way. */
  readonly vectorPath: 'fast' | 'safe';
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
      /** Set where a lookback reads rows again: rows whose key is there already are left out. */
      readonly key?: readonly string[];
    }
  | {
      readonly kind: 'merge';
      readonly key: readonly string[];
      /** Of several rows with one key the one with the greatest cursor stays. */
      readonly cursor: string;
      /** The source guarantees one row per key. */
      readonly keyIsUnique: boolean;
      /** Rows may be re-read unchanged; they are counted and left alone. */
      readonly mayRepeat: boolean;
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
  /** What a person types to go past a brake. */
  readonly command: string;
}

export interface WarehouseCapabilities {
  /** What this warehouse cannot do that BigQuery does, for the docs. */
  readonly gaps: readonly string[];
}

/** Where rows end up. One run at a time per instance. */
export interface Warehouse extends AsyncDisposable {
  readonly kind: string;
  readonly capabilities: WarehouseCapabilities;
  /** Creates what is missing for the tenant, and drops what dead runs of this source left staged. Needs the lease. */
  prepare(run: RunIdentity, target: TableRef): Promise<void>;
  describe(table: TableRef): Promise<TableShape | null>;
  state(tenant: string, source: string): Promise<LoadState | null>;
  /** Takes all batches of the channel into a staging table that no reader sees. */
  stage(spec: StageSpec, inlet: InletEnd, signal: AbortSignal): Promise<Staged>;
  /** Runs the tests on the staged rows. */
  test(spec: StageSpec, tests: readonly QualityTest[]): Promise<readonly QualityResult[]>;
  /** The one transaction: table, `_state`, `_runs`, `_quarantine`, `_schema_changes`; refuses an old fencing token. */
  commit(spec: CommitSpec): Promise<ChangeCounts>;
  /** Drops what is staged; the target is untouched. */
  discard(run: RunIdentity, target: TableRef): Promise<void>;
  /** Whether the run's commit is durable, for a run that died before it was recorded. */
  committed(run: { readonly tenant: string; readonly runId: string }): Promise<boolean>;
  /** Reads with SQL; for evidence, the console and tests. Values as JSON would have them. */
  query(
    sql: string,
    parameters?: readonly (string | number | null)[],
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

// ── Run store ───────────────────────────────────────────────────────────────

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
