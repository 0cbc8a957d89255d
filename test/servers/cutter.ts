/** A line to a server that can be cut. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Cutter extends AsyncDisposable {
  /** As in `127.0.0.1:40000`. */
  readonly host: string;
  /** How often a line was cut. */
  readonly cuts: number;
  /** Severs what is open now. */
  cut(): void;
  /** Severs a line each time so many bytes more have come from the server over it; for so many lines. */
  cutAfter(bytes: number, times: number): void;
}

/**
 * @param upstream as in `127.0.0.1:8080`
 * @example await using line = await startCutter(server.host);
 */
export async function startCutter(upstream: string): Promise<Cutter> {
  const [host = '', port = ''] = upstream.split(':');
  const open = new Set<Socket>();
  let cuts = 0;
  let limit = Number.POSITIVE_INFINITY;
  let left = 0;
  const server = createServer((near) => {
    const far = connect(Number(port), host);
    let passed = 0;
    const end = () => {
      open.delete(near);
      near.destroy();
      far.destroy();
    };
    open.add(near);
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
    far.on('data', (data) => {
      passed += data.length;
      if (passed <= limit || left === 0) return;
      left -= 1;
      cuts += 1;
      end();
    });
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get cuts() {
      return cuts;
    },
    cut() {
      cuts += open.size;
      for (const socket of open) socket.destroy();
    },
    cutAfter(bytes, times) {
      limit = bytes;
      left = times;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}
