/** The bytes of an object as UTF-8 text: unpacked, decoded and without a byte order mark, as they stream. */
import { pipeline, Readable, type Transform } from 'node:stream';
import { createGunzip, createInflateRaw, createZstdDecompress } from 'node:zlib';
import type { FilesOffer, OfferedFile } from '../../core/contracts/offer.ts';
import { TributaryError } from '../../core/errors.ts';
import { zipMember } from './zip.ts';

type Bytes = AsyncIterable<Uint8Array>;
type FilesSpec = FilesOffer['spec'];
type TextFile = Pick<OfferedFile, 'uri' | 'bytes' | 'compression' | 'open'>;

/**
 * @param most of the packed bytes to read; for a look at the beginning
 * @throws FILE_UNREADABLE where the bytes are not packed as the name says, or not of the encoding
 */
export async function* textOf(file: TextFile, spec: FilesSpec, signal: AbortSignal, most?: number): Bytes {
  yield* withoutMark(decoded(file, unpacked(file, signal, most), spec, most !== undefined));
}

async function* unpacked(file: TextFile, signal: AbortSignal, most?: number): Bytes {
  const read = (from: number, to?: number) =>
    file.open(from, signal, most === undefined ? to : Math.min(to ?? file.bytes, from + most));
  switch (file.compression) {
    case 'none':
      return yield* read(0);
    case 'gzip':
      return yield* through(file, read(0), createGunzip(), most !== undefined);
    case 'zstd':
      return yield* through(file, read(0), createZstdDecompress(), most !== undefined);
    case 'zip': {
      const { from, to, stored } = await zipMember(file, signal);
      const bytes = read(from, to);
      return yield* stored ? bytes : through(file, bytes, createInflateRaw(), most !== undefined);
    }
  }
}

/** @param cut the packed bytes end early on purpose */
async function* through({ uri }: TextFile, bytes: Bytes, unpack: Transform, cut: boolean): Bytes {
  const failures: unknown[] = [];
  const source = Readable.from(bytes, { objectMode: true, highWaterMark: 2 });
  source.once('error', (error) => failures.push(error));
  pipeline(source, unpack, () => undefined);
  try {
    yield* unpack as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (failures.length > 0) throw failures[0];
    const code = (error as { code?: string }).code;
    if (cut && code === 'Z_BUF_ERROR') return;
    if (cut && /unexpected end|src size|incomplete/i.test(`${error}`)) return;
    const reason = `it cannot be unpacked (${error instanceof Error ? error.message : String(error)})`;
    throw new TributaryError('FILE_UNREADABLE', { file: uri, reason }, { cause: error });
  } finally {
    source.destroy();
    unpack.destroy();
  }
}

/** UTF-8 is not looked at here: a row of it that is not valid goes to quarantine by itself. */
async function* decoded({ uri }: TextFile, bytes: Bytes, spec: FilesSpec, cut: boolean): Bytes {
  const encoding = spec.format === 'csv' ? spec.csv.encoding : 'UTF-8';
  if (encoding === 'UTF-8') return yield* bytes;
  if (encoding === 'ISO-8859-1') {
    // The web's "latin1" is windows-1252, which differs from 0x80 to 0x9f.
    for await (const chunk of bytes) yield Buffer.from(Buffer.from(chunk).toString('latin1'), 'utf8');
    return;
  }
  const decoder = new TextDecoder(encoding, { ignoreBOM: true, fatal: true });
  const decode = (chunk: Uint8Array, stream: boolean) => {
    try {
      return Buffer.from(decoder.decode(chunk, { stream }), 'utf8');
    } catch (error) {
      throw new TributaryError('FILE_UNREADABLE', { file: uri, reason: `it is not ${encoding}` }, { cause: error });
    }
  };
  for await (const chunk of bytes) yield decode(chunk, true);
  if (!cut) yield decode(new Uint8Array(), false);
}

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

async function* withoutMark(bytes: Bytes): Bytes {
  let first: Buffer | null = Buffer.alloc(0);
  for await (const chunk of bytes) {
    if (first === null) {
      yield chunk;
      continue;
    }
    first = Buffer.concat([first, chunk]);
    if (first.length < MARK.length) continue;
    yield first.subarray(first.indexOf(MARK) === 0 ? MARK.length : 0);
    first = null;
  }
  if (first !== null) yield first;
}
