/** What a connector promises the pipeline. Types only. */
import type { ConnectionSpec, SourceSpec } from '../../../tenants/schema/index.ts';
import type { OutletEnd } from '../channel.ts';
import type { Problem } from '../errors.ts';
import type { LogicalType } from '../types.ts';
import type { BatchLayout, VectorColumn } from '../vectors.ts';
import type { Secrets } from './secrets.ts';

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
  /** Different values per row among rows that lie together, 0 to 1, by the source's statistics; absent where it has none. */
  readonly distinct?: number;
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
