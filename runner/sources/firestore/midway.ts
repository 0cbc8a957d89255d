/** Points that lie between two others, for parting what nobody has counted. Pure. */

/** Before the first sign that an id begins with, and behind the last. */
const FIRST_SIGN = 0x1f;
const BEHIND_LAST_SIGN = 0x110000;
const LAST_PLAIN_SIGN = 0x7a;
const SLASH = 0x2f;
const LONGEST_ID = 1500;
const RESERVED = /^(?:\.\.?|__.*__)$/s;
const NUMERIC = /^__id-?\d+__$/;

/**
 * An id that comes after the first and before the second in the order of their bytes; `null` where there is none to speak of.
 *
 * @example idBetween('order-1', 'order-9') // 'order-5'
 */
export function idBetween(from: string | null, to: string | null): string | null {
  // Numeric ids come before all others.
  const least = from === null || NUMERIC.test(from) ? '' : from;
  const low = signsOf(least);
  const high = to === null ? null : signsOf(to);
  let same = 0;
  while (high !== null && same < low.length && low[same] === high[same]) same += 1;
  let prefix = low.slice(0, same);
  let sign = signBetween(low[same] ?? FIRST_SIGN, high === null ? BEHIND_LAST_SIGN : (high[same] ?? FIRST_SIGN));
  if (sign === null) {
    prefix = low.slice(0, same + 1);
    sign = prefix.length > same ? signBetween(low[same + 1] ?? FIRST_SIGN, BEHIND_LAST_SIGN) : null;
  }
  if (sign === null) return null;
  const found = String.fromCodePoint(...prefix, sign);
  const inside = isLess(least, found) && (to === null || isLess(found, to));
  return inside && !RESERVED.test(found) && Buffer.byteLength(found) <= LONGEST_ID ? found : null;
}

/** A whole number after the first and before the second. */
export function numberBetween(from: bigint, to: bigint): bigint | null {
  // Not halved by `/`, which rounds towards zero.
  const found = (from + to) >> 1n;
  return found > from && found < to ? found : null;
}

/** Ids are of plain letters mostly: among all of Unicode these are tried first. */
function signBetween(low: number, high: number): number | null {
  const middle = low < LAST_PLAIN_SIGN && high > LAST_PLAIN_SIGN + 1 ? LAST_PLAIN_SIGN + 1 : (low + high) >> 1;
  const sign = middle >= 0xd800 && middle <= 0xdfff ? 0xe000 : middle === SLASH ? SLASH + 1 : middle;
  return sign > low && sign < high ? sign : null;
}

function signsOf(id: string): number[] {
  return Array.from(id, (sign) => sign.codePointAt(0) ?? 0);
}

function isLess(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}
