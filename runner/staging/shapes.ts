/** What Parquet files say of themselves, as far as another reader takes it just as this one does. */
import { join } from 'node:path';
import { Engine } from '../columnar/engine.ts';
import { withFooter } from '../columnar/files/infer.ts';
import { quoteText } from '../columnar/sql.ts';
import type { OfferedFile } from '../core/contracts/offer.ts';
import type { ParquetShape } from '../core/contracts/staging.ts';
import { TributaryError } from '../core/errors.ts';
import { makeScratch } from '../core/scratch.ts';
import type { VectorColumn, VectorKind } from '../core/vectors.ts';

const MEMORY = '150MB';

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
    for (const file of files) {
      const shape = await withFooter(file, folder, signal, (path) => shapeOf(engine, path)).catch(unreadable);
      if (shape === null) return null;
      shapes.push(shape);
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

async function shapeOf(engine: Engine, path: string): Promise<ParquetShape | null> {
  const [, ...leaves] = await engine.query(
    `SELECT name, type, repetition_type, num_children, converted_type, logical_type, duckdb_type FROM parquet_schema(${quoteText(path)})`,
  );
  const columns = leaves.map(vectorOf);
  if (!columns.every((column) => column !== null)) return null;
  const [meta] = await engine.query(`SELECT num_rows AS n FROM parquet_file_metadata(${quoteText(path)})`);
  return { rows: Number(meta?.n ?? Number.NaN), columns };
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

function vectorOf(leaf: Readonly<Record<string, unknown>>): VectorColumn | null {
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
