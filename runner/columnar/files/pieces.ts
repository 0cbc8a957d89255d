/** Objects as pieces on this machine's disk, fetched while others are read: a slice of a large one, or a few small ones whole. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { FilesOffer, OfferedFile } from '../../core/contracts/offer.ts';
import { elementsAsLines } from './array.ts';
import { recordsOf } from './cutter.ts';
import { type Header, takeHeader } from './header.ts';
import { inParallel } from './in-parallel.ts';
import { type Slice, type Slicing, slicesOf } from './slices.ts';
import { textOf } from './text.ts';

export interface Piece {
  readonly file: OfferedFile;
  readonly slice: Slice;
  /** Of delimited text; `null` where each row names its own columns. */
  readonly header: Header | null;
}

export interface Fetching {
  readonly offer: FilesOffer;
  readonly folder: string;
  readonly sliceBytes: number;
  /** The line that pieces of large files of objects begin with. */
  readonly head?: Uint8Array | null;
  readonly signal: AbortSignal;
}

/** Objects up to this size are fetched several at a time and read together. */
const SMALL_BYTES = 256 << 10;
const TOGETHER = 512;
/** Packed; two groups lie on disk at once. */
const TOGETHER_BYTES = 16 << 20;
const AT_ONCE = 8;

/** Groups of pieces; a group of several is one of whole files. */
export async function* piecesOf(fetching: Fetching): AsyncGenerator<readonly Piece[], void> {
  const { files } = fetching.offer;
  const paths = { next: 0 };
  for (let i = 0; i < files.length; ) {
    const file = files[i] as OfferedFile;
    if (file.bytes > SMALL_BYTES) {
      for await (const piece of pieces(file, fetching, paths)) yield [piece];
      i += 1;
      continue;
    }
    let to = i;
    for (let bytes = 0; to < files.length && to - i < TOGETHER; to++) {
      const next = files[to] as OfferedFile;
      bytes += next.bytes;
      if (next.bytes > SMALL_BYTES || bytes > TOGETHER_BYTES) break;
    }
    const fetched = await smallFiles(files.slice(i, to), fetching, paths);
    const whole = fetched.filter((slices) => slices.length === 1).flat();
    if (whole.length > 0) yield whole;
    for (const slices of fetched) if (slices.length > 1) for (const piece of slices) yield [piece];
    i = to;
  }
}

async function smallFiles(
  files: readonly OfferedFile[],
  fetching: Fetching,
  paths: { next: number },
): Promise<readonly (readonly Piece[])[]> {
  const found: Piece[][] = files.map(() => []);
  const together = { ...fetching, head: null };
  await inParallel(files, AT_ONCE, async (file, i) => {
    for await (const piece of pieces(file, together, paths)) found[i]?.push(piece);
  });
  return found;
}

async function* pieces(
  file: OfferedFile,
  { offer: { spec }, folder, sliceBytes, head = null, signal }: Fetching,
  paths: { next: number },
): AsyncGenerator<Piece, void> {
  const nextPath = () => join(folder, `piece-${paths.next++}.${spec.format}`);
  if (spec.format === 'parquet') {
    yield { file, slice: await spooled(file, nextPath(), signal), header: null };
    return;
  }
  const text = textOf(file, spec, signal);
  if (spec.format === 'json') {
    const slicing: Slicing = { sliceBytes, nextPath, quote: null, escape: null, linesBefore: 0, head };
    for await (const slice of slicesOf(elementsAsLines(text), slicing)) yield { file, slice, header: null };
    return;
  }
  const { csv } = spec;
  const headed = await takeHeader(text, csv, file.uri);
  if (headed === null) return;
  const slicing: Slicing = {
    ...{ sliceBytes, nextPath, linesBefore: headed.lines },
    ...recordsOf(csv),
  };
  for await (const slice of slicesOf(headed.rows, slicing)) yield { file, slice, header: headed };
}

/** Parquet is read from its end: the object lies on disk as long as it is read. */
async function spooled(file: OfferedFile, path: string, signal: AbortSignal): Promise<Slice> {
  await using handle = await open(path, 'w');
  let bytes = 0;
  for await (const chunk of file.open(0, signal)) {
    for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
    bytes += chunk.length;
  }
  return { path, bytes, firstLine: 1, lines: 0, headed: false };
}
