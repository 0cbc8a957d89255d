/** Rows that cannot be cut into columns: told with their line, and what is left of their piece. */
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { OfferedFile } from '../../core/contracts/offer.ts';
import { legible } from '../../core/legible.ts';
import type { RejectedRow } from '../../core/vectors.ts';
import type { Engine } from '../engine.ts';
import { type CsvSpec, count } from './cutter.ts';
import type { Piece } from './pieces.ts';
import type { Slice } from './slices.ts';

/** Where in quarantine a row lies that has no columns. */
export const LINE = '_line';

const LONGEST_TEXT = 16 << 10;

export interface Bad {
  readonly line: number;
  readonly text: string;
  readonly reason: string;
}

/** @param hidden masks are asked for, and nobody knows where in the line their values are */
export function rejectedRow(
  { uri }: Pick<OfferedFile, 'uri'>,
  { line, text, reason }: Bad,
  hidden: boolean,
): RejectedRow {
  const said = hidden ? '***' : text.slice(0, LONGEST_TEXT);
  return {
    column: LINE,
    reason: `FILE_ROW_MALFORMED: ${uri}, line ${line}: ${reason}`,
    row: JSON.stringify({ _file: uri, _line: String(line), _text: said.toWellFormed() }),
  };
}

const CR = 0x0d;
const LF = 0x0a;

const REJECTS = 'tributary_rejects';
const SCANS = 'tributary_reject_scans';

/** Of `read_csv`: what is wrong with a row goes into a table. */
export const STORE_REJECTS = `, store_rejects = true, rejects_table = '${REJECTS}', rejects_scan = '${SCANS}', rejects_limit = 0`;

/** What the last read with {@link STORE_REJECTS} left; the tables are gone then. */
export async function takeRejects(engine: Engine, { path, firstLine }: Slice): Promise<Bad[]> {
  const rows = await engine.query(
    `SELECT first(line_byte_position) AS at, first(error_type) AS type, first(error_message) AS message, first(csv_line) AS text
     FROM ${REJECTS} GROUP BY line ORDER BY line`,
  );
  await dropRejects(engine);
  if (rows.length === 0) return [];
  // DuckDB counts records, of which one may have several lines.
  const bytes = await readFile(path);
  return rows.map(({ at, type, message, text }) => ({
    line: firstLine + count(bytes.subarray(0, Number(at) - 1), LF),
    text: String(text ?? ''),
    reason: `${String(type).toLowerCase()} (${String(message).split('\n')[0]})`.slice(0, 300),
  }));
}

export async function dropRejects(engine: Engine): Promise<void> {
  for (const table of [REJECTS, SCANS]) await engine.execute(`DROP TABLE IF EXISTS ${table}`);
}

/** The piece with the line ends of its records made one kind: DuckDB reads no text that has two. */
export async function withOneLineEnd(piece: Piece, csv: CsvSpec): Promise<Piece> {
  const { path } = piece.slice;
  const bytes = oneLineEnd(await readFile(path), csv);
  await writeFile(path, bytes);
  return {
    ...piece,
    slice: { ...piece.slice, bytes: bytes.length },
    header: piece.header && { ...piece.header, lineEnd: '\n' },
  };
}

/** A quote counts where a field begins; in the middle of one it is a character like others. */
export function oneLineEnd(bytes: Buffer, csv: Pick<CsvSpec, 'delimiter' | 'quote' | 'escape'>): Buffer {
  if (count(bytes, CR) === 0) return bytes;
  const [delimiter, quote] = [csv.delimiter.charCodeAt(0), csv.quote.charCodeAt(0)];
  const escaping = csv.escape?.charCodeAt(0) ?? quote;
  const kept = Buffer.alloc(bytes.length);
  let inside = false;
  let begins = true;
  let end = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (inside) {
      kept[end++] = byte;
      if (byte === escaping && (bytes[i + 1] === quote || bytes[i + 1] === escaping))
        kept[end++] = bytes[++i] as number;
      else if (byte === quote) inside = false;
      continue;
    }
    if (byte === CR && bytes[i + 1] === LF) continue;
    inside = byte === quote && begins;
    begins = byte === delimiter || byte === LF;
    kept[end++] = byte;
  }
  return kept.subarray(0, end);
}

/** Writes the lines that hold an object into another file. */
export async function goodLines({ path, firstLine, headed }: Slice, to: string): Promise<Bad[]> {
  const bad: Bad[] = [];
  const good: string[] = [];
  let line = firstLine - (headed ? 2 : 1);
  const lines = createInterface({ input: createReadStream(path, 'latin1'), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const raw of lines) {
    line += 1;
    const bytes = Buffer.from(raw, 'latin1');
    const text = legible(bytes);
    const reason = text.trim() === '' ? null : whyNoObject(text, bytes);
    if (reason === null) good.push(text);
    else bad.push({ line, text, reason });
  }
  await writeFile(to, good.map((text) => `${text}\n`).join(''));
  return bad;
}

function whyNoObject(text: string, bytes: Buffer): string | null {
  if (text !== bytes.toString('utf8')) return 'not valid UTF-8';
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? repeatedName(text) : 'no object';
  } catch {
    return 'no JSON';
  }
}

/** An object that has a name twice says two things. */
function repeatedName(text: string): string | null {
  const names = new Set<string>();
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (depth === 1 && token.endsWith(':')) {
      const name = token.slice(0, -1).trimEnd();
      if (names.has(name)) return `it has ${name} twice`;
      names.add(name);
    }
  }
  return null;
}
