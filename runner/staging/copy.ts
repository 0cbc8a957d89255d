/** How files of a run are written: sizes that suit BigQuery's loader and the memory of a small machine. */
import type { PartFormat } from '../core/contracts/staging.ts';

/** What writing takes and how it is told to DuckDB. */
export interface Copying {
  /** Options of COPY. */
  readonly options: string;
  readonly suffix: string;
  readonly contentType: string;
  /** Bytes of vectors in a file. */
  readonly sliceBytes: number;
  readonly memory: string;
  readonly threads: number;
}

const MB = 1 << 20;
/** BigQuery asks for row groups of 16 MiB and more; each writing thread holds one, and its pages beside it. */
const ROW_GROUP_BYTES = 16 * MB;
/** DuckDB's dictionaries take -0 and 0 for one value. Without them zstd makes parts as small, and each thread holds less. */
const NO_DICTIONARY = 'DICTIONARY_SIZE_LIMIT 0';
/** Holds where rows are wider than was estimated: DuckDB keeps one row group for each thread. */
const MOST_ROW_GROUP = '64MiB';
const SMALLEST_ROW_GROUP = 2048;
const LARGEST_ROW_GROUP = 1 << 20;
const PARQUET_SLICE = 192 * MB;
const NDJSON_SLICE = 64 * MB;
/** Past this one thread writes as fast as two, whose row groups of the smallest size are larger than they should be. */
const ONE_WRITER_ROW_BYTES = 2 << 10;
/** Past this even one row group of the smallest size takes more than the usual memory. */
const WIDE_ROW_BYTES = 16 << 10;

/** @param rowBytes estimated bytes of a row */
export function copying(format: PartFormat, rowBytes: number): Copying {
  if (format === 'ndjson')
    return {
      options: 'FORMAT json',
      suffix: '.ndjson',
      contentType: 'application/x-ndjson',
      sliceBytes: NDJSON_SLICE,
      memory: '1100MB',
      threads: 1,
    };
  const rows = rowGroupRows(rowBytes);
  const options = [
    'FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1',
    `ROW_GROUP_SIZE ${rows}, ROW_GROUP_SIZE_BYTES '${MOST_ROW_GROUP}'`,
    NO_DICTIONARY,
  ];
  return {
    options: options.join(', '),
    suffix: '.parquet',
    contentType: 'application/vnd.apache.parquet',
    sliceBytes: PARQUET_SLICE,
    memory: rowBytes > WIDE_ROW_BYTES ? '400MB' : '150MB',
    threads: rowBytes > ONE_WRITER_ROW_BYTES ? 1 : 2,
  };
}

function rowGroupRows(rowBytes: number): number {
  const rows = Math.ceil(ROW_GROUP_BYTES / Math.max(1, rowBytes) / SMALLEST_ROW_GROUP) * SMALLEST_ROW_GROUP;
  return Math.min(LARGEST_ROW_GROUP, rows);
}
