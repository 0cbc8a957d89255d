/** A registry of images as far as they are pushed: what comes is checked against its digest. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Registry extends AsyncDisposable {
  /** As in `127.0.0.1:5000`. */
  readonly host: string;
  /** Manifests by their digests. */
  readonly manifests: ReadonlyMap<string, string>;
  /** Contents by their digests; of those beyond a megabyte only their size. */
  readonly blobs: ReadonlyMap<string, Buffer | number>;
}

const KEPT = 1_000_000;

export async function startRegistry(): Promise<Registry> {
  const manifests = new Map<string, string>();
  const blobs = new Map<string, Buffer | number>();
  const uploads = new Map<string, { readonly digest: string; readonly content: Buffer | number }>();
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://registry');
    const body = await received(request);
    const last = decodeURIComponent(pathname.split('/').at(-1) ?? '');
    const say = (status: number, headers: Readonly<Record<string, string>> = {}) =>
      response.writeHead(status, { 'content-length': '0', ...headers }).end();
    if (pathname === '/v2/') return void say(200);
    if (request.method === 'HEAD') {
      const found = blobs.get(last);
      const size = typeof found === 'number' ? found : found?.length;
      return void (size === undefined ? say(404) : say(200, { 'content-length': `${size}` }));
    }
    if (request.method === 'POST') {
      const upload = `${pathname}${uploads.size + 1}`;
      uploads.set(upload, body);
      return void say(202, { location: upload });
    }
    if (request.method === 'PATCH') {
      uploads.set(pathname, body);
      return void say(202, { location: pathname });
    }
    if (request.method !== 'PUT') return void say(404);
    if (pathname.includes('/manifests/')) {
      manifests.set(body.digest, `${body.content}`);
      return void say(201, { 'docker-content-digest': body.digest });
    }
    const upload = uploads.get(pathname);
    const named = searchParams.get('digest');
    if (upload === undefined || upload.digest !== named) return void say(400);
    blobs.set(upload.digest, upload.content);
    return void say(201, { 'docker-content-digest': upload.digest });
  }

  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    manifests,
    blobs,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function received(request: IncomingMessage) {
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
    if (size <= KEPT) kept.push(chunk);
  }
  return { digest: `sha256:${hash.digest('hex')}`, content: size <= KEPT ? Buffer.concat(kept) : size };
}
