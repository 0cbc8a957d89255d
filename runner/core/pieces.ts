/** How a read is parted: into how many pieces, and what lies between their bounds. Pure. */
import type { Estimate } from './contracts/source.ts';
import type { Split } from './contracts/splits.ts';

/** Fewer rows than these are not worth a piece of their own. */
export const LEAST_ROWS = 50_000;
const LEAST_BYTES = 16 << 20;

/** As many pieces as the read has rows or bytes for, at least one. */
export function pieceCount(
  { rows, bytes }: Pick<Estimate, 'rows' | 'bytes'>,
  most: number,
  least = LEAST_ROWS,
): number {
  const wanted = Math.floor(Math.max((rows ?? 0) / least, (bytes ?? 0) / LEAST_BYTES));
  return Math.max(1, Math.min(most, wanted));
}

/** What comes before the first bound, between any two, and from the last one on; the ends are open. */
export function stretches(bounds: readonly string[]): { readonly from: string | null; readonly to: string | null }[] {
  return [null, ...bounds].map((from, i) => ({ from, to: bounds[i] ?? null }));
}

/** The tasks with their ids: `00012`. */
export function splitsOf(tasks: readonly unknown[], rows: number | null): readonly Split[] {
  return tasks.map((task, i) => ({
    id: String(i).padStart(5, '0'),
    task,
    rows: rows === null ? null : Math.round(rows / tasks.length),
  }));
}

/** Whether a window ends where a bound says that it is safe, or before. Typed texts of one column. */
export function endsWithin(to: string, bound: string): boolean {
  if (to === bound) return true;
  const whole = /^-?\d+$/;
  if (whole.test(to) && whole.test(bound)) return BigInt(to) <= BigInt(bound);
  return Date.parse(to) < Date.parse(bound);
}
