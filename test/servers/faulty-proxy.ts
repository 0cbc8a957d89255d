/** What lies between a client and an HTTP service on a bad day: each request has a fate. */
import { createServer, type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/**
 * `pass`; `refuse`: the line breaks before the service sees it; `lose`: the service does it and its answer never comes; or
 * an answer of somebody else.
 */
export type Fate = 'pass' | 'refuse' | 'lose' | { readonly status: number; readonly body: string };

export interface Passing {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** From 0. */
  readonly number: number;
}

export interface FaultyProxy extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly Passing[];
  fate: (request: Passing) => Fate;
}

/** @param upstream as in `http://127.0.0.1:8080` */
export async function startFaultyProxy(upstream: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(upstream);
  const seen: Passing[] = [];
  const server = createServer((incoming, answer) => {
    pass(incoming, answer).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const proxy: FaultyProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    fate: () => 'pass',
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };

  async function pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = incoming;
    const body = await buffer(incoming);
    const request = { method, path, headers, body: body.toString(), number: seen.length };
    seen.push(request);
    const fate = proxy.fate(request);
    if (fate === 'refuse') return void incoming.socket.destroy();
    if (typeof fate === 'object') {
      answer.writeHead(fate.status, { 'content-type': 'application/json' }).end(fate.body);
      return;
    }
    const given = await new Promise<IncomingMessage>((done, failed) => {
      const onward = requestHttp({ hostname, port, method, path, headers, agent: false }, done);
      onward.on('error', failed).end(body);
    });
    const whole = await buffer(given);
    if (fate === 'lose') return void incoming.socket.destroy();
    answer.writeHead(given.statusCode ?? 0, given.rawHeaders).end(whole);
  }
  return proxy;
}
