/** Ways of moving the rows of a read that do not go through the channel. Types only. */
import type { FilesSpec } from '../../../tenants/schema/index.ts';
import type { ChannelProgress } from '../channel.ts';
import type { LateWishes, ReadColumn, ReadSummary } from './source.ts';
import type { SplitDesk } from './splits.ts';
import type { PartsSpec, Written } from './staging.ts';

/** A source names what it can, best first; a warehouse takes the first it can. What none takes is read in batches. */
export type Offer = StatementOffer | FilesOffer | ExportOffer | SplitsOffer;

/** The warehouse reads by itself, and no byte goes through the runner. */
export interface StatementOffer {
  readonly way: 'statement';
  readonly dialect: 'bigquery';
  /** A SELECT whose columns are those of the read, by name and in order, masks applied. */
  readonly sql: string;
  /** Named parameters of the statement: what no text of a job may hold, as the key of a mask. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Where it has to run, as `EU`. */
  readonly location: string;
  /** The job may be billed no more. */
  readonly maxBytesBilled?: number;
}

/** The source writes what is read into a bucket by itself, and the warehouse loads it from there. */
export interface ExportOffer {
  readonly way: 'export';
  /** Of a load job of BigQuery. */
  readonly format: 'DATASTORE_BACKUP';
  /** In the order of the vectors of the stage. */
  readonly columns: readonly ReadColumn[];
  /**
   * Exports into the folder, and waits. An export of the same run that goes on or is done is taken; those of other runs
   * of this source that go on are cancelled, and so is this one when the signal says so.
   */
  write(
    folders: RunFolders,
    watch: { readonly signal: AbortSignal; readonly onProgress: (progress: ChannelProgress) => void },
  ): Promise<Exported>;
}

/** Others read the pieces and write them beside each other; the warehouse loads what all of them wrote. */
export interface SplitsOffer {
  readonly way: 'splits';
  /** Has all splits carried out. @returns the parts of all as one */
  write(
    parts: PartsSpec,
    desk: SplitDesk,
    watch: { readonly signal: AbortSignal; readonly onProgress: (progress: ChannelProgress) => void },
  ): Promise<Written & { readonly summary: ReadSummary }>;
}

/** Where the objects of a run lie: `gs://bucket/acme/orders/<run id>/`, and those of all runs of the source. */
export interface RunFolders {
  readonly run: string;
  readonly source: string;
}

export interface Exported {
  /** What a load job takes: `gs://…/all_namespaces_kind_products.export_metadata`. */
  readonly uri: string;
  /** Documents that the read is of, at the moment of the export. */
  readonly rows: number;
  /** What was written holds all collections of this id; the read is of one at the root of the database, or of all. */
  readonly collectionId: string;
  readonly group: boolean;
}

/** One object at one version. */
export interface FileVersion {
  /** `gs://acme-landing/daily/a.csv.gz`, `s3://…`, `https://acmeerp.blob.core.windows.net/exports/…`. */
  readonly uri: string;
  /** Generation, version id or ETag: another one as soon as the bytes are others. */
  readonly version: string;
  readonly bytes: number;
  /** ISO 8601, UTC: when the store took it. */
  readonly modifiedAt: string;
}

/** An object that was loaded. One row of `_files`. */
export interface LoadedFile extends FileVersion {
  /** Rows in it, those for quarantine with them. */
  readonly rows: number;
}

/** Objects as they lie in their store; who takes them cuts them into rows. */
export interface FilesOffer {
  readonly way: 'files';
  readonly spec: FilesSpec;
  /** What of them is wanted, in the order of the vectors of the stage. */
  readonly columns: readonly ReadColumn[];
  readonly files: readonly OfferedFile[];
  /** Key of `hmac-sha256` masks. */
  readonly maskKey?: string;
  /** Set where the last column of the stage carries late fields. */
  readonly late?: LateWishes;
}

export interface OfferedFile extends FileVersion {
  /** Values that all its rows have, by source name of the column: parts of its path, its URI. */
  readonly constants: Readonly<Record<string, string>>;
  /** Compression of its bytes. */
  readonly compression: 'none' | 'gzip' | 'zstd' | 'zip';
  /** Its bytes as they lie in the store, `from <= i < to`, to the end without `to`; several may be open at once. @throws FILE_CHANGED where the version is gone */
  open(from: number, signal: AbortSignal, to?: number): AsyncIterable<Uint8Array>;
}
