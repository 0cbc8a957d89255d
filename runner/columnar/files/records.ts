/** How many rows a piece has to give, found without the reader that gives them. */
import { createReadStream } from 'node:fs';
import type { FilesOffer } from '../../core/contracts/offer.ts';
import type { Engine } from '../engine.ts';
import type { CsvSpec } from './cutter.ts';
import { footerRows } from './footers.ts';
import type { Piece } from './pieces.ts';

const [LF, CR, SPACE] = [0x0a, 0x0d, 0x20];

/** Records of a text; those that hold nothing are counted apart: whether they are rows is the reader's to say. */
export interface Records {
  readonly filled: number;
  readonly blank: number;
}

/**
 * Most texts have one record a line, and their lines are counted as they arrive: only where the reader gave another
 * number is the piece looked at again.
 *
 * @param given rows that the reader gave
 * @returns that number where it is right, else what it should be
 */
export async function expectedRows(
  engine: Engine,
  { slice, header }: Piece,
  spec: FilesOffer['spec'],
  given: number,
): Promise<number> {
  if (spec.format === 'parquet') return (await footerRows(engine, [slice.path])).get(slice.path) ?? 0;
  if (given === slice.lines) return given;
  const csv = spec.format === 'csv' ? spec.csv : null;
  const { filled, blank } = await countRecords(slice.path, csv, header?.lineEnd === '\r\n');
  return expectedOf({ filled: filled - (slice.headed ? 1 : 0), blank }, given);
}

/** What was given where that is right, else what should have been. */
export function expectedOf({ filled, blank }: Records, given: number): number {
  return given >= filled && given <= filled + blank ? given : filled;
}

/**
 * Of malformed text too: a record ends where a line does that is not inside quotes, whatever is wrong with it.
 *
 * @param csv `null`: each line is a record
 * @param crlf only this ends a line
 */
export async function countRecords(path: string, csv: CsvSpec | null, crlf: boolean): Promise<Records> {
  const delimiter = csv?.delimiter.charCodeAt(0);
  const quote = csv?.quote.charCodeAt(0);
  const escaping = csv?.escape?.charCodeAt(0) ?? quote;
  let [filled, blank, before] = [0, 0, LF];
  let [inside, escaped, begins, closed, something, open] = [false, false, true, false, false, false];
  const end = () => {
    if (something) filled += 1;
    else blank += 1;
    [begins, closed, something, open] = [true, false, false, false];
  };
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (inside) {
        if (escaped) escaped = false;
        else if (byte === escaping && escaping !== quote) escaped = true;
        else if (byte === quote) [inside, closed] = [false, true];
      } else if (byte === LF && (!crlf || before === CR)) end();
      else {
        // A quote behind one that closed is one of two that stand for one.
        inside = byte === quote && (begins || closed);
        begins = byte === delimiter || (begins && byte === SPACE);
        closed = false;
        if (byte > SPACE) something = true;
        open = true;
      }
      before = byte;
    }
  }
  if (open) end();
  return { filled, blank };
}
