/** Parting a line of rows by counts, until no piece is much larger than another. Pure but for what it is given to ask by. */

/** Something that rows lie on in their order: names, times. `null` is either end of it. */
export interface Line<Point> {
  /** A point after the one and before the other. */
  between(from: Point, to: Point | null): Point | null;
  /** Where the first row lies, `from <= point < to`; `null`: none does. */
  first(from: Point | null, to: Point | null): Promise<Point | null>;
  /** Rows, `from <= point < to`. */
  count(from: Point | null, to: Point | null): Promise<number>;
}

export interface Stretch<Point> {
  readonly from: Point | null;
  readonly to: Point | null;
  readonly rows: number;
}

/** A line is given up on after so many points that part nothing. */
const MOST_ATTEMPTS = 400;

/** The stretch in pieces of at most so many rows, in their order; a piece that cannot be parted stays larger. */
export async function parted<Point>(
  line: Line<Point>,
  { from, to, rows }: Stretch<Point>,
  enough: number,
  signal: AbortSignal,
): Promise<Stretch<Point>[]> {
  if (rows <= enough) return [{ from, to, rows }];
  const least = await line.first(from, to);
  return least === null ? [{ from, to, rows }] : await halved(line, { from, to, rows }, least, to, enough, signal);
}

/** @param low where a row lies @param high behind all of its rows */
async function halved<Point>(
  line: Line<Point>,
  stretch: Stretch<Point>,
  low: Point,
  high: Point | null,
  enough: number,
  signal: AbortSignal,
): Promise<Stretch<Point>[]> {
  const { from, to, rows } = stretch;
  if (rows <= enough) return [stretch];
  let behind = high;
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    signal.throwIfAborted();
    const point = line.between(low, behind);
    if (point === null) break;
    const next = await line.first(point, behind);
    if (next === null) {
      behind = point;
      continue;
    }
    const before = await line.count(from, point);
    const parts = await Promise.all([
      halved(line, { from, to: point, rows: before }, low, point, enough, signal),
      halved(line, { from: point, to, rows: rows - before }, next, behind, enough, signal),
    ]);
    return parts.flat();
  }
  return [stretch];
}

/** Neighbours together, so that there are at most so many and each has about as many rows as another. */
export function gathered<Point>(stretches: readonly Stretch<Point>[], most: number): Stretch<Point>[] {
  const all = Math.max(
    1,
    stretches.reduce((sum, { rows }) => sum + rows, 0),
  );
  const found = new Map<number, Stretch<Point>>();
  let before = 0;
  for (const { from, to, rows } of stretches) {
    const place = Math.min(most - 1, Math.floor(((before + rows / 2) / all) * most));
    const other = found.get(place);
    found.set(place, other === undefined ? { from, to, rows } : { from: other.from, to, rows: other.rows + rows });
    before += rows;
  }
  return [...found.values()];
}
