/** Column names of a source → names every warehouse takes. The last rule of the tenant file. */
import { createHash } from 'node:crypto';
import { transliterate } from './transliteration.ts';

const LONGEST = 300;

/** Columns that Tributary itself adds. */
const OWN = new Set(['_run_id', '_extracted_at', '_snapshot_date', '_deleted_at']);

/** Prefixes that BigQuery keeps for itself, in any case. */
const RESERVED =
  /^(?:_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER|_CHANGE_SEQUENCE_NUMBER|_CHANGE_TYPE|_CHANGE_TIMESTAMP)/i;

/** Whether no column of a source may have this name in the warehouse. */
export function isReservedColumn(name: string): boolean {
  return RESERVED.test(name) || OWN.has(name.toLowerCase());
}

/**
 * The warehouse's names of columns, in the order given. A name depends on its own original alone,
 * unless several originals come to the same name: then the one that needed no change keeps it and
 * the others get a suffix from a hash of their original. Order matters only where one original is
 * given twice.
 *
 * @example columnNames(['id', 'Zażółć gęślą', 'a b', 'a_b']) // ['id', 'Zazolc_gesla', 'a_b_c8687a08', 'a_b']
 */
export function columnNames(originals: readonly string[]): string[] {
  const seen = new Map<string, number>();
  const columns = originals.map((original) => {
    const time = (seen.get(original) ?? 0) + 1;
    seen.set(original, time);
    const identity = time === 1 ? original : `${original}\0${time}`;
    return { identity, base: baseName(original), clean: time === 1 && baseName(original) === original };
  });
  const groups = Map.groupBy(columns, ({ base }) => base.toLowerCase());
  const losers = new Set<(typeof columns)[number]>();
  for (const group of groups.values()) {
    const winner = group.length === 1 ? group[0] : keeper(group);
    for (const column of group) if (column !== winner) losers.add(column);
  }
  const taken = new Set(groups.keys());
  for (let length = 8; losers.size > 0; length += 8) {
    const tried = Map.groupBy(losers, ({ base, identity }) => withSuffix(base, identity, length).toLowerCase());
    for (const [name, candidates] of tried) {
      const only = candidates[0];
      if (only === undefined || candidates.length > 1 || taken.has(name)) continue;
      losers.delete(only);
      taken.add(name);
      only.base = withSuffix(only.base, only.identity, length);
    }
  }
  return columns.map(({ base }) => base);
}

function keeper<T extends { base: string; clean: boolean }>(group: readonly T[]): T | undefined {
  const clean = group.filter((column) => column.clean);
  if (clean.length === 1) return clean[0];
  return clean.find(({ base }) => base === base.toLowerCase());
}

function baseName(original: string): string {
  const plain = transliterate(original);
  const started = /^[A-Za-z_]/.test(plain) ? plain : `_${plain}`;
  return (isReservedColumn(started) ? `c${started}` : started).slice(0, LONGEST);
}

function withSuffix(base: string, identity: string, length: number): string {
  const hash = createHash('sha512').update(identity).digest('hex').slice(0, length);
  return `${base.slice(0, LONGEST - 1 - length)}_${hash}`;
}
