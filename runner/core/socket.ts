/**
 * The bytes of a connection, without a buffer for each read: a plain socket of the driver reads
 * straight into the memory of whoever takes it over. Node's own way, a fresh buffer of 64 KB per
 * read, left some 60 MB resident behind a table of 5 million rows.
 */
import { Socket } from 'node:net';

/** Takes a socket's bytes while it is diverted. */
export interface Intake {
  /** Where the next read may write; not empty. */
  room(): Uint8Array;
  /** What a read wrote: the start of a `room()`, or bytes elsewhere that are not kept. */
  take(chunk: Uint8Array): void;
}

const ORDINARY_BYTES = 16 << 10;
const intakes = new WeakMap<Socket, { current: Intake | null }>();

/** A plain socket for the driver; it can be diverted without a copy. */
export function directSocket(): Socket {
  const intake: { current: Intake | null } = { current: null };
  const ordinary = new Uint8Array(ORDINARY_BYTES);
  const socket = new Socket({
    onread: {
      buffer: () => intake.current?.room() ?? ordinary,
      callback: (length, buffer) => {
        const chunk = buffer.subarray(0, length);
        if (intake.current !== null) intake.current.take(chunk);
        else socket.emit('data', Buffer.from(chunk));
        return true;
      },
    },
  });
  intakes.set(socket, intake);
  return socket;
}

/** Sends what arrives to the intake instead of the driver, until the function it returns is called. */
export function divert(socket: Socket, intake: Intake): () => void {
  const direct = intakes.get(socket);
  if (direct !== undefined) {
    direct.current = intake;
    return () => {
      direct.current = null;
    };
  }
  const listeners = socket.listeners('data') as ((chunk: Buffer) => void)[];
  const take = (chunk: Buffer) => intake.take(chunk);
  socket.removeAllListeners('data');
  socket.on('data', take);
  return () => {
    socket.off('data', take);
    for (const listener of listeners) socket.on('data', listener);
  };
}
