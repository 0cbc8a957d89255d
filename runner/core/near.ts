/** Names that look like a wanted one, for the message that it was not found. Pure. */

export interface Named {
  readonly schema?: string;
  readonly table: string;
}

const MOST = 3;

/**
 * Up to three, best first. A wrong schema counts less than a wrong letter.
 *
 * @example nearest({ table: 'order' }, [{ schema: 'shop', table: 'orders' }]) // [{ schema: 'shop', table: 'orders' }]
 */
export function nearest<T extends Named>(wanted: Named, found: readonly T[]): readonly T[] {
  const scored = found.map((one) => ({ one, score: distance(wanted, one) }));
  const near = scored.filter(({ score }) => score <= 3.5).sort((a, b) => a.score - b.score);
  return near.slice(0, MOST).map(({ one }) => one);
}

function distance(wanted: Named, found: Named): number {
  const a = wanted.table.toLowerCase();
  const b = found.table.toLowerCase();
  const plural = a === `${b}s` || b === `${a}s` ? 0.5 : null;
  const table = plural ?? levenshtein(a, b);
  if (table > Math.max(1, Math.min(3, a.length / 3))) return Number.POSITIVE_INFINITY;
  const schema = wanted.schema === undefined || wanted.schema === found.schema ? 0 : 0.5;
  return table + schema;
}

function levenshtein(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 3) return Number.POSITIVE_INFINITY;
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(change, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}
