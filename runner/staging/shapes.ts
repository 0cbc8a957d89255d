/** What Parquet files say of themselves, as far as another reader takes it just as this one does. */
import { join } from 'node:path';
import { Engine } from '../columnar/engine.ts';
import { withFooters } from '../columnar/files/footers.ts';
import { quoteText } from '../columnar/sql.ts';
import type { OfferedFile } from '../core/contracts/offer.ts';
import type { ParquetShape } from '../core/contracts/staging.ts';
import { TributaryError } from '../core/errors.ts';
import { makeScratch } from '../core/scratch.ts';
import type { VectorColumn, VectorKind } from '../core/vectors.ts';

const MEMORY = '150MB';
/** Files whose ends lie on this machine's disk at once. */
const TOGETHER = 32;

/** @returns null as soon as one file has no shape */
export async function parquetShapes(
  files: readonly OfferedFile[],
  signal: AbortSignal,
): Promise<readonly ParquetShape[] | null> {
  await using scratch = await makeScratch();
  const folder = scratch.path;
  const engine = new Engine();
  try {
    await engine.open({ file: null, spill: join(folder, 'spill'), memory: MEMORY, threads: 1, vectorPath: 'safe' });
    const shapes: ParquetShape[] = [];
    for (let i = 0; i < files.length; i += TOGETHER) {
      const some = files.slice(i, i + TOGETHER);
      const found = await withFooters(some, folder, signal, (paths) => shapesOf(engine, paths)).catch(unreadable);
      if (found === null) return null;
      shapes.push(...found);
    }
    return shapes;
  } finally {
    await engine.close();
  }
}

/** What the engine cannot read has no shape. */
function unreadable(error: unknown): null {
  if (TributaryError.is(error) && error.problem.code.startsWith('WAREHOUSE_')) return null;
  throw error;
}

type Leaf = Readonly<Record<string, unknown>>;

async function shapesOf(engine: Engine, paths: readonly string[]): Promise<readonly ParquetShape[] | null> {
  const list = `[${paths.map(quoteText).join(', ')}]`;
  const leaves = Map.groupBy(
    await engine.query(
      `SELECT file_name, name, type, repetition_type, num_children, converted_type, logical_type, duckdb_type FROM parquet_schema(${list})`,
    ),
    ({ file_name }) => String(file_name),
  );
  const metas = await engine.query(`SELECT file_name, num_rows AS n FROM parquet_file_metadata(${list})`);
  const rows = new Map(metas.map(({ file_name, n }) => [String(file_name), Number(n)]));
  const shapes = paths.map((path) => shapeOf(leaves.get(path) ?? [], rows.get(path) ?? Number.NaN));
  return shapes.every((shape) => shape !== null) ? shapes : null;
}

/** @param leaves with the root before them */
function shapeOf([, ...leaves]: readonly Leaf[], rows: number): ParquetShape | null {
  const columns = leaves.map(vectorOf);
  return columns.every((column) => column !== null) ? { rows, columns } : null;
}

const KINDS: Readonly<Record<string, VectorKind>> = {
  BOOLEAN: 'bool',
  TINYINT: 'int64',
  SMALLINT: 'int64',
  INTEGER: 'int64',
  BIGINT: 'int64',
  FLOAT: 'float64',
  DOUBLE: 'float64',
  DATE: 'date',
};

function vectorOf(leaf: Leaf): VectorColumn | null {
  const [name, stored, held] = [String(leaf.name), String(leaf.type), String(leaf.duckdb_type)];
  const [converted, logical] = [String(leaf.converted_type), String(leaf.logical_type)];
  if (leaf.num_children !== null || leaf.repetition_type === 'REPEATED') return null;
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(held);
  if (decimal !== null) return { name, kind: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) };
  if (held === 'VARCHAR') return converted === 'UTF8' || logical === 'StringType()' ? { name, kind: 'text' } : null;
  if (held === 'BLOB') return stored === 'BYTE_ARRAY' && logical === 'null' ? { name, kind: 'bytes' } : null;
  if (held.startsWith('TIMESTAMP')) {
    if (stored !== 'INT64' || !/^TIMESTAMP_MI(?:CRO|LLI)S$/.test(converted)) return null;
    if (logical.startsWith('TimestampType(isAdjustedToUTC=1')) return { name, kind: 'timestamp' };
    return logical.startsWith('TimestampType(isAdjustedToUTC=0') ? { name, kind: 'datetime' } : null;
  }
  const kind = KINDS[held];
  return kind === undefined ? null : { name, kind };
}
