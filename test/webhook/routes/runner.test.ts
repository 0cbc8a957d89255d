import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Scene, scene } from './scene.ts';

let its: Scene;
beforeAll(async () => {
  its = await scene({ streamMs: 20_000 });
});
afterAll(() => its[Symbol.asyncDispose]());

const problem = (status: number, code: string) => ({ status, body: { status, code } });
const event = (id: string, type = 'progress', data = {}) => ({ id, at: '2026-11-24T09:00:00.000Z', type, data });
const ENDED = { status: 'succeeded', summary: { rows: { loaded: 3 } }, problem: null } as const;

async function newRun(): Promise<string> {
  const answer = await its.call('POST', '/v1/runs', { as: 'olga', body: { tenant: 'acme', source: 'orders' } });
  expect(answer.status, answer.text).toBe(202);
  return answer.body.runId;
}

const as = 'runner' as const;
const report = (runId: string, body: object) => its.call('PATCH', `/v1/runs/${runId}`, { as, body });

describe('a runner', () => {
  test('gets its order and the tenant with its defaults', async () => {
    const runId = await newRun();
    const { body } = await its.call('GET', `/v1/runs/${runId}/config`, { as });
    expect(body).toMatchObject({ run: { runId, order: { kind: 'run' } }, tenant: { tenant: 'acme', location: 'EU' } });
    const same = await its.call('GET', '/v1/tenants/acme/sources/orders/config', { as });
    expect(same.body).toEqual({ tenant: body.tenant });
    expect(await its.call('GET', '/v1/tenants/acme/sources/none/config', { as })).toMatchObject(
      problem(404, 'SOURCE_NOT_FOUND'),
    );
    expect(await its.call('GET', '/v1/tenants/other/sources/orders/config', { as })).toMatchObject(
      problem(403, 'FORBIDDEN'),
    );
    expect(await its.call('GET', `/v1/runs/${runId}/config`, { as: 'ada' })).toMatchObject(problem(403, 'FORBIDDEN'));
    await report(runId, { end: ENDED });
  });

  test('takes the reservation over, renews, hears of a cancel, and gives the lease back', async () => {
    const runId = await newRun();
    const lease = `/v1/runs/${runId}/lease`;
    const claimed = await its.call('PUT', lease, { as, body: { ttlMs: 60_000, claimant: 'p1' } });
    expect(claimed).toMatchObject({ status: 200, body: { runId, cancelRequested: false } });
    const { fencingToken } = claimed.body;
    const again = await its.call('PUT', lease, { as, body: { ttlMs: 60_000, claimant: 'p1' } });
    expect(again).toMatchObject({ status: 200, body: { fencingToken } });
    expect(await its.call('PUT', lease, { as, body: { ttlMs: 60_000, claimant: 'p2' } })).toMatchObject(
      problem(409, 'LEASE_HELD'),
    );
    expect(await its.call('POST', `/v1/runs/${runId}/cancel`, { as: 'olga' })).toMatchObject({
      status: 202,
      body: { status: 'running' },
    });
    const renewed = await its.call('PUT', lease, { as, body: { ttlMs: 60_000, fencingToken } });
    expect(renewed).toMatchObject({ status: 200, body: { fencingToken, cancelRequested: true } });
    const stale = await its.call('PUT', lease, { as, body: { ttlMs: 60_000, fencingToken: fencingToken - 1 } });
    expect(stale).toMatchObject(problem(409, 'LEASE_LOST'));
    for (let i = 0; i < 2; i++)
      expect((await its.call('DELETE', `${lease}?fencingToken=${fencingToken}`, { as })).status).toBe(204);
    expect(await its.call('GET', '/v1/tenants/acme/sources/orders/abandoned', { as })).toMatchObject({
      body: { runs: [{ runId }] },
    });
    await report(runId, { end: ENDED });
    expect(await its.call('GET', '/v1/tenants/acme/sources/orders/abandoned', { as })).toMatchObject({
      body: { runs: [] },
    });
  });

  test('reports as often as it likes: nothing comes twice, an end stays', async () => {
    const runId = await newRun();
    const body = { execution: 'e1', start: true, events: [event('1-1', 'run-start'), event('1-2')] };
    for (let i = 0; i < 3; i++)
      expect(await report(runId, body)).toMatchObject({ status: 200, body: { status: 'running' } });
    for (let i = 0; i < 2; i++) expect(await report(runId, { end: ENDED })).toMatchObject({ body: ENDED });
    const late = { end: { ...ENDED, status: 'failed' }, events: [event('1-3')] };
    expect(await report(runId, late)).toMatchObject({ status: 200, body: { status: 'succeeded' } });
    const { body: list } = await its.call('GET', `/v1/runs/${runId}/events`);
    expect(list.events.map(({ type }: { type: string }) => type).slice(0, 2)).toEqual(['run-start', 'progress']);
  });

  test('a runner of a newer version fails by a code that this one has no page for', async () => {
    const runId = await newRun();
    const origin = { title: 'New.', detail: 'It is new.', fix: 'Update.', origin: 'platform', retryable: false };
    const end = { status: 'failed', summary: {}, problem: { code: 'NOT_KNOWN_HERE_YET', ...origin } };
    expect(await report(runId, { start: true, end })).toMatchObject({ status: 200, body: end });
    expect(await its.call('GET', `/v1/runs/${runId}`)).toMatchObject({ status: 200, body: end });
  });

  test.each([
    [{ events: [{ ...event('1'), type: 'party' }] }, '/events/0/type'],
    [{ end: { ...ENDED, problem: { code: 'no such' } } }, '/end/problem/code'],
    [{ more: true }, ''],
  ])('garbage says where: %#', async (body, pointer) => {
    const runId = await newRun();
    const answer = await report(runId, body);
    expect(answer).toMatchObject(problem(422, 'REQUEST_INVALID'));
    expect(answer.body.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
    await report(runId, { end: ENDED });
  });

  test('of another tenant knows no run of this one', async () => {
    const runId = await newRun();
    const other = { as: 'other runner', body: { end: ENDED } } as const;
    expect(await its.call('PATCH', `/v1/runs/${runId}`, other)).toMatchObject(problem(404, 'RUN_NOT_FOUND'));
    const lease = { as: 'other runner', body: { ttlMs: 1000 } } as const;
    expect(await its.call('PUT', `/v1/runs/${runId}/lease`, lease)).toMatchObject(problem(404, 'RUN_NOT_FOUND'));
    expect(await its.call('PATCH', '/v1/runs/none', { as, body: {} })).toMatchObject(problem(404, 'RUN_NOT_FOUND'));
    await report(runId, { end: ENDED });
  });
});

describe('the stream of events', () => {
  const stream = async (runId: string, headers: Record<string, string> = {}) =>
    its.app.request(`/v1/runs/${runId}/events`, {
      headers: { accept: 'text/event-stream', ...headers, ...(await its.headersOf('vic')) },
    });
  const ids = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));

  test('begins where the reader was, and ends with the run', async () => {
    const runId = await newRun();
    await report(runId, { start: true, events: [event('1'), event('2')] });
    const response = await stream(runId, { 'last-event-id': '1' });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const text = response.text();
    await report(runId, { events: [event('3', 'run-end')] });
    await report(runId, { end: ENDED });
    expect(ids(await text)).toEqual([2, 3]);
    expect(ids(await (await stream(runId)).text())).toEqual([1, 2, 3]);
  });

  test('says that it is alive while nothing happens', async () => {
    const runId = await newRun();
    const response = await stream(runId);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; !text.includes(': alive'); ) text += (await reader?.read())?.value ?? '';
    await reader?.cancel();
    await report(runId, { end: ENDED });
  });

  test('is nobody else’s', async () => {
    const runId = await newRun();
    expect(await its.call('GET', `/v1/runs/${runId}/events`, { as: 'oz' })).toMatchObject(
      problem(404, 'RUN_NOT_FOUND'),
    );
    await report(runId, { end: ENDED });
  });
});
