/** What lies between a client and Cloud Storage on a bad day. */
import { createServer, type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** One request as it passes. */
export interface Passing {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Of `bytes 0-9/10`; '' where there is none. */
  readonly range: string;
  body: Buffer;
}

/** What becomes of a request: `pass` it, answer in its place, cut the line before it, or after the server has done it. */
export type Fate = 'pass' | 'cut' | 'swallow' | { readonly status: number; readonly body?: string };

export interface StorageProxy extends AsyncDisposable {
  readonly host: string;
  /** Decides about each request; may wait, and may change the body. */
  fate: (request: Passing) => Fate | Promise<Fate>;
  readonly seen: readonly Passing[];
}

export async function startProxy(upstream: string): Promise<StorageProxy> {
  const seen: Passing[] = [];
  const server = createServer((incoming, answer) => {
    pass(incoming, answer).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy: StorageProxy = {
    host,
    seen,
    fate: () => 'pass',
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };

  async function pass(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/', headers } = incoming;
    const request: Passing = {
      method,
      path,
      range: String(headers['content-range'] ?? ''),
      body: await buffer(incoming),
    };
    seen.push(request);
    const fate = await proxy.fate(request);
    if (fate === 'cut') return void incoming.socket.destroy();
    if (typeof fate === 'object') return void answer.writeHead(fate.status).end(fate.body ?? '');
    const given = await forward(
      `${upstream}${path}`,
      method,
      { ...headers, host: new URL(upstream).host },
      request.body,
    );
    if (fate === 'swallow') return void incoming.socket.destroy();
    const { location } = given.headers;
    if (location !== undefined) given.headers.location = location.replace(upstream, host);
    answer.writeHead(given.status, given.headers).end(given.body);
  }
  return proxy;
}

async function forward(url: string, method: string, headers: IncomingMessage['headers'], body: Buffer) {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    requestHttp(url, { method, headers, agent: false }, resolve).on('error', reject).end(body);
  });
  return { status: response.statusCode ?? 0, headers: { ...response.headers }, body: await buffer(response) };
}

/** Whether a request sends bytes of a file, and not only asks how far it is. */
export function isData({ method, range }: Passing): boolean {
  return method === 'PUT' && /^bytes \d/.test(range);
}
