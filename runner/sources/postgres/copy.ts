/**
 * COPY … TO STDOUT on a logged-in connection: takes over the socket for the one statement, so that
 * the bytes go to the decoder as they come, and gives it back. Protocol 3.0, chapter "Message Formats".
 */
import type pg from 'pg';
import { divert } from '../../core/socket.ts';
import { SLACK } from '../../core/vector-writer.ts';
import { socketOf } from './connect.ts';

/** Takes whole CopyData messages from `bytes[position…end)` and returns the new position. */
export type CopySink = (bytes: Buffer, view: DataView, position: number, end: number) => number;

const COPY_DATA = 0x64;
const COMMAND_COMPLETE = 0x43;
const ERROR_RESPONSE = 0x45;
const READY_FOR_QUERY = 0x5a;
const INITIAL_BYTES = 1 << 20;
const ROOM_BYTES = 1 << 17;

/** A server's error as its protocol fields: code, message, detail. */
export interface ServerError extends Error {
  code?: string;
  detail?: string;
}

/**
 * Runs the COPY and feeds the sink.
 *
 * @returns the number of rows that the server says it sent.
 */
export async function copyOut(client: pg.Client, sql: string, sink: CopySink): Promise<number> {
  const socket = socketOf(client);
  // One that has ended while nobody asked it anything says so no more.
  if (socket.destroyed) throw connectionLost();
  const incoming = new Incoming(sink);
  let giveBack = () => {};
  try {
    return await new Promise<number>((resolve, reject) => {
      const failed = (error?: Error) => reject(incoming.error ?? error ?? connectionLost());
      socket.once('error', failed);
      socket.once('close', () => failed());
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
          if (!incoming.ready) return;
          if (incoming.error) reject(incoming.error);
          else resolve(incoming.rows);
        },
      });
      const body = Buffer.from(`${sql}\0`);
      const head = Buffer.alloc(5);
      head.write('Q', 0, 'latin1');
      head.writeInt32BE(body.length + 4, 1);
      socket.write(Buffer.concat([head, body]));
    });
  } finally {
    giveBack();
  }
}

function connectionLost(): ServerError {
  return Object.assign(new Error('the server closed the connection in the middle of the rows'), { code: 'ECONNRESET' });
}

/** The bytes that arrived and are not consumed, contiguous, with slack behind them. */
class Incoming {
  ready = false;
  rows = 0;
  error: ServerError | null = null;
  readonly #sink: CopySink;
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #view = viewOf(this.#bytes);
  #start = 0;
  #end = 0;

  constructor(sink: CopySink) {
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
    this.#consume();
  }

  #consume(): void {
    for (;;) {
      if (this.#end - this.#start < 5) return;
      const type = this.#bytes[this.#start];
      if (type === COPY_DATA) {
        const next = this.#sink(this.#bytes, this.#view, this.#start, this.#end);
        if (next === this.#start) return;
        this.#start = next;
        continue;
      }
      const length = this.#bytes.readInt32BE(this.#start + 1) + 1;
      if (this.#end - this.#start < length) return;
      this.#message(type ?? 0, this.#bytes.subarray(this.#start + 5, this.#start + length));
      this.#start += length;
    }
  }

  #message(type: number, body: Buffer): void {
    if (type === ERROR_RESPONSE) this.error = serverError(body);
    else if (type === COMMAND_COMPLETE) this.rows = Number(/^COPY (\d+)/.exec(body.toString('latin1'))?.[1] ?? 0);
    else if (type === READY_FOR_QUERY) this.ready = true;
  }

  /** Makes room for so many more bytes: moves the rest to the front, and grows for a message that is larger than all. */
  #makeRoom(bytes: number): void {
    if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
    }
    if (this.#end + bytes + SLACK <= this.#bytes.length) return;
    const rest = this.#end - this.#start;
    const message = rest >= 5 ? this.#bytes.readInt32BE(this.#start + 1) + 1 : 0;
    const needed = Math.max(rest + bytes, message) + SLACK;
    const target =
      needed <= this.#bytes.length ? this.#bytes : Buffer.allocUnsafeSlow(Math.max(needed, rest + (1 << 17)));
    this.#bytes.copy(target, 0, this.#start, this.#end);
    if (target !== this.#bytes) {
      this.#bytes = target;
      this.#view = viewOf(target);
    }
    this.#start = 0;
    this.#end = rest;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function serverError(body: Buffer): ServerError {
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .filter((field) => field !== '')
      .map((field) => [field.charAt(0), field.slice(1)] as const),
  );
  const error: ServerError = new Error(fields.get('M') ?? 'the server reported an error');
  error.code = fields.get('C') ?? '';
  const detail = fields.get('D');
  if (detail !== undefined) error.detail = detail;
  return error;
}
