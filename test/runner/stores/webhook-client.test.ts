/** Whatever a webhook answers, a runner has an answer or a problem of the catalogue. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { problemOf, TributaryError } from '../../../runner/core/errors.ts';
import { openClient } from '../../../runner/stores/webhook/client.ts';

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const server of opened.splice(0)) await server[Symbol.asyncDispose]();
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  opened.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const open = (url: string, timeoutMs?: number) =>
  openClient({ url, tenant: 'acme', token: async () => 'canary', ...(timeoutMs === undefined ? {} : { timeoutMs }) });
const ask = { method: 'GET', path: '/v1/runs/r1/config' } as const;
const problem = async (work: Promise<unknown>) => problemOf(await work.catch((error: unknown) => error));

it('takes its token to no other place', async () => {
  let reached = 0;
  const elsewhere = await serve((_, response) => {
    reached += 1;
    response.end('{}');
  });
  const url = await serve((_, response) => response.writeHead(307, { location: elsewhere }).end());
  expect((await problem(open(url)(ask))).code).toBe('WEBHOOK_UNREACHABLE');
  expect(reached).toBe(0);
});

it('waits for an answer as long as it may, for the whole of it', async () => {
  const silent = await serve(() => undefined);
  expect(await problem(open(silent, 50)(ask))).toMatchObject({
    code: 'WEBHOOK_UNREACHABLE',
    detail: expect.stringContaining('no answer in time'),
  });
  const slow = await serve((_, response) => void response.writeHead(200).write('{'));
  expect((await problem(open(slow, 50)(ask))).code).toBe('WEBHOOK_UNREACHABLE');
});

it('ends with what its caller ends it with', async () => {
  const silent = await serve(() => undefined);
  const stop = new AbortController();
  const asked = problem(open(silent)({ ...ask, signal: stop.signal }));
  stop.abort(new TributaryError('INTERRUPTED'));
  expect((await asked).code).toBe('INTERRUPTED');
});

it('believes a problem of the catalogue, in the words it came with, and no other', async () => {
  const said = { code: 'LEASE_LOST', title: 'T', detail: 'D', fix: 'F', origin: 'nobody', retryable: 'yes', more: 1 };
  let body: object = said;
  let status = 409;
  const url = await serve((_, response) => response.writeHead(status).end(JSON.stringify(body)));
  const { origin, retryable } = new TributaryError('LEASE_LOST').problem;
  expect(await problem(open(url)(ask))).toEqual({
    code: 'LEASE_LOST',
    title: 'T',
    detail: 'D',
    fix: 'F',
    origin,
    retryable,
  });
  body = { ...said, code: 'toString' };
  expect((await problem(open(url)(ask))).code).toBe('WEBHOOK_UNREACHABLE');
  body = said;
  status = 503;
  expect((await problem(open(url)(ask))).code).toBe('WEBHOOK_UNREACHABLE');
});

it('has a problem of the catalogue for every other answer, without the token', async () => {
  let answer = { status: 200, body: '' };
  const url = await serve((_, response) => response.writeHead(answer.status).end(answer.body));
  const client = open(url);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 200, max: 599 }), fc.oneof(fc.string(), fc.json()), async (status, body) => {
      answer = { status, body };
      const got = await client(ask).catch((error: unknown) => error);
      if (!(got instanceof Error)) {
        expect(status).toBeLessThan(300);
        expect(got === null || typeof got === 'object').toBe(true);
        return;
      }
      expect(TributaryError.is(got)).toBe(true);
      expect(['WEBHOOK_UNREACHABLE', 'WEBHOOK_REFUSED']).toContain(problemOf(got).code);
      expect(got.message).not.toContain('canary');
    }),
    { numRuns: 200 },
  );
});
