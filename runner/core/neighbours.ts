/** How often values come back among rows that lie together, which decides how a columnar store encodes them. */

/** Rows that a columnar store encodes together. */
const NEIGHBOURS = 100_000;

/**
 * Different values per row among neighbours, 0 to 1, in a column whose rows draw from so many values alike.
 *
 * @example differentAmongNeighbours(1e9) // 0.99995: hardly one comes back
 */
export function differentAmongNeighbours(values: number): number {
  return (values / NEIGHBOURS) * -Math.expm1(-NEIGHBOURS / values);
}
