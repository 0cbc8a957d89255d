/** Where the one member of a ZIP archive lies, from the directory at its end (APPNOTE 4.3 of the format). */
import type { OfferedFile } from '../../core/contracts/offer.ts';
import { TributaryError } from '../../core/errors.ts';

export interface ZipMember {
  readonly from: number;
  readonly to: number;
  /** Not compressed. */
  readonly stored: boolean;
}

const TAIL = 66 << 10;
const END = Buffer.from('PK\x05\x06', 'latin1');
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const PAST_32_BITS = 0xffff_ffff;

type ZipFile = Pick<OfferedFile, 'uri' | 'bytes' | 'open'>;

/** @throws FILE_UNREADABLE where there is not exactly one member, or one that cannot be read from here */
export async function zipMember(file: ZipFile, signal: AbortSignal): Promise<ZipMember> {
  const refuse = (reason: string) => new TributaryError('FILE_UNREADABLE', { file: file.uri, reason });
  const start = Math.max(0, file.bytes - TAIL);
  const tail = await collect(file.open(start, signal));
  const end = tail.lastIndexOf(END);
  if (end < 0) throw refuse('it is no ZIP archive');
  const entries = tail.readUInt16LE(end + 10);
  const size = tail.readUInt32LE(end + 12);
  const offset = tail.readUInt32LE(end + 16);
  if (offset === PAST_32_BITS || size === PAST_32_BITS)
    throw refuse('archives past 4 GB are not read; use gzip or zstd');
  const directory =
    offset >= start
      ? tail.subarray(offset - start, offset - start + size)
      : await collect(file.open(offset, signal, offset + size));
  const members = readDirectory(directory, entries).filter(({ name }) => !name.endsWith('/'));
  const [member] = members;
  if (member === undefined || members.length > 1) throw refuse(`the archive has ${members.length} members, not one`);
  if (member.flags & 1) throw refuse('the archive is encrypted');
  if (member.method !== 0 && member.method !== 8) throw refuse(`its compression (${member.method}) is not deflate`);
  if (member.bytes === PAST_32_BITS) throw refuse('archives past 4 GB are not read; use gzip or zstd');
  const head = await collect(file.open(member.at, signal, member.at + 30));
  if (head.length < 30 || head.readUInt32LE(0) !== LOCAL) throw refuse('its directory does not fit its members');
  const from = member.at + 30 + head.readUInt16LE(26) + head.readUInt16LE(28);
  return { from, to: from + member.bytes, stored: member.method === 0 };
}

function readDirectory(bytes: Buffer, entries: number) {
  const members: { name: string; method: number; flags: number; bytes: number; at: number }[] = [];
  for (let at = 0, i = 0; i < entries && at + 46 <= bytes.length && bytes.readUInt32LE(at) === ENTRY; i++) {
    const name = bytes.readUInt16LE(at + 28);
    members.push({
      name: bytes.toString('utf8', at + 46, at + 46 + name),
      flags: bytes.readUInt16LE(at + 8),
      method: bytes.readUInt16LE(at + 10),
      bytes: bytes.readUInt32LE(at + 20),
      at: bytes.readUInt32LE(at + 42),
    });
    at += 46 + name + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return members;
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}
