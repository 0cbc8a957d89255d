/** Numbers of JSON with all of their digits: DuckDB reads one that has a fraction as a double, whatever it becomes. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

const [LF, QUOTE, BACKSLASH, SMALL_E, LARGE_E] = [0x0a, 0x22, 0x5c, 0x65, 0x45];
const [OPEN, CLOSE, BEGIN, END] = [0x5b, 0x5d, 0x7b, 0x7d];
const [MINUS, PLUS, POINT, ZERO, NINE] = [0x2d, 0x2b, 0x2e, 0x30, 0x39];
const QUOTE_BYTES = Buffer.of(QUOTE);
/** A double gives back so many digits as they were. */
const DOUBLE_DIGITS = 15;

/**
 * Writes the lines of a file to another, where long numbers of these fields of the objects are texts.
 *
 * @param fields names of the objects themselves, not of what is nested in them
 */
export async function keepNumbers(from: string, to: string, fields: ReadonlySet<string>): Promise<void> {
  await using handle = await open(to, 'w');
  let rest: Buffer = Buffer.alloc(0);
  const write = async (lines: Buffer) => {
    const bytes = numbersAsTexts(lines, fields);
    for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
  };
  for await (const chunk of createReadStream(from, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(LF) + 1;
    await write(bytes.subarray(0, end));
    rest = bytes.subarray(end);
  }
  await write(rest);
}

/**
 * The bytes of whole lines, with quotes around the numbers in question.
 *
 * @example numbersAsTexts('{"x":0.12345678901234567890}', new Set(['x'])) // {"x":"0.12345678901234567890"}
 */
export function numbersAsTexts(lines: Buffer, fields: ReadonlySet<string>): Buffer {
  const found: Buffer[] = [];
  let done = 0;
  let depth = 0;
  let name = { from: 0, to: 0 };
  for (let i = 0; i < lines.length; i++) {
    const byte = lines[i] as number;
    if (byte === QUOTE) {
      const from = i;
      i = endOfText(lines, i);
      name = { from, to: i + 1 };
    } else if (byte === BEGIN || byte === OPEN) depth += 1;
    else if (byte === END || byte === CLOSE) depth -= 1;
    else if (byte === LF) depth = 0;
    else if (byte === MINUS || isDigit(byte)) {
      const from = i;
      while (isOfNumber(lines[i + 1])) i += 1;
      const to = i + 1;
      if (depth !== 1 || to - from <= DOUBLE_DIGITS || !fields.has(nameAt(lines, name))) continue;
      found.push(lines.subarray(done, from), QUOTE_BYTES, plain(lines.subarray(from, to)), QUOTE_BYTES);
      done = to;
    }
  }
  return found.length === 0 ? lines : Buffer.concat([...found, lines.subarray(done)]);
}

/** Where the text ends that begins here: at its quote, or with its line. */
function endOfText(lines: Buffer, from: number): number {
  for (let i = from + 1; i < lines.length; i++) {
    const byte = lines[i];
    if (byte === BACKSLASH) i += 1;
    else if (byte === QUOTE) return i;
    else if (byte === LF) return i - 1;
  }
  return lines.length - 1;
}

function nameAt(lines: Buffer, { from, to }: { readonly from: number; readonly to: number }): string {
  try {
    return String(JSON.parse(lines.toString('utf8', from, to)));
  } catch {
    return '';
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function isOfNumber(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return isDigit(byte) || byte === POINT || byte === MINUS || byte === PLUS || byte === SMALL_E || byte === LARGE_E;
}

/** Past this a number written out would be longer than any column. */
const LONGEST_SHIFT = 80;

/** Without its exponent, where it has one. */
function plain(bytes: Buffer): Buffer {
  if (!bytes.includes(SMALL_E) && !bytes.includes(LARGE_E)) return bytes;
  const number = bytes.toString('latin1');
  const [, sign = '', whole = '', part = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d+)$/.exec(number) ?? [];
  const shift = Number(exponent);
  if (whole === '' || Math.abs(shift) > LONGEST_SHIFT) return bytes;
  const digits = `${'0'.repeat(LONGEST_SHIFT)}${whole}${part}${'0'.repeat(LONGEST_SHIFT)}`;
  const point = LONGEST_SHIFT + whole.length + shift;
  const before = digits.slice(0, point).replace(/^0+(?=\d)/, '');
  const behind = digits.slice(point).replace(/0+$/, '');
  return Buffer.from(`${sign}${before}${behind === '' ? '' : `.${behind}`}`);
}
