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
}

export interface Slicing extends Records {
  /** About so many bytes each. */
  readonly sliceBytes: number;
  /** Path of the next one. */
  readonly nextPath: () => string;
  /** Lines of the object that were taken off before. */
  readonly linesBefore: number;
}

/** Past this without the end of a record a quote is taken for one that nothing closes. */
const LONGEST_RECORD = 16 << 20;

export async function* slicesOf(text: AsyncIterable<Uint8Array>, slicing: Slicing): AsyncGenerator<Slice, void> {
  const cutter = new Cutter(slicing);
  let current: { handle: FileHandle; path: string; bytes: number; firstLine: number } | null = null;
  const append = async (bytes: Uint8Array, linesAhead: number) => {
    if (bytes.length === 0) return;
    if (current === null) {
      const path = slicing.nextPath();
      current = { handle: await open(path, 'w'), path, bytes: 0, firstLine: slicing.linesBefore + linesAhead + 1 };
    }
    await writeAll(current.handle, bytes);
    current.bytes += bytes.length;
  };
  const finish = async (): Promise<Slice[]> => {
    if (current === null) return [];
    const { handle, path, bytes, firstLine } = current;
    current = null;
    await handle.close();
    return [{ path, bytes, firstLine }];
  };
  const size = () => current?.bytes ?? 0;
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
      yield* await finish();
      const rest = chunk.subarray(end);
      await append(rest, cutter.lines - linesOf(rest));
    }
    yield* await finish();
  } finally {
    await (current as { handle: FileHandle } | null)?.handle.close();
  }
}

function linesOf(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 0x0a) lines += 1;
  return lines;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
}
