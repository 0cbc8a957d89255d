/** Small HTTP servers of this machine. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Answer } from '../emulators/answer.ts';

export interface WebServer extends AsyncDisposable {
  /** As in `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
}

export type Handle = (incoming: IncomingMessage, response: ServerResponse) => Promise<void>;

/** On a port of the kernel. A handler that throws breaks the connection. */
export async function serveWeb(handle: Handle): Promise<WebServer> {
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

export function send(response: ServerResponse, status: number, body: object | string): void {
  const [type, text] = typeof body === 'string' ? ['text/html', body] : ['application/json', JSON.stringify(body)];
  response.writeHead(status, { 'content-type': `${type}; charset=UTF-8` }).end(text);
}

const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'expect'];

/** The same request elsewhere, its answer streamed; `headers` replace its own, `undefined` takes one away. */
export function pass(
  incoming: IncomingMessage,
  response: ServerResponse,
  to: string,
  headers: Readonly<Record<string, string | undefined>> = {},
  body?: Buffer,
): Promise<void> {
  return new Promise((done, fail) => {
    const outgoing = request(
      new URL(incoming.url ?? '/', to),
      { method: incoming.method ?? 'GET', headers: passed(incoming.headers, headers) },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, passed(answer.headers));
        response.flushHeaders();
        answer.pipe(response);
        answer.once('error', fail);
        response.once('close', () => {
          answer.destroy();
          done();
        });
      },
    );
    outgoing.once('error', fail);
    if (body === undefined) incoming.pipe(outgoing);
    else outgoing.end(body);
  });
}

function passed(headers: IncomingMessage['headers'], replaced: Readonly<Record<string, string | undefined>> = {}) {
  const all = { ...headers, ...replaced };
  return Object.fromEntries(
    Object.entries(all).filter(([name, value]) => value !== undefined && !HOP_BY_HOP.includes(name)),
  );
}

/** The whole answer of another server. */
export async function ask(method: string, url: string, body?: object): Promise<Answer> {
  const answer = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, headers: {}, body: Buffer.from(await answer.arrayBuffer()) };
}

export const bodyOf = (incoming: IncomingMessage): Promise<Buffer> => buffer(incoming);
