/** What lies between a reader and a store of objects on a bad day. */
import { createServer, type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PlannedAnswer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ObjectProxy extends AsyncDisposable {
  readonly host: string;
  /** Requests that passed or were answered here. */
  requests: number;
  /** Answers whose bodies are under way. */
  open: number;
  /** Given instead of the server's, one for each request, after so many that {@link pass}. */
  answers: PlannedAnswer[];
  pass: number;
  /** Bodies are cut off after so many bytes; `null`: whole. */
  cutAfter: number | null;
  cuts: number;
  /** Requests are taken and never answered. */
  hold: boolean;
  held: number;
  onBody: () => void;
  /** Headers of the last request. */
  lastHeaders: IncomingMessage['headers'];
  reset(): void;
}

/** Header `host` stays as it came: signatures are over it. */
export async function startObjectProxy(upstream: string): Promise<ObjectProxy> {
  const { hostname, port } = new URL(upstream);
  const server = createServer((incoming, answer) => pass(incoming, answer));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const fresh = () => ({
    ...{ requests: 0, answers: [], pass: 0, cutAfter: null, cuts: 0, hold: false, held: 0 },
    onBody: () => undefined,
  });
  const proxy: ObjectProxy = {
    host: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: 0,
    lastHeaders: {},
    ...fresh(),
    reset: () => Object.assign(proxy, fresh()),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };

  function pass(incoming: IncomingMessage, answer: ServerResponse): void {
    proxy.requests += 1;
    proxy.lastHeaders = incoming.headers;
    if (proxy.hold) {
      proxy.held += 1;
      return;
    }
    const planned = proxy.pass > 0 ? undefined : proxy.answers.shift();
    proxy.pass = Math.max(0, proxy.pass - 1);
    if (planned !== undefined) {
      answer.writeHead(planned.status, planned.headers).end(planned.body ?? '');
      return;
    }
    const { method, url: path, headers } = incoming;
    const request = requestHttp({ hostname, port, method, path, headers, agent: false }, (given) => {
      if (incoming.socket.destroyed) return void given.destroy();
      answer.writeHead(given.statusCode ?? 0, given.rawHeaders);
      proxy.open += 1;
      let left = proxy.cutAfter ?? Number.POSITIVE_INFINITY;
      given.on('data', (chunk: Buffer) => {
        proxy.onBody();
        if (!answer.write(chunk.subarray(0, left))) {
          given.pause();
          answer.once('drain', () => given.resume());
        }
        left -= chunk.length;
        if (left > 0) return;
        proxy.cuts += 1;
        given.removeAllListeners('data').resume();
        // What was written is sent before the line goes down.
        setImmediate(() => incoming.socket.end(() => incoming.socket.destroy()));
      });
      given.once('end', () => left > 0 && answer.end());
      given.on('error', () => incoming.socket.destroy());
      answer.once('close', () => {
        proxy.open -= 1;
        given.destroy();
      });
    });
    request.on('error', () => incoming.socket.destroy());
    incoming.pipe(request);
  }
  return proxy;
}
