/** What the main thread asks of the thread that owns the DuckDB instance. */
import type { MessagePort } from 'node:worker_threads';
import type { InletEnd } from '../core/channel.ts';
import type { Problem } from '../core/errors.ts';
import type { BatchLayout, RejectedRow } from '../core/vectors.ts';
import type { VectorPath } from './receive.ts';

/** The name under which the file is attached. */
export const DATABASE = 'warehouse';

export interface OpenOptions {
  /** `null`: nothing is attached. */
  readonly file: string | null;
  /** Folder for what DuckDB's memory does not hold; default: beside the file. */
  readonly spill?: string;
  readonly memory: string;
  readonly threads: number;
  /** Forces a way of filling vectors; `auto` runs the self-test. */
  readonly vectorPath: VectorPath | 'auto';
}

export type Parameter = string | number | null;
export type JsonRow = Readonly<Record<string, unknown>>;

/** Requests by name, with what they take and give. */
export interface Requests {
  open: { take: OpenOptions; give: { vectorPath: VectorPath } };
  /** Attaches the file anew so that tables made from now on have row groups of this size. */
  rowGroups: { take: { file: string; rows: number }; give: null };
  execute: { take: { sql: string; parameters?: readonly Parameter[] }; give: { changed: number } };
  query: { take: { sql: string; parameters?: readonly Parameter[] }; give: readonly JsonRow[] };
  /** Runs a statement that reads `tributary_rows()` over a channel; again for every `sliceBytes` of it where that is set. */
  load: {
    take: { sql: string; layout: BatchLayout; inlet: InletEnd; sliceBytes?: number; maxRejected?: number };
    give: { rows: number; rejected: readonly RejectedRow[] };
  };
  /**
   * Writes the rows of a SELECT over `tributary_rows()` into files, one for each `sliceBytes` of the channel. Each is
   * told as a {@link WrittenFile} through the port, and the next is begun when an {@link AfterFile} came back.
   */
  files: {
    take: FilesRequest & { inlet: InletEnd; port: MessagePort };
    give: { rows: number; rejected: readonly RejectedRow[] };
  };
  close: { take: null; give: null };
}

export interface FilesRequest {
  readonly select: string;
  readonly layout: BatchLayout;
  /** Of COPY: `FORMAT parquet, COMPRESSION zstd`. */
  readonly options: string;
  /** Path of a file without its number, and what follows the number. */
  readonly prefix: string;
  readonly suffix: string;
  readonly sliceBytes: number;
  readonly maxRejected?: number;
}

export interface WrittenFile {
  readonly file: string;
  readonly rows: number;
}

export type AfterFile = 'go on' | 'stop';

export type Request = {
  [K in keyof Requests]: { readonly id: number; readonly name: K; readonly take: Requests[K]['take'] };
}[keyof Requests];

export interface Answer {
  readonly id: number;
  readonly give?: unknown;
  readonly problem?: Problem;
}
