/** What lies between extraction and load: the objects of a run. Types only. */
import type { InletEnd } from '../channel.ts';
import type { BatchLayout, RejectedRow } from '../vectors.ts';
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
  /** `gs://bucket/acme/orders/<run id>/rows/part-00000.parquet`. */
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

/** A row that lies in quarantine, as the warehouse gives it for a replay. */
export interface QuarantinedRow extends RejectedRow {
  /** Names the row in `_quarantine`. */
  readonly place: string;
  readonly runId: string;
}

/** The staged objects of one tenant. One run at a time per instance. */
export interface Staging extends AsyncDisposable {
  /** Writes parts while rows still arrive, holding the producer back; the manifest comes last. On failure nothing stays that the lifecycle rule does not take. */
  write(spec: PartsSpec, inlet: InletEnd, signal: AbortSignal): Promise<Written>;
  /** Types quarantined rows as the reader and the casts would have, and writes them as parts. Rows that still do not fit are misfits with their new reason. */
  rewrite(
    spec: PartsSpec,
    policy: RestagePolicy,
    rows: AsyncIterable<readonly QuarantinedRow[]>,
  ): Promise<Written & { readonly twins: readonly string[]; readonly nullified: number }>;
  /** Removes the objects of a run. */
  remove(run: Pick<RunIdentity, 'tenant' | 'source' | 'runId'>): Promise<void>;
  /** Removes the objects of all other runs of the source: what dead runs left. Needs the lease. */
  removeOthers(run: RunIdentity): Promise<void>;
}
