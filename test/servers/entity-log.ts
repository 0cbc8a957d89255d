/** The files of an export: logs of LevelDB whose records are entities of Datastore. */
import { crc32c } from '../../runner/staging/crc32c.ts';

const BLOCK = 32768;
const HEADER = 7;
const FULL = 1;
const LAST = 4;

export function recordsOf(log: Buffer): Buffer[] {
  const records: Buffer[] = [];
  const parts: Buffer[] = [];
  for (let at = 0; at + HEADER <= log.length; ) {
    const left = BLOCK - (at % BLOCK);
    if (left < HEADER) {
      at += left;
      continue;
    }
    const end = at + HEADER + log.readUInt16LE(at + 4);
    parts.push(log.subarray(at + HEADER, end));
    const kind = log.readUInt8(at + 6);
    if (kind === FULL || kind === LAST) records.push(Buffer.concat(parts.splice(0)));
    at = end;
  }
  return records;
}

export function frameRecords(records: readonly Buffer[]): Buffer {
  const log: Buffer[] = [];
  let size = 0;
  const push = (bytes: Buffer) => {
    log.push(bytes);
    size += bytes.length;
  };
  for (const record of records) {
    for (let at = 0, first = true; first || at < record.length; first = false) {
      const left = BLOCK - (size % BLOCK);
      if (left <= HEADER) push(Buffer.alloc(left));
      const end = Math.min(record.length, at + BLOCK - (size % BLOCK) - HEADER);
      // Full, first, middle, last.
      const kind = first ? (end === record.length ? FULL : 2) : end === record.length ? LAST : 3;
      push(framed(kind, record.subarray(at, end)));
      at = end;
    }
  }
  return Buffer.concat(log);
}

function framed(kind: number, data: Buffer): Buffer {
  const header = Buffer.alloc(HEADER);
  const sum = crc32c(Buffer.concat([Buffer.of(kind), data]));
  header.writeUInt32LE((((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0, 0);
  header.writeUInt16LE(data.length, 4);
  header.writeUInt8(kind, 6);
  return Buffer.concat([header, data]);
}

/** The collection id of a document: the kind of the last element in the path of its key. */
export function kindOf(entity: Buffer): string {
  const path = field(field(entity, 13), 14);
  let kind = '';
  for (const [number, value] of fields(path)) if (number === 2 && value !== null) kind = value.toString();
  return kind;
}

function field(message: Buffer, wanted: number): Buffer {
  for (const [number, value] of fields(message)) if (number === wanted && value !== null) return value;
  throw new Error(`an entity without field ${wanted}`);
}

/** Fields of a message and of the groups in it; bytes for those that have a length. */
function* fields(message: Buffer): Iterable<readonly [number: number, value: Buffer | null]> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 2) {
      const length = varint();
      yield [number, message.subarray(at, at + length)];
      at += length;
    } else if (wire === 0) varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
  }
}
