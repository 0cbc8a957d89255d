/** The key of `hmac-sha256` masks, ready for a server that has sha256 and no HMAC. */
import { createHash } from 'node:crypto';

const HMAC_BLOCK = 64;

/**
 * The two padded keys of RFC 2104 in hexadecimal: HMAC = sha256(outer ‖ sha256(inner ‖ text)).
 */
export function hmacPads(key: string): { readonly inner: string; readonly outer: string } {
  const bytes = Buffer.from(key);
  const block = Buffer.alloc(HMAC_BLOCK);
  (bytes.length > HMAC_BLOCK ? createHash('sha256').update(bytes).digest() : bytes).copy(block);
  const pad = (octet: number) => Buffer.from(block.map((byte) => byte ^ octet)).toString('hex');
  return { inner: pad(0x36), outer: pad(0x5c) };
}
