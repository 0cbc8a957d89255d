import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type FaultProxy, startProxy } from './proxy.ts';
import { LIMITS, tableUsage } from './quota.ts';
import { rest } from './rest.ts';

/** Knows jobs by id, counts what was done, and says what it was sent. */
const done: string[] = [];
const server = createServer(async (request, response) => {
  let text = '';
  for await (const part of request) text += part;
  const json = (status: number, body: object) => {
    response.writeHead(status, { 'content-type': 'application/json', location: `http://${request.headers.host}/next` });
    response.end(JSON.stringify(body));
  };
  const url = request.url ?? '';
  const id = /\/jobs\/([^/?]+)/.exec(url)?.[1];
  if (request.method === 'DELETE' && id !== undefined) {
    done.splice(done.indexOf(id), 1);
    return json(200, {});
  }
  if (id !== undefined)
    return json(done.includes(id) ? 200 : 404, { status: { state: 'DONE' }, statistics: { endTime: '0' } });
  if (request.method === 'POST' && url.endsWith('/jobs')) {
    const { jobId } = JSON.parse(text).jobReference;
    if (done.includes(jobId)) return json(409, {});
    done.push(jobId);
    return json(200, { status: { state: 'RUNNING' } });
  }
  return json(200, { echo: text, self: `http://${request.headers.host}/self`, updated: '2026-01-01T00:00:00.000Z' });
});

let proxy: FaultProxy;
let api: ReturnType<typeof rest>;
beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  proxy = await startProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  api = rest(proxy.host, 'p');
});
afterEach(() => {
  expect(proxy.pending()).toEqual([]);
  proxy.reset();
  done.length = 0;
});
afterAll(async () => {
  await proxy.stop();
  server.close();
});

const load = (tableId = 't') => ({ load: { destinationTable: { projectId: 'p', datasetId: 'd', tableId } } });

test('without a rule everything passes, is recorded, and links lead back to the proxy', async () => {
  const { status, body } = await api.call('POST', 'things', { a: 1 });
  expect([status, body.echo, body.self]).toEqual([200, '{"a":1}', `${proxy.host}/self`]);
  expect(proxy.calls).toMatchObject([{ method: 'POST', body: { a: 1 }, status: 200, fault: null }]);
});

test('a lost answer: the work is done; a lost request: it is not', async () => {
  proxy.fault({ job: /^a$/, fault: { how: 'lose answer' } }, { job: /^b$/, fault: { how: 'lose request' } });
  await expect(api.insert('a', load())).rejects.toThrow();
  await expect(api.insert('b', load())).rejects.toThrow();
  expect(done).toEqual(['a']);
  expect((await api.insert('a', load())).status).toBe(409);
});

test('the nth call, and so many from there on', async () => {
  proxy.fault({
    method: 'GET',
    path: /things/,
    nth: 2,
    times: 2,
    fault: { how: 'answer', error: 'rateLimitExceeded' },
  });
  const seen = [];
  for (let n = 0; n < 4; n++) seen.push((await api.call('GET', 'things')).status);
  expect(seen).toEqual([200, 403, 403, 200]);
  expect(proxy.calls[1]?.fault).toMatchObject({ error: 'rateLimitExceeded' });
});

test.each([
  ['rateLimitExceeded', 403],
  ['quotaExceeded', 403],
  ['tooManyRequests', 429],
  ['internalError', 500],
  ['badGateway', 502],
  ['backendError', 503],
] as const)('%s in the shape of Google', async (error, status) => {
  proxy.fault({ body: /marked/, fault: { how: 'answer', error } });
  const answer = await api.call('POST', 'things', { marked: true });
  expect(answer.status).toBe(status);
  expect(answer.body.error).toMatchObject({ code: status, errors: [{ reason: error }] });
});

