/** What a connector promises the pipeline. Types only. */
import type { ConnectionSpec, FilesSpec, SourceSpec } from '../../../tenants/schema/index.ts';
import type { OutletEnd } from '../channel.ts';
import type { Problem } from '../errors.ts';
import type { LogicalType } from '../types.ts';
import type { BatchLayout, VectorColumn } from '../vectors.ts';
import type { FileVersion, LoadedFile, Offer } from './offer.ts';
import type { Secrets } from './secrets.ts';
import type { Split, Unity } from './splits.ts';

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

/** What is read. Exactly one is set. */
export interface ObjectRef {
  /** `schema.table`, `dataset.table`; parts may be quoted as the source quotes them. */
  readonly table?: string;
  /** One reading SELECT. */
  readonly query?: string;
  /** Path of a collection: `shops/berlin/orders`. */
  readonly collection?: string;
  /** Id of all collections of that name. */
  readonly collectionGroup?: string;
  /** Objects of a bucket or container. */
  readonly files?: FilesSpec;
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
  /** What becomes of a value that its type cannot hold where the tenant file does not say; absent: `quarantine`. */
  readonly unrepresentable?: 'quarantine' | 'nullify';
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
  readonly kind:
    | 'table'
    | 'partitioned table'
    | 'view'
    | 'materialized view'
    | 'foreign table'
    | 'query'
    | 'collection'
    | 'collection group'
    | 'files';
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
  /** False where the source takes rows that repeat its key. */
  readonly keyEnforced?: false;
  readonly cursorCandidates: readonly CursorCandidate[];
}

/** A half-open stretch of the cursor: `from <= cursor < to`, as typed text at source precision. */
export interface Window {
  readonly column: string;
  /** `null`: from the beginning. */
  readonly from: string | null;
  readonly to: string;
}

/**
 * Name of the one column more that a source with late fields has: what no other column is for, as a JSON object by the
 * keys of core/late.ts; NULL where a row has none. What JSON has is JSON; points in time, NaN and infinity are their texts,
 * bytes are base64.
 */
export type LateColumn = '_tributary_late';

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
  /** An override keeps more digits than a double: numbers arrive as they are written. */
  readonly allDigits?: true;
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
  /** Set where the last column of the layout is the {@link LateColumn}; else fields that no column is for are left out. */
  readonly late?: LateWishes;
}

/** Which fields may be late ones, by their names at the source. */
export interface LateWishes {
  /** These alone; absent: all. */
  readonly only?: readonly string[];
  readonly except: readonly string[];
}

export interface ReadSummary {
  /** Rows the server says it sent. */
  readonly extracted: number;
  readonly rejected: number;
  readonly nullified: number;
  /** Bytes on the wire. */
  readonly bytes: number;
  /** Fields that no column was for, with a type that holds all their values; they are in the {@link LateColumn}. */
  readonly late?: readonly SourceColumn[];
  /** Objects that were read. */
  readonly files?: readonly LoadedFile[];
}

/** What a read would give. */
export interface Estimate {
  readonly rows: number | null;
  readonly bytes: number | null;
  /** What reading is charged, where it is; an upper bound. */
  readonly price?: { readonly usd: number; readonly what: string };
  /** How the source moves the rows, and why, where there is a choice. */
  readonly way?: string;
}

/** One consistent view of the source, shared by all its readers; closed when disposed. */
export interface Snapshot extends AsyncDisposable {
  /** Rows and bytes that a read would give, without reading them. */
  estimate(object: ObjectRef, window: Window | null): Promise<Estimate>;
  /** Exact number of rows whose cursor is NULL. */
  countNulls(object: ObjectRef, column: string): Promise<number>;
  /** The types of the vectors that `read` will give, in order. */
  vectors(columns: readonly ReadColumn[]): readonly VectorColumn[];
  /** Ways that are better than `read`, the best first; absent: none. */
  offers?(spec: ReadSpec): readonly Offer[];
  /** Objects of the read; absent where the source is no store of files. */
  readonly files?: readonly FileVersion[];
  /** URIs of objects that were loaded and are not there any more. */
  readonly gone?: readonly string[];
  /** What would make pieces of such a read one read; a text says why it cannot be parted. Absent: it never can. */
  divisible?(object: ObjectRef, window: Window | null): Promise<Unity | string>;
  /** The read in at most so many pieces, without gap or overlap; for {@link Source.openSplit}. Present where `divisible` is. */
  divide?(spec: ReadSpec, most: number, signal: AbortSignal): Promise<readonly Split[]>;
  /** Reads into the channel, one outlet per reader, and ends it. Rejects when any reader failed. */
  read(spec: ReadSpec, outlets: readonly OutletEnd[], signal: AbortSignal): Promise<ReadSummary>;
}

export interface SourceCapabilities {
  /** Whether several readers can share one snapshot. */
  readonly parallelReaders: boolean;
  readonly queries: boolean;
  readonly windows: boolean;
  /** Columns are inferred from a few rows, and a read may meet fields that none is for. */
  readonly lateFields: boolean;
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
  /** Where the tenant works in Google Cloud: what a source is charged for there goes on this project's bill. */
  readonly cloud?: { readonly project: string; readonly location: string };
}

/** What earlier runs loaded, for a source of files that loads each version once. */
export interface LoadedBefore {
  /** Up to when the last listing reached; `null`: nothing was loaded. */
  readonly through: string | null;
  /** Versions that were loaded of objects modified at that time or later. */
  since(modifiedAt: string): Promise<readonly Pick<FileVersion, 'uri' | 'version'>[]>;
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
    request: { readonly object: ObjectRef; readonly cursor?: string; readonly loaded?: LoadedBefore },
    signal: AbortSignal,
  ): Promise<{ readonly snapshot: Snapshot; readonly bound: UpperBound | null }>;
  /**
   * One piece of a read that another process has divided, as a snapshot that is read or offered by one reader with the spec
   * of the whole. Present where its snapshots can be divided.
   *
   * @throws SPLIT_LOST where what made the pieces one read is gone, as the exported snapshot
   */
  openSplit?(object: ObjectRef, task: unknown, signal: AbortSignal): Promise<Snapshot>;
}
