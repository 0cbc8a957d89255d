/** Late fields: what a read met and no column was for, on its way to columns of its own. */
import type { LateColumn, SourceColumn } from './contracts/source.ts';
import { unionType } from './union.ts';
import type { VectorColumn } from './vectors.ts';

/** The column that carries them. */
export const LATE: LateColumn = '_tributary_late';

export const LATE_VECTOR: VectorColumn = { name: LATE, kind: 'json' };

/**
 * The key of a field in the {@link LateColumn}: letters, digits and `_`, whatever the name, so that it is plain in every
 * warehouse's paths.
 *
 * @example lateKey('price') // 'f_price'
 * @example lateKey('a.b') // 'x_612e62'
 */
export function lateKey(name: string): string {
  return /^\w{1,200}$/.test(name) ? `f_${name}` : `x_${Buffer.from(name).toString('hex')}`;
}

/** Late fields of several readers, or splits, as those of one. */
export function mergeLate(parts: readonly (readonly SourceColumn[])[]): readonly SourceColumn[] {
  const found = new Map<string, SourceColumn>();
  for (const column of parts.flat()) {
    const other = found.get(column.name);
    const logical = other === undefined ? column.logical : unionType(other.logical, column.logical);
    found.set(column.name, { ...column, logical });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
