/** Late fields: what a read met and no column was for, on its way to columns of its own. */
import type { LateColumn } from './contracts/source.ts';
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
