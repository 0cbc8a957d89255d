/** In which order many stacks are changed. */

/** One canary, then a tenth, then the rest: what is wrong with all of them shows on one. */
export function waves<T>(items: readonly T[]): T[][] {
  const tenth = Math.ceil(items.length / 10);
  return [items.slice(0, 1), items.slice(1, 1 + tenth), items.slice(1 + tenth)].filter((wave) => wave.length > 0);
}

/** Results in the order of the items; what was not begun when `stop` became true is missing. */
export async function pooled<T, R>(
  items: readonly T[],
  parallel: number,
  work: (item: T) => Promise<R>,
  stop: () => boolean = () => false,
): Promise<R[]> {
  const results: { readonly index: number; readonly result: R }[] = [];
  const queue = items.entries();
  const lane = async () => {
    while (!stop()) {
      const next = queue.next();
      if (next.done) return;
      const [index, item] = next.value;
      results.push({ index, result: await work(item) });
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, lane));
  return results.sort((a, b) => a.index - b.index).map(({ result }) => result);
}
