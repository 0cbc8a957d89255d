/** A real HTTP server that notes what it is sent. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Notice } from '../../../runner/core/contracts/notice.ts';
import { TributaryError } from '../../../runner/core/errors.ts';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly received: Received[];
  /** The next answers; then 200. `hang`: none; `cut`: the connection breaks. */
  readonly answers: (Answer | 'hang' | 'cut')[];
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const answers: Receiver['answers'] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers, body });
      const answer = answers.shift() ?? { status: 200 };
      if (answer === 'cut') request.socket.destroy();
      else if (answer !== 'hang') response.writeHead(answer.status, answer.headers).end(answer.body);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}/hook/s3cret-path`,
    host,
    received,
    answers,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

let count = 0;

export function noticeOf(over: Partial<Notice> = {}): Notice {
  const runId = over.runId ?? `20261124t090000_${String(++count).padStart(8, '0')}`;
  const type = over.type ?? 'run.failed';
  const failed = type === 'run.failed';
  return {
    schemaVersion: 1,
    id: `${runId}.${type}`,
    type,
    time: '2026-11-24T09:05:00.000Z',
    tenant: 'acme',
    source: 'orders',
    runId,
    summary: {},
    problem: failed
      ? new TributaryError('RUNNER_OUT_OF_MEMORY', { execution: 'e', reason: '8 GiB were not enough' }).problem
      : null,
    dataState: failed ? 'Nothing of this run was committed.' : '7 rows are committed in acme_raw.orders.',
    link: `https://tributary.example/v1/runs/${runId}`,
    ...over,
  };
}
