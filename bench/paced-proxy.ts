/** A line to a server that lets so much through in a second, for each connection: a network, or a server that is busy. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export interface PacedProxy extends AsyncDisposable {
  readonly port: number;
}

/** Behind its time by less than this it does not wait. */
const SLACK_MS = 5;

export async function startPacedProxy(port: number, bytesPerSecond: number): Promise<PacedProxy> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay(true).once('close', () => open.delete(socket));
      socket.on('error', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.pipe(paced(bytesPerSecond)).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

function paced(bytesPerSecond: number): Transform {
  let free = 0;
  return new Transform({
    highWaterMark: 64 << 10,
    async transform(chunk: Buffer, _encoding, done) {
      const now = performance.now();
      free = Math.max(free, now) + (chunk.length / bytesPerSecond) * 1000;
      if (free - now > SLACK_MS) await sleep(free - now);
      done(null, chunk);
    },
  });
}
