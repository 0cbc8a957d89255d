/**
 * The key of `hmac-sha256` masks in variables of the session. The server's general log shows statements with their
 * parameters, but no results: so the key goes there under a secret that the server makes and tells in a result.
 */
import { createCipheriv } from 'node:crypto';
import { hmacPads } from '../../core/mask-key.ts';
import { rows, type Session } from './connect.ts';

/** The padded halves of the key, as bytes. */
export const MASK_INNER = '@tributary_mask_inner';
export const MASK_OUTER = '@tributary_mask_outer';

const SECRET = '@tributary_mask_secret';
const RANDOM = 'RANDOM_BYTES(16)';
/** For MariaDB before 10.10: what nobody reads off the log. */
const HARD_TO_GUESS = "UNHEX(LEFT(SHA2(CONCAT_WS(' ', RAND(), RAND(), RAND(), UUID(), SYSDATE(6)), 256), 32))";
const NO_SUCH_FUNCTION = 1305;
const MODE = 'aes-128-ecb';

/** Sets both variables. @throws the driver's error */
export async function setMaskKey({ client }: Pick<Session, 'client'>, key: string): Promise<void> {
  // Not every version has the variable; those that have none know this mode alone.
  const modes = await rows(client, "SHOW SESSION VARIABLES LIKE 'block_encryption_mode'");
  if (modes.length > 0) await client.query(`SET SESSION block_encryption_mode = '${MODE}'`);
  await client.query(`SET ${SECRET} = ${RANDOM}`).catch((error) => {
    if (error.errno !== NO_SUCH_FUNCTION) throw error;
    return client.query(`SET ${SECRET} = ${HARD_TO_GUESS}`);
  });
  const [made] = await rows<{ secret: string }>(client, `SELECT HEX(${SECRET}) AS secret`);
  const secret = Buffer.from(made?.secret ?? '', 'hex');
  const { inner, outer } = hmacPads(key);
  await client.query(
    `SET ${MASK_INNER} = ${opened(inner, secret)}, ${MASK_OUTER} = ${opened(outer, secret)}, ${SECRET} = NULL`,
  );
}

/** The expression that the bytes (hexadecimal) are made of again. */
function opened(hex: string, secret: Buffer): string {
  const cipher = createCipheriv(MODE, secret, null);
  const sealed = Buffer.concat([cipher.update(hex, 'hex'), cipher.final()]);
  return `AES_DECRYPT(UNHEX('${sealed.toString('hex')}'), ${SECRET})`;
}
