/** A local server that answers as GitHub's REST API does: pages of at most 100 with links, limits, refusals. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface StoredPost {
  readonly id: number;
  readonly number: number;
  body: string;
  title?: string;
  state: 'open' | 'closed';
  labels: string[];
  user: { type: string };
}

/** A mishap of the next request that writes; `lost`: it works, but the answer does not arrive. */
export type Mishap = 'limited' | 'down' | 'lost' | 'forbidden';

export class GithubServer implements AsyncDisposable {
  readonly comments: StoredPost[] = [];
  readonly issues: StoredPost[] = [];
  readonly requests: string[] = [];
  readonly mishaps: Mishap[] = [];
  readonly #server = createServer(async (request, response) => {
    const { status, body, headers = {}, lost } = await this.#answer(request);
    if (lost) return request.socket.destroy();
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  });
  api = '';

  static async start(): Promise<GithubServer> {
    const server = new GithubServer();
    await new Promise<void>((done) => server.#server.listen(0, '127.0.0.1', done));
    server.api = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}`;
    return server;
  }

  get repository() {
    return { api: this.api, name: 'acme/data', token: 'good' };
  }

  /** Somebody else's posts. */
  fill(posts: StoredPost[], count: number, body = 'hello', type = 'User'): void {
    for (let index = 0; index < count; index += 1) this.#add(posts, { body, user: { type } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  #add(posts: StoredPost[], given: Partial<StoredPost>): StoredPost {
    const id = this.comments.length + this.issues.length + 1;
    const post = { id: 1000 + id, number: id, body: '', state: 'open', labels: [], user: { type: 'Bot' }, ...given };
    posts.push(post as StoredPost);
    return post as StoredPost;
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? '', this.api);
    this.requests.push(`${request.method} ${url.pathname}${url.search}`);
    if (request.headers.authorization !== 'Bearer good') return refusal(401, 'Bad credentials');
    const writes = request.method !== 'GET';
    const given = writes ? ((await json(request)) as Partial<StoredPost>) : {};
    const mishap = writes ? this.mishaps.shift() : undefined;
    if (mishap === 'forbidden') return refusal(403, 'Resource not accessible by integration');
    if (mishap === 'limited') return { ...refusal(403, 'secondary rate limit'), headers: { 'retry-after': '0' } };
    if (mishap === 'down') return { ...refusal(502, 'Server Error'), headers: { 'retry-after': '0' } };
    if ((given.body?.length ?? 0) > 65_536) return refusal(422, 'body is too long (maximum is 65536 characters)');
    return { ...this.#route(request.method ?? '', url, given), ...(mishap === 'lost' && { lost: true }) };
  }

  #route(method: string, url: URL, given: Partial<StoredPost>): Answer {
    const [, path = ''] = url.pathname.split('/repos/acme/data');
    if (method === 'GET' && path === '/issues/7/comments') return this.#page(this.comments, url);
    if (method === 'POST' && path === '/issues/7/comments')
      return { status: 201, body: this.#add(this.comments, given) };
    if (method === 'GET' && path === '/issues') {
      const label = url.searchParams.get('labels') ?? '';
      return this.#page(
        this.issues.filter(({ state, labels }) => state === 'open' && labels.includes(label)),
        url,
      );
    }
    if (method === 'POST' && path === '/issues') return { status: 201, body: this.#add(this.issues, given) };
    const comment = this.comments.find(({ id }) => path === `/issues/comments/${id}`);
    const issue = this.issues.find(({ number }) => path === `/issues/${number}`);
    const post = comment ?? issue;
    if (method !== 'PATCH' || post === undefined) return refusal(404, 'Not Found');
    return { status: 200, body: Object.assign(post, given) };
  }

  #page(posts: readonly StoredPost[], url: URL): Answer {
    const size = Math.min(Number(url.searchParams.get('per_page') ?? 30), 100);
    const page = Number(url.searchParams.get('page') ?? 1);
    const next = new URL(url);
    next.searchParams.set('page', String(page + 1));
    const link = page * size < posts.length ? { link: `<${next}>; rel="next", <${next}>; rel="last"` } : {};
    return { status: 200, body: posts.slice((page - 1) * size, page * size), headers: link };
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly lost?: boolean;
}

function refusal(status: number, message: string): Answer {
  return { status, body: { message } };
}
