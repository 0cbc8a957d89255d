/** CRC-32C (Castagnoli), by which Cloud Storage knows an object. */
import { crc32c as native } from '@node-rs/crc32';

/** The sum of all bytes so far, which begins with 0, and these. */
export function crc32c(bytes: Uint8Array, sum = 0): number {
  return native(bytes, sum);
}

/** As Cloud Storage writes it: base64 of four bytes, the highest first. */
export function crc32cText(sum: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(sum);
  return bytes.toString('base64');
}
