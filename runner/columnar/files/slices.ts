/** Text on its way into the engine: files of some megabytes, cut between records, a few on disk at a time. */
import { type FileHandle, open } from 'node:fs/promises';
import { Cutter, type Records } from './cutter.ts';

/** A piece of the text of one object. */
export interface Slice {
  /** Its path; who has it removes it. */
  readonly path: string;
  readonly bytes: number;
  /** Line of the object that its first one is, from 1. */
  readonly firstLine: number;
  /** Lines in it; 0 where it is no text. */
  readonly lines: number;
  /** Before them is one that the object does not have. */
  readonly headed: boolean;
}

export interface Slicing extends Records {
  /** About so many bytes each. */
  readonly sliceBytes: number;
  /** Path of the next one. */
  readonly nextPath: () => string;
  /** Lines of the object that were taken off before. */
  readonly linesBefore: number;
  /** A line that each of them begins with. */
  readonly head?: Uint8Array | null;
}

/** Past this without the end of a record a quote is taken for one that nothing closes. */
const LONGEST_RECORD = 16 << 20;

export async function* slicesOf(text: AsyncIterable<Uint8Array>, slicing: Slicing): AsyncGenerator<Slice, void> {
  const cutter = new Cutter(slicing);
  const { head = null } = slicing;
  let current: { file: Written; path: string; firstLine: number; linesAhead: number } | null = null;
  let last: number | undefined;
  const append = async (bytes: Uint8Array, linesAhead: number) => {
    if (bytes.length === 0) return;
    if (current === null) {
      const path = slicing.nextPath();
      const firstLine = slicing.linesBefore + linesAhead + 1;
      current = { file: new Written(await open(path, 'w')), path, firstLine, linesAhead };
      if (head !== null) await current.file.add(head);
    }
    await current.file.add(bytes);
    last = bytes.at(-1);
  };
  const finish = async (linesSoFar: number): Promise<Slice[]> => {
    if (current === null) return [];
    const { file, path, firstLine, linesAhead } = current;
    await file.flush();
    current = null;
    await file.close();
    return [
      {
        path,
        headed: head !== null,
        bytes: file.bytes - (head?.length ?? 0),
        firstLine,
        lines: linesSoFar - linesAhead + (last === 0x0a ? 0 : 1),
      },
    ];
  };
  const size = () => current?.file.bytes ?? 0;
  try {
    for await (const chunk of text) {
      const linesAhead = cutter.lines;
      cutter.add(chunk);
      if (size() + chunk.length < slicing.sliceBytes) {
        await append(chunk, linesAhead);
        continue;
      }
      let end = cutter.lastEnd(chunk);
      if (end === 0 && size() > slicing.sliceBytes + LONGEST_RECORD) {
        cutter.forget();
        end = cutter.lastEnd(chunk);
      }
      await append(chunk.subarray(0, end === 0 ? chunk.length : end), linesAhead);
      if (end === 0) continue;
      const rest = chunk.subarray(end);
      const linesThere = cutter.lines - linesOf(rest);
      yield* await finish(linesThere);
      await append(rest, linesThere);
    }
    yield* await finish(cutter.lines);
  } finally {
    await (current as { file: Written } | null)?.file.close();
  }
}

function linesOf(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 0x0a) lines += 1;
  return lines;
}

const WRITE_BYTES = 1 << 20;

/** A file that chunks are gathered for: each write costs more than the copying of its bytes. */
class Written {
  /** Of all chunks so far. */
  bytes = 0;
  readonly #handle: FileHandle;
  #chunks: Uint8Array[] = [];
  #gathered = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async add(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(chunk);
    this.#gathered += chunk.length;
    this.bytes += chunk.length;
    if (this.#gathered >= WRITE_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    let left = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#gathered = 0;
    while (left.length > 0) left = left.subarray((await this.#handle.write(left)).bytesWritten);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
