/**
 * A line of so many bytes a second from a server to its clients, all connections together; what clients send is not
 * slowed down. Prints its port. Arguments: port of the server on 127.0.0.1, bytes a second.
 */
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';

const [port = '', rate = ''] = process.argv.slice(2);
/** What may pass at once after a pause. */
const BURST_MS = 20;
const bytesPerMs = Number(rate) / 1000;
let freeAt = performance.now();

/** Milliseconds until the line has room again, once these bytes are on it. */
function occupy(bytes: number): number {
  const now = performance.now();
  freeAt = Math.max(freeAt, now - BURST_MS) + bytes / bytesPerMs;
  return freeAt - now;
}

function join(client: Socket): void {
  const server = dial(Number(port), '127.0.0.1');
  server.on('data', (chunk) => {
    const room = client.write(chunk);
    const wait = occupy(chunk.length);
    if (room && wait < 1) return;
    server.pause();
    const drained = room ? Promise.resolve() : new Promise((done) => client.once('drain', done));
    setTimeout(() => drained.then(() => server.resume()), Math.max(0, wait));
  });
  server.once('end', () => client.end());
  client.pipe(server);
  for (const one of [client, server]) one.on('error', () => one.destroy());
  client.once('close', () => server.destroy());
  server.once('close', () => client.destroy());
}

const line = createServer(join);
line.listen(0, '127.0.0.1', () => process.stdout.write(`port ${(line.address() as AddressInfo).port}\n`));
