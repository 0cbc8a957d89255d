/** Masks over texts in DuckDB: the same results as every source gives. */
import type { ReadColumn } from '../../core/contracts/source.ts';
import { hmacPads } from '../../core/mask-key.ts';
import type { Engine } from '../engine.ts';

const INNER = 'tributary_mask_inner';
const OUTER = 'tributary_mask_outer';

/** Puts the padded halves of the key where no text of a statement holds them. */
export async function setMaskKey(engine: Engine, key: string): Promise<void> {
  const { inner, outer } = hmacPads(key);
  await engine.execute(`SET VARIABLE ${INNER} = unhex($1::VARCHAR)`, [inner]);
  await engine.execute(`SET VARIABLE ${OUTER} = unhex($1::VARCHAR)`, [outer]);
}

export function masked(text: string, mask: NonNullable<ReadColumn['mask']>): string {
  switch (mask) {
    case 'redact':
      return `CASE WHEN ${text} IS NOT NULL THEN '***' END`;
    case 'null':
      return 'NULL::VARCHAR';
    case 'sha256':
      return `sha256(encode(${text}))`;
    case 'hmac-sha256':
      return `sha256(getvariable('${OUTER}')::BLOB || unhex(sha256(getvariable('${INNER}')::BLOB || encode(${text}))))`;
  }
}
