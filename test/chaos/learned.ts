/** What the runs so far show: which calls the next one will make. */
import { Coverage } from './schedule.ts';

export class Learned {
  readonly coverage = new Coverage();
  #first: readonly string[] = [];
  readonly #later = new Map<string, readonly string[]>();

  /** A run of its world's first, dead or not; the one that came farthest counts. */
  first(steps: readonly string[]): void {
    if (new Set(steps).size > new Set(this.#first).size) this.#first = steps;
  }

  /** A run that nothing disturbed. */
  later(shape: string, steps: readonly string[]): void {
    this.#later.set(shape, steps);
  }

  /** Steps in the order of their calls; empty where nothing is known. */
  callsOf(shape: string, first: boolean): readonly string[] {
    const later = this.#later.get(shape) ?? [...this.#later.values()][0] ?? [];
    if (!first) return later;
    const known = new Set(this.#first);
    return [...this.#first, ...later.filter((step) => !known.has(step))];
  }
}