test('connections break in the middle of a request and of an answer', async () => {
  proxy.fault({ job: /^a$/, fault: { how: 'reset', during: 'request' } });
  proxy.fault({ job: /^b$/, fault: { how: 'reset', during: 'answer' } });
  await expect(api.insert('a', load())).rejects.toThrow();
  await expect(api.insert('b', load())).rejects.toThrow();
  expect(done).toEqual(['b']);
});

test('a byte is flipped on its way, and the answer is late', async () => {
  proxy.fault({ path: /upload/, fault: { how: 'flip', at: -1 } }, { path: /slow/, fault: { how: 'delay', ms: 60 } });
  const sent = await fetch(`${proxy.host}/upload/x`, { method: 'POST', body: 'abc' });
  expect(((await sent.json()) as { echo: string }).echo).toBe(`ab${String.fromCharCode('c'.charCodeAt(0) ^ 0x55)}`);
  const started = performance.now();
  await api.call('GET', 'slow');
  expect(performance.now() - started).toBeGreaterThan(50);
});

test.each([true, false])('a job vanishes (its work done: %s), and its id can run again', async (work) => {
  proxy.fault({ job: /^v$/, method: 'POST', fault: { how: 'vanish', work } });
  expect((await api.insert('v', load())).status).toBe(200);
  expect(done).toEqual(work ? ['v'] : []);
  expect((await api.wait('v')).status).toBe(404);
  expect((await api.insert('v', load())).status).toBe(200);
  expect((await api.wait('v')).body.status.state).toBe('DONE');
  expect(done).toEqual(['v']);
});

test('a job fails once, and stays failed under its id', async () => {
  proxy.fault({ job: /^f$/, method: 'POST', fault: { how: 'fail job', reason: 'backendError' } });
  expect((await api.insert('f', load())).body.status.state).toBe('RUNNING');
  expect((await api.wait('f')).body.status.errorResult.reason).toBe('backendError');
  expect((await api.insert('f', load())).status).toBe(409);
  expect((await api.insert('f2', load())).status).toBe(200);
  expect(done).toEqual(['f2']);
});

test('clocks are off by hours', async () => {
  proxy.skew(-5);
  const answer = await fetch(`${proxy.host}/x`);
  expect(Date.now() - Date.parse(answer.headers.get('date') ?? '')).toBeGreaterThan(4.9 * 3_600_000);
  expect(await answer.json()).toMatchObject({ updated: '2025-12-31T19:00:00.000Z' });
});

test('modifications of each table are counted, DML apart, and what was not done is not', async () => {
  proxy.fault({ job: /^lost$/, fault: { how: 'lose request' } });
  for (let n = 0; n < 3; n++) await api.insert(`l${n}`, load());
  await api.insert('l0', load());
  await api.insert('lost', load()).catch(() => null);
  await api.call('PATCH', 'datasets/d/tables/t', { labels: {} });
  await api.call('POST', 'datasets/d/tables', { tableReference: { projectId: 'p', datasetId: 'd', tableId: 'new' } });
  await api.call('GET', 'datasets/d/tables/t');
  await api.insert('q', {
    query: {
      query: `CREATE TABLE IF NOT EXISTS \`p.d.t\` (a INT64); ALTER TABLE d.t ADD COLUMN b INT64; -- ALTER TABLE d.x
        MERGE \`p\`.\`d\`.\`t\` t USING d.s ON FALSE WHEN NOT MATCHED THEN INSERT ROW; INSERT INTO d.u VALUES ('UPDATE d.v');
        TRUNCATE TABLE d.t`,
    },
  });
  expect(Object.fromEntries(tableUsage(proxy.calls))).toEqual({
    'p.d.new': { modifications: 1, peakPer10Seconds: 1, dml: 0 },
    'p.d.t': { modifications: 6, peakPer10Seconds: 6, dml: 2 },
    'p.d.u': { modifications: 0, peakPer10Seconds: 0, dml: 1 },
  });
  expect(tableUsage(proxy.calls, '2001-01-01').size).toBe(0);
  expect(LIMITS).toEqual({ modificationsPerDay: 1500, updatesPer10Seconds: 5 });
});
