/** How many values of a text column differ. Few columns have statistics, so the first rows of a large table are asked. */
import type { ObjectRef, ObjectShape, SourceColumn } from '../../core/contracts/source.ts';
import { differentAmongNeighbours } from '../../core/neighbours.ts';
import { rows, type Session } from './connect.ts';
import { parseTableName, quoteIdentifier, quoteTable } from './identifier.ts';

/** Of fewer rows it does not matter how they are stored. */
const LARGE_ROWS = 100_000;
/** Of wider rows a sample is too much to read. */
const WIDE_ROW_BYTES = 2048;
const SAMPLE_ROWS = 2000;

/** The shape with `distinct` at the texts of a large table. */
export async function withDistinct(session: Session, ref: ObjectRef, shape: ObjectShape): Promise<ObjectShape> {
  const { kind, rows: total, bytes, columns } = shape;
  const texts = columns.filter(({ logical }) => logical.kind === 'STRING' || logical.kind === 'JSON');
  const large = kind.endsWith('table') && (total ?? 0) >= LARGE_ROWS;
  const wide = (bytes ?? 0) > (total ?? 0) * WIDE_ROW_BYTES;
  if (!large || wide || texts.length === 0 || ref.table === undefined) return shape;
  const shares = await distinctOf(session, ref.table, texts);
  return {
    ...shape,
    columns: columns.map((column) => {
      const distinct = shares.get(column.name);
      return distinct === undefined ? column : { ...column, distinct };
    }),
  };
}

async function distinctOf(
  { client }: Session,
  table: string,
  columns: readonly SourceColumn[],
): Promise<Map<string, number>> {
  const names = columns.map(({ name }) => quoteIdentifier(name));
  const counts = names.map((name, i) => `COUNT(${name}) AS n${i}, COUNT(DISTINCT CRC32(${name})) AS d${i}`);
  const sample = `SELECT ${names.join(', ')} FROM ${quoteTable(parseTableName(table))} LIMIT ${SAMPLE_ROWS}`;
  const sql = `SELECT COUNT(*) AS total, ${counts.join(', ')} FROM (${sample}) AS first_rows`;
  // It decides about speed only; a column that cannot be computed says so where it is read.
  const [found = {}] = await rows<Record<string, string | number>>(client, sql).catch(() => []);
  const at = (name: string) => Number(found[name] ?? 0);
  return new Map(
    columns.map(({ name }, i) => [
      name,
      distinctShare({ total: at('total'), filled: at(`n${i}`), different: at(`d${i}`) }),
    ]),
  );
}

/**
 * Different values per row among neighbours, by those of a sample: of v values that come alike, n rows hold
 * n²/2v pairs of the same.
 */
export function distinctShare(sample: {
  readonly total: number;
  readonly filled: number;
  readonly different: number;
}): number {
  const { total, filled, different } = sample;
  if (filled === 0) return 0;
  const values = filled ** 2 / 2 / Math.max(0.5, filled - different);
  return (filled / total) * Math.min(different / filled, differentAmongNeighbours(values));
}
