/**
 * The rows of a prepared statement on a logged-in connection: takes over the socket for the one execution, so that the
 * bytes go to the decoder as they come, and gives it back. "Command Phase" of the protocol's documentation.
 */
import type mysql from 'mysql2/promise';
import type { DecodeRows } from '../../core/batch-sender.ts';
import { divert } from '../../core/socket.ts';
import { SLACK } from '../../core/vector-writer.ts';
import { type CoreStatement, socketOf } from './connect.ts';

const EXECUTE = 0x17;
const HEADER = 4;
/** A packet of this length goes on in the next one. */
const FULL = 0xff_ffff;
const INITIAL_BYTES = 1 << 20;
const ROOM_BYTES = 1 << 17;
const OK = 0x00;
const EOF = 0xfe;
const FAILED = 0xff;

/** Executes the statement, which has no parameters, and feeds its rows to the decoder. */
export async function executeRows(client: mysql.Connection, statement: CoreStatement, sink: DecodeRows): Promise<void> {
  const socket = socketOf(client);
  const incoming = new Incoming(sink);
  let giveBack = () => {};
  const listeners: (readonly ['error' | 'close', (error?: Error) => void])[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      const lost = (error?: Error | boolean) =>
        reject(incoming.error ?? (error instanceof Error ? error : connectionLost()));
      listeners.push(['error', lost], ['close', lost]);
      for (const [event, listener] of listeners) socket.once(event, listener);
      giveBack = divert(socket, {
        room: () => incoming.room(),
        take: (chunk) => {
          try {
            incoming.take(chunk);
          } catch (error) {
            socket.destroy();
            reject(error);
            return;
          }
          if (!incoming.done) return;
          if (incoming.error === null) resolve();
          else reject(incoming.error);
        },
      });
      socket.write(executePacket(statement.id));
    });
  } finally {
    giveBack();
    for (const [event, listener] of listeners) socket.off(event, listener);
  }
}

/** No cursor at the server, one iteration, no parameters. */
function executePacket(statement: number): Buffer {
  const packet = Buffer.alloc(HEADER + 10);
  packet.writeUIntLE(10, 0, 3);
  packet[HEADER] = EXECUTE;
  packet.writeUInt32LE(statement, HEADER + 1);
  packet.writeUInt32LE(1, HEADER + 6);
  return packet;
}

function connectionLost(): Error {
  return Object.assign(new Error('the server closed the connection in the middle of the rows'), { code: 'ECONNRESET' });
}

/** The bytes that arrived and are not consumed, contiguous, with slack behind them. */
class Incoming {
  done = false;
  error: Error | null = null;
  #phase: 'answer' | 'columns' | 'rows' = 'answer';
  readonly #sink: DecodeRows;
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #view = viewOf(this.#bytes);
  #start = 0;
  #end = 0;

  constructor(sink: DecodeRows) {
    this.#sink = sink;
  }

  /** The free end of the buffer, at least {@link ROOM_BYTES}. */
  room(): Uint8Array {
    this.#makeRoom(ROOM_BYTES);
    return this.#bytes.subarray(this.#end, this.#bytes.length - SLACK);
  }

  take(chunk: Uint8Array): void {
    if (chunk.buffer !== this.#bytes.buffer) {
      this.#makeRoom(chunk.length);
      this.#bytes.set(chunk, this.#end);
    }
    this.#end += chunk.length;
    while (!this.done && this.#step()) if (this.#start === this.#end) break;
  }

  /** Takes what is there of one kind; false where more has to arrive. */
  #step(): boolean {
    if (this.#end - this.#start <= HEADER) return false;
    if (this.#phase === 'rows') {
      const next = this.#sink(this.#bytes, this.#view, this.#start, this.#end, 0);
      if (next !== this.#start) {
        this.#start = next;
        return true;
      }
    }
    const { length, whole, parts } = this.#message();
    if (!whole) return false;
    const first = this.#bytes[this.#start + HEADER];
    if (parts > 1 && this.#phase === 'rows' && first === OK) this.#large(length, parts);
    else this.#packet(first ?? 0, this.#bytes.subarray(this.#start + HEADER, this.#start + HEADER + length));
    this.#start += length + parts * HEADER;
    return true;
  }

  /** The message at the start: its bytes without headers as far as these tell, and whether it is there to its end. */
  #message(): { readonly length: number; readonly parts: number; readonly whole: boolean } {
    let at = this.#start;
    let length = 0;
    for (let parts = 1; ; parts++) {
      if (this.#end - at < HEADER) return { length, parts, whole: false };
      const part = this.#bytes.readUIntLE(at, 3);
      length += part;
      at += HEADER + part;
      if (part < FULL) return { length, parts, whole: at <= this.#end };
      if (at > this.#end) return { length, parts, whole: false };
    }
  }

  /** One row in several packets: their bytes are moved together behind the first header. */
  #large(length: number, parts: number): void {
    for (let part = 1; part < parts; part++) {
      const from = this.#start + HEADER + part * (FULL + HEADER);
      const to = this.#start + HEADER + part * FULL;
      this.#bytes.copyWithin(to, from, Math.min(from + FULL, this.#start + length + parts * HEADER));
    }
    const end = this.#start + HEADER + length;
    if (this.#sink(this.#bytes, this.#view, this.#start, end, length) !== end)
      throw new Error('a large row was not taken');
  }

  #packet(first: number, body: Buffer): void {
    if (first === FAILED) {
      this.error = serverError(body);
      this.done = true;
    } else if (this.#phase === 'answer') {
      // A statement without columns answers OK.
      if (first === OK) this.done = true;
      this.#phase = 'columns';
    } else if (first === EOF && body.length < 9) {
      this.done = this.#phase === 'rows';
      this.#phase = 'rows';
    } else if (this.#phase === 'rows') throw new Error('the server sent what is no row');
  }

  /** Makes room for so many more bytes: moves the rest to the front, and grows for a message that is larger than all. */
  #makeRoom(bytes: number): void {
    if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
      if (this.#bytes.length > 16 * INITIAL_BYTES) this.#use(Buffer.allocUnsafeSlow(INITIAL_BYTES));
    }
    if (this.#end + bytes + SLACK <= this.#bytes.length) return;
    const rest = this.#end - this.#start;
    const { length, parts } = rest > HEADER ? this.#message() : { length: 0, parts: 0 };
    const needed = Math.max(rest + bytes, length + (parts + 1) * HEADER) + SLACK;
    const target = needed <= this.#bytes.length ? this.#bytes : Buffer.allocUnsafeSlow(needed + ROOM_BYTES);
    this.#bytes.copy(target, 0, this.#start, this.#end);
    if (target !== this.#bytes) this.#use(target);
    this.#start = 0;
    this.#end = rest;
  }

  #use(bytes: Buffer<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** 0xff, number, `#` and SQLSTATE, text. */
function serverError(body: Buffer): Error {
  const text = body.toString('utf8', 3).replace(/^#.{5}/s, '');
  return Object.assign(new Error(text), { errno: body.readUInt16LE(1) });
}
