/**
 * The key of `hmac-sha256` masks in settings of the transaction. A server may log statements with their parameters,
 * but no results: so the key goes there under a pad that the server makes and tells in a result, used once.
 */
import { createHash } from 'node:crypto';
import type pg from 'pg';
import { hmacPads } from '../../core/mask-key.ts';

/** The padded halves of the key, in hexadecimal. */
export const MASK_INNER = 'tributary.mask_inner';
export const MASK_OUTER = 'tributary.mask_outer';

const SECRET = 'tributary.mask_secret';
const RANDOM = 'gen_random_uuid()::text';
/** For PostgreSQL before 13: what nobody reads off the log. */
const HARD_TO_GUESS = 'md5(random()::text || clock_timestamp()::text || pg_backend_pid())';

/** Sets both until the end of the transaction. @throws the driver's error */
export async function setMaskKey(client: Pick<pg.Client, 'query'>, key: string): Promise<void> {
  const { rows } = await client.query("SELECT to_regprocedure('pg_catalog.gen_random_uuid()') IS NOT NULL AS has");
  const random = Array.from({ length: 4 }, () => (rows[0]?.has === true ? RANDOM : HARD_TO_GUESS)).join(' || ');
  const made = await client.query(`SELECT set_config('${SECRET}', ${random}, true) AS secret`);
  const secret = String(made.rows[0]?.secret);
  const { inner, outer } = hmacPads(key);
  await client.query(`SELECT ${opened(MASK_INNER, inner, secret)}, ${opened(MASK_OUTER, outer, secret)}`);
}

/** The expression that sets a half; each has a pad of its own, of the 64 bytes that both have. */
function opened(name: string, half: string, secret: string): string {
  const pad = createHash('sha512').update(`${secret} ${name}`).digest();
  const sealed = Buffer.from(half, 'hex').map((byte, i) => byte ^ (pad[i] as number));
  const bits = `('x' || encode(sha512(convert_to(current_setting('${SECRET}') || ' ${name}', 'UTF8')), 'hex'))::bit(512)`;
  const word = "lpad(to_hex(substring(half FROM 64 * i + 1 FOR 64)::bit(64)::bigint), 16, '0')";
  const hex = `SELECT string_agg(${word}, '' ORDER BY i) FROM generate_series(0, 7) AS i,
    (SELECT ${bits} # ('x' || '${Buffer.from(sealed).toString('hex')}')::bit(512) AS half) AS opened`;
  return `set_config('${name}', (${hex}), true)`;
}
