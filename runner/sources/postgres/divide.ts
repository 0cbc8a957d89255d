/** A read in pieces, each of which another process can read by itself. */
import type { ReadSpec, Window } from '../../core/contracts/source.ts';
import type { Split } from '../../core/contracts/splits.ts';
import { splitsOf, stretches } from '../../core/pieces.ts';
import { quoteIdentifier } from './identifier.ts';
import { type Footing, type Piece, pageBounds } from './pieces.ts';
import { fromClause, windowClause } from './query.ts';
import type { Query, Way } from './way.ts';

/** Up to so many rows all values of a column are looked at; of more, those of some pages. */
const LOOK_ROWS = 2_000_000;
const SAMPLE_ROWS = 100_000;
/** So many values are looked at for each piece: where one is of many rows, the next one parts them. */
const FINER = 8;

interface Division {
  readonly query: Query;
  readonly spec: Pick<ReadSpec, 'object' | 'window' | 'nullCursors'>;
  readonly way: Way;
  readonly rows: number | null;
  readonly footing: Footing;
}

export async function divideRead(division: Division, count: number): Promise<readonly Split[]> {
  const pieces = await piecesOf(division, count);
  return splitsOf(
    pieces.map((piece) => ({ ...division.footing, piece })),
    division.rows,
  );
}

async function piecesOf(division: Division, count: number): Promise<readonly Piece[]> {
  const { spec, way } = division;
  if (way.by === 'pages') {
    const bounds = pageBounds(way.pages, count);
    return [0, ...bounds].map((from, i) => ({ by: 'pages', from, to: bounds[i] ?? null }));
  }
  const column = way.column ?? '';
  const between = stretches(count === 1 ? [] : await valueBounds(division, column, count));
  const { window, nullCursors } = spec;
  if (way.by === 'key') return between.map((stretch) => ({ by: 'key', column, ...stretch }));
  const { from: start, to: end } = window as Window;
  return between.map(({ from, to }, i) => ({
    by: 'window',
    window: { column, from: from ?? start, to: to ?? end },
    nullCursors: nullCursors && i === 0,
  }));
}

/** Values that part the rows evenly, without the least one: nothing lies before it. */
async function valueBounds({ query, spec, way, rows }: Division, column: string, count: number): Promise<string[]> {
  const { object, window } = spec;
  const percent = (100 * SAMPLE_ROWS) / Math.max(1, rows ?? 1);
  const sample = way.sampled && (rows ?? 0) > LOOK_ROWS ? ` TABLESAMPLE SYSTEM (${percent.toFixed(6)})` : '';
  const steps = FINER * count;
  const shares = Array.from({ length: steps }, (_, i) => i / steps);
  const { rows: found } = await query<{ bounds: string[] | null }>(
    `SELECT (percentile_disc($1::float8[]) WITHIN GROUP (ORDER BY ${quoteIdentifier(column)}))::text[] AS bounds
     FROM ${fromClause(object)}${sample}${windowClause(window, false)}`,
    [shares],
  );
  return evenly(found[0]?.bounds ?? [], count);
}

/** Of values in their order, which may repeat, those that part them evenly; none is the least, nothing lies before it. */
export function evenly(values: readonly string[], count: number): string[] {
  const bounds: string[] = [];
  let wanted = 1;
  for (const [i, value] of values.entries()) {
    const share = (i * count) / values.length;
    if (wanted === count || share < wanted || value === (bounds.at(-1) ?? values[0])) continue;
    bounds.push(value);
    wanted = Math.floor(share) + 1;
  }
  return bounds;
}
