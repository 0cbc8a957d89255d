/** What lies between extraction and load: the objects of a run. Types only. */
import type { ChannelProgress, InletEnd } from '../channel.ts';
import type { BatchLayout, RejectedRow, VectorColumn } from '../vectors.ts';
import type { FilesOffer, FileVersion, OfferedFile, RunFolders } from './offer.ts';
import type { ReadSummary } from './source.ts';
import type { SplitDesk } from './splits.ts';
import type { RestagePolicy, RunIdentity, StagedColumn } from './warehouse.ts';

/** How rows lie in a part. NDJSON is for rows too wide for row groups. */
export type PartFormat = 'parquet' | 'ndjson';

/** A column on its way into parts. */
export interface PartColumn {
  readonly staged: StagedColumn;
  /** `typed`: cast exactly before it is written; `text`: as text, for the warehouse to type in its check. */
  readonly as: 'typed' | 'text';
}

/**
 * What is written. Beside its columns each row has, as text and usually NULL, why it belongs into quarantine:
 * {@link MISFIT_COLUMNS}. Such a row may have NULL in all columns else.
 */
export interface PartsSpec {
  readonly run: RunIdentity;
  /** `rows`, or `keys` for a sweep: the folder under the run's. */
  readonly name: 'rows' | 'keys';
  readonly columns: readonly PartColumn[];
  /** Of the batches that arrive. */
  readonly layout: BatchLayout;
  readonly format: PartFormat;
  /** Estimated bytes of a row; sizes row groups and parts. */
  readonly rowBytes: number;
  /** Writing fails once more rows than so many were rejected; absent: no limit. */
  readonly maxRejected?: number;
  /** Goes into the manifest: the stretch of the cursor that the rows are of. */
  readonly cursor: { readonly from: string | null; readonly to: string } | null;
  /** These are the rows of one attempt at one split: they lie in `<name>/<id>-<attempt>/`. */
  readonly split?: { readonly id: string; readonly attempt: string };
}

/** Columns of every part of rows beside the source's: the column, the reason and the row of a misfit, and its place in quarantine in a replay. */
export const MISFIT_COLUMNS = {
  column: '_tributary_column',
  reason: '_tributary_reason',
  original: '_tributary_original',
  place: '_tributary_place',
} as const;

/** One object, whole and checked. */
export interface Part {
  /** `gs://bucket/acme/orders/<run id>/<fencing token>/rows/part-00000.parquet`. */
  readonly uri: string;
  readonly rows: number;
  readonly bytes: number;
  /** Base64 of the big-endian CRC-32C, as Cloud Storage gives it. */
  readonly crc32c: string;
}

/** Written last; where it is, all parts are. `manifest.json` beside the parts. */
export interface Manifest {
  readonly version: 1;
  readonly tenant: string;
  readonly source: string;
  readonly runId: string;
  readonly format: PartFormat;
  readonly parts: readonly Part[];
  /** Rows in all parts, those for quarantine with them. */
  readonly rows: number;
  readonly bytes: number;
  readonly cursor: PartsSpec['cursor'];
}

export interface Written {
  readonly manifest: Manifest;
  /** Rows that the reader rejected. They are in the parts as misfits. */
  readonly rejected: number;
  readonly vectorPath: 'fast' | 'safe';
}

/** The folder that a copied object lies in: `_tributary_file=<its place among the files>`, as a load job reads columns off paths. */
export const FILE_KEY = '_tributary_file';

/** What a Parquet file says of itself. */
export interface ParquetShape {
  readonly rows: number;
  /** As vectors that hold its values exactly. */
  readonly columns: readonly VectorColumn[];
}

/** An object of another store as it lies in staging now, byte for byte. */
export interface CopiedFile {
  /** `gs://bucket/acme/orders/<run id>/<fencing token>/files/_tributary_file=0/a.csv.gz`. */
  readonly uri: string;
  /** Where it came from. */
  readonly from: Pick<FileVersion, 'uri' | 'version'>;
  readonly bytes: number;
  /** As of a {@link Part}. */
  readonly crc32c: string;
}

/** A row that lies in quarantine, as the warehouse gives it for a replay. */
export interface QuarantinedRow extends RejectedRow {
  /** Names the row in `_quarantine`. */
  readonly place: string;
  readonly runId: string;
}

/** The staged objects of one tenant. One run at a time per instance. */
export interface Staging extends AsyncDisposable {
  readonly splits: SplitDesk;
  /** Writes parts while rows still arrive, holding the producer back; the manifest comes last. On failure nothing stays that the lifecycle rule does not take. */
  write(spec: PartsSpec, inlet: InletEnd, signal: AbortSignal): Promise<Written>;
  /** The same with objects of a source's store in place of batches. */
  writeFiles(
    spec: PartsSpec,
    offer: FilesOffer,
    watch: { readonly signal: AbortSignal; readonly onProgress: (progress: ChannelProgress) => void },
  ): Promise<Written & { readonly summary: ReadSummary }>;
  /** Types quarantined rows as the reader and the casts would have, and writes them as parts. Rows that still do not fit are misfits with their new reason. */
  rewrite(
    spec: PartsSpec,
    policy: RestagePolicy,
    rows: AsyncIterable<readonly QuarantinedRow[]>,
  ): Promise<Written & { readonly twins: readonly string[]; readonly nullified: number }>;
  /**
   * The shapes of Parquet files, from their footers; `null` where one is no such file, or has a column that no vector
   * is exactly (nested, unsigned, time, nanoseconds).
   *
   * @throws FILE_CHANGED and what else reading a file throws
   */
  shapes(files: readonly OfferedFile[], signal: AbortSignal): Promise<readonly ParquetShape[] | null>;
  /**
   * Copies objects of other stores beside the parts, in `files/`, several at once and without a file on this machine;
   * at most 64 MB of them are in memory. Cloud Storage copies its own objects where this account may read them. Answers in the order of the files, when all are there and whole. A copy
   * that is there already, as of an answer that was lost, is taken where it is equal.
   *
   * @throws FILE_CHANGED and what else reading a file throws; STAGING_CORRUPT, STAGING_FAILED, STAGING_DENIED, STAGING_MISSING
   */
  copy(
    run: Omit<RunIdentity, 'startedAt'>,
    files: readonly OfferedFile[],
    signal: AbortSignal,
  ): Promise<readonly CopiedFile[]>;
  /** Where the objects of a run lie, those of all its processes. */
  folders(run: Pick<RunIdentity, 'tenant' | 'source' | 'runId'>): RunFolders;
  /** Removes what this process of the run laid down and what older ones left; never what a newer one uses. */
  remove(run: Omit<RunIdentity, 'startedAt'>): Promise<void>;
  /** Removes all objects of a run, once it is committed. */
  removeRun(run: Pick<RunIdentity, 'tenant' | 'source' | 'runId'>): Promise<void>;
  /** Removes the objects of all other runs of the source: what dead runs left. Needs the lease. */
  removeOthers(run: RunIdentity): Promise<void>;
}
