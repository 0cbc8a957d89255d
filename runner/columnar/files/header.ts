/** The first lines of a delimited text, taken off it: what is skipped, and the names of the columns. */
import { TributaryError } from '../../core/errors.ts';
import type { CsvSpec } from './cutter.ts';

/** What the first record of a delimited text tells of the others. */
export interface Header {
  readonly names: readonly string[];
  readonly lineEnd: '\n' | '\r\n';
}

export interface Headed extends Header {
  /** What follows the header. */
  readonly rows: AsyncIterable<Uint8Array>;
  /** Lines that were taken off. */
  readonly lines: number;
}

const LF = 0x0a;
const LONGEST_HEADER = 4 << 20;

/** @returns `null` where the text is empty */
export async function takeHeader(text: AsyncIterable<Uint8Array>, csv: CsvSpec, file: string): Promise<Headed | null> {
  const chunks = text[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  let done = false;
  const more = async () => {
    const next = await chunks.next();
    done = next.done === true;
    if (next.done !== true) head = Buffer.concat([head, next.value]);
    if (head.length > LONGEST_HEADER)
      throw new TributaryError('FILE_UNREADABLE', { file, reason: 'it has no line end in its first 4 MB' });
  };
  let lines = 0;
  const takeLine = async (quoted: boolean): Promise<string | null> => {
    for (;;) {
      const end = endOfRecord(head, csv, quoted);
      if (end >= 0 || (done && head.length > 0)) {
        const line = head.toString('utf8', 0, end < 0 ? head.length : end);
        lines += line.split('\n').length;
        head = head.subarray(end < 0 ? head.length : end + 1);
        return line;
      }
      if (done) return null;
      await more();
    }
  };
  for (let skipped = 0; skipped < csv.skipRows; skipped++) if ((await takeLine(false)) === null) return null;
  let first = await takeLine(true);
  while (first === '' || first === '\r') first = await takeLine(true);
  if (first === null) return null;
  const fields = fieldsOf(first.replace(/\r$/, ''), csv);
  const back = csv.header ? head : Buffer.concat([Buffer.from(`${first}\n`), head]);
  async function* rows(): AsyncIterable<Uint8Array> {
    if (back.length > 0) yield back;
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  const names = csv.header ? distinctNames(fields) : fields.map((_, i) => `column_${i + 1}`);
  const lineEnd = first.endsWith('\r') ? '\r\n' : '\n';
  return { names, lineEnd, rows: rows(), lines: csv.header ? lines : lines - first.split('\n').length };
}

function endOfRecord(bytes: Buffer, { quote }: CsvSpec, quoted: boolean): number {
  const mark = quoted ? quote.charCodeAt(0) : -1;
  let inside = false;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === mark) inside = !inside;
    else if (bytes[i] === LF && !inside) return i;
  }
  return -1;
}

/** Fields of one record. */
export function fieldsOf(line: string, { delimiter, quote, escape: escaping = quote }: CsvSpec): string[] {
  const fields: string[] = [];
  let field = '';
  let inside = false;
  for (let i = 0; i < line.length; i++) {
    const at = line[i] as string;
    if (inside && at === escaping && line[i + 1] === quote) field += line[++i];
    else if (at === quote) inside = !inside;
    else if (at === delimiter && !inside) {
      fields.push(field);
      field = '';
    } else field += at;
  }
  return [...fields, field];
}

/** A name that is empty or was there before gets its place. */
function distinctNames(fields: readonly string[]): string[] {
  const seen = new Set<string>();
  return fields.map((field, i) => {
    const name = field.trim();
    const unique = name === '' || seen.has(name) ? `${name || 'column'}_${i + 1}` : name;
    seen.add(unique);
    return unique;
  });
}
