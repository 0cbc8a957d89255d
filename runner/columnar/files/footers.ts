/** The ends of Parquet files, and what they say: columns and rows. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OfferedFile } from '../../core/contracts/offer.ts';
import type { Engine } from '../engine.ts';
import { quoteText } from '../sql.ts';
import { inParallel } from './in-parallel.ts';

/** Enough for most; a longer one is asked for once more. */
const FOOTER_BYTES = 256 << 10;
/** Fetched at once. */
const AT_ONCE = 8;

/**
 * Each file with its end at its place and nothing before it, as long as the work lasts.
 *
 * @param work gets their paths, in the order of the files
 */
export async function withFooters<T>(
  files: readonly OfferedFile[],
  folder: string,
  signal: AbortSignal,
  work: (paths: readonly string[]) => Promise<T>,
): Promise<T> {
  const paths = files.map((_, i) => join(folder, `footer-${i}.parquet`));
  try {
    await inParallel(files, AT_ONCE, (file, i) => fetchFooter(file, paths[i] as string, signal));
    return await work(paths);
  } finally {
    await Promise.all(paths.map((path) => rm(path, { force: true })));
  }
}

async function fetchFooter(file: OfferedFile, path: string, signal: AbortSignal): Promise<void> {
  let from = Math.max(0, file.bytes - FOOTER_BYTES);
  let tail = await bytesFrom(file, from, signal);
  const length = tail.length >= 8 ? tail.readUInt32LE(tail.length - 8) + 8 : 0;
  if (length > tail.length && length <= file.bytes) {
    from = file.bytes - length;
    tail = await bytesFrom(file, from, signal);
  }
  await using handle = await open(path, 'w');
  await handle.write(Buffer.from('PAR1'), 0, 4, 0);
  await handle.write(tail, 0, tail.length, from);
}

async function bytesFrom(file: OfferedFile, from: number, signal: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.open(from, signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Rows of Parquet files by their footers, by path. */
export async function footerRows(engine: Engine, paths: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const list = paths.map(quoteText).join(', ');
  const metas = await engine.query(`SELECT file_name, num_rows AS n FROM parquet_file_metadata([${list}])`);
  return new Map(metas.map(({ file_name, n }) => [String(file_name), Number(n)]));
}

/** What Parquet files say of their columns, by path; equal texts are equal columns. */
export async function columnsOf(engine: Engine, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const told = ['name', 'type', 'repetition_type', 'num_children', 'converted_type', 'logical_type', 'duckdb_type'];
  const leaf = `to_json({${told.map((name) => `${name}: ${name}`).join(', ')}})::VARCHAR`;
  const rows = await engine.query(
    `SELECT file_name, ${leaf} AS told FROM parquet_schema([${paths.map(quoteText).join(', ')}])`,
  );
  const files = Map.groupBy(rows, ({ file_name }) => String(file_name));
  return new Map([...files].map(([path, leaves]) => [path, leaves.map((leaf) => leaf.told).join()]));
}
