/** Values as texts for people. */
import { isUtf8 } from 'node:buffer';

/** How the reason of a row in quarantine ends where a text of it is none: such a text is shown, and is never loaded. */
export const NOT_UTF8 = 'not valid UTF-8';

/** The same where another column is the reason. */
export const ALSO_NOT_UTF8 = `a text of the row is ${NOT_UTF8}`;

/**
 * A text with the bytes that are not UTF-8 spelled out.
 *
 * @example legible(Buffer.from('café', 'latin1')) // 'caf\\xe9'
 */
export function legible(bytes: Uint8Array): string {
  const octets = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (isUtf8(octets)) return octets.toString('utf8');
  let text = '';
  let good = 0;
  for (let at = 0; at < octets.length; ) {
    const length = sequenceLength(octets[at] ?? 0);
    if (isUtf8(octets.subarray(at, at + length)) && at + length <= octets.length) {
      at += length;
      continue;
    }
    text += `${octets.toString('utf8', good, at)}\\x${octets.toString('hex', at, at + 1)}`;
    at += 1;
    good = at;
  }
  return text + octets.toString('utf8', good);
}

/** A number that reads back as the same, a negative zero too. */
export function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function sequenceLength(lead: number): number {
  if (lead < 0xc0) return 1;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}
