import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Scene, scene } from './scene.ts';

let its: Scene;
beforeAll(async () => {
  its = await scene();
});
afterAll(() => its[Symbol.asyncDispose]());

const TRIGGER = '/v1/tenants/acme/sources/orders/trigger';
const at = (time: string) => ({ 'x-cloudscheduler-scheduletime': time, 'x-cloudscheduler-jobname': 'acme_orders' });
const problem = (status: number, code: string) => ({ status, body: { status, code, type: `/docs/errors#${code}` } });

/** Ends a run as its runner does. */
async function finish(runId: string) {
  const end = { status: 'succeeded', summary: { rows: { loaded: 1 } }, problem: null };
  expect(await its.call('PATCH', `/v1/runs/${runId}`, { as: 'runner', body: { end } })).toMatchObject({ status: 200 });
}

async function started(body: object = {}, headers = {}) {
  const answer = await its.call('POST', '/v1/runs', {
    as: 'olga',
    body: { tenant: 'acme', source: 'customers', ...body },
    headers,
  });
  expect(answer).toMatchObject({ status: 202 });
  return answer.body.runId as string;
}

describe('trigger', () => {
  test('a tick is one run, however often it comes', async () => {
    const first = await its.call('POST', TRIGGER, { as: 'scheduler', headers: at('2026-11-24T09:00:00Z') });
    expect(first).toMatchObject({ status: 202, body: { tenant: 'acme', source: 'orders' } });
    expect(first.headers.get('location')).toBe(`/v1/runs/${first.body.runId}`);
    const again = await its.call('POST', TRIGGER, { as: 'scheduler', headers: at('2026-11-24T10:00:00.000+01:00') });
    expect(again).toMatchObject({ status: 202, body: { runId: first.body.runId } });
    const other = await its.call('POST', TRIGGER, { as: 'scheduler', headers: at('2026-11-24T09:15:00Z') });
    expect(other).toMatchObject({ ...problem(409, 'LEASE_HELD'), body: { holder: first.body.runId } });
    await finish(first.body.runId);
  });

  test('what the body says is not read, whatever it is', async () => {
    const tick = at('2026-11-24T10:00:00Z');
    const one = await its.call('POST', TRIGGER, { as: 'scheduler', headers: tick, body: { trigger: 'schedule' } });
    expect(one).toMatchObject({ status: 202 });
    const two = await its.call('POST', TRIGGER, { as: 'scheduler', headers: tick, body: '\u0000{' });
    expect(two).toMatchObject({ status: 202, body: { runId: one.body.runId } });
    await finish(one.body.runId);
  });

  test.each([
    ['scheduler', '/v1/tenants/acme/sources/nothing/trigger', {}, 404, 'SOURCE_NOT_FOUND'],
    ['scheduler', TRIGGER, at('yesterday'), 422, 'REQUEST_INVALID'],
    ['other scheduler', TRIGGER, {}, 403, 'FORBIDDEN'],
    ['other scheduler', '/v1/tenants/nobody/sources/orders/trigger', {}, 403, 'FORBIDDEN'],
    ['runner', TRIGGER, {}, 403, 'FORBIDDEN'],
    ['vic', TRIGGER, {}, 403, 'FORBIDDEN'],
    ['oz', TRIGGER, {}, 404, 'TENANT_NOT_FOUND'],
    ['nobody', TRIGGER, {}, 401, 'UNAUTHENTICATED'],
    ['scheduler', '/v1/tenants/ACME!/sources/orders/trigger', {}, 422, 'REQUEST_INVALID'],
  ] as const)('refused: %s %s', async (as, path, headers, status, code) => {
    const answer = await its.call('POST', path, { as, headers });
    expect(answer).toMatchObject(problem(status, code));
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    if (status === 401) expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });
});

describe('runs', () => {
  test('an order with a key is one run; another order under it is refused', async () => {
    const headers = { 'idempotency-key': 'monday-1' };
    const one = await started({}, headers);
    expect(await started({}, headers)).toBe(one);
    const other = await its.call('POST', '/v1/runs', {
      body: { tenant: 'acme', source: 'orders' },
      as: 'olga',
      headers,
    });
    expect(other).toMatchObject(problem(422, 'KEY_REUSED'));
    await finish(one);
  });

  test('cancelled before it began, it ends at once; a second time nothing happens', async () => {
    const runId = await started();
    for (let i = 0; i < 2; i++) {
      const answer = await its.call('POST', `/v1/runs/${runId}/cancel`, { as: 'olga' });
      expect(answer).toMatchObject({
        status: 202,
        body: { status: 'interrupted', problem: { code: 'RUN_CANCELLED' } },
      });
    }
  });

  test('a backfill keeps its range', async () => {
    const path = '/v1/tenants/acme/sources/customers/backfill';
    const body = { from: '2026-01-01', to: '2026-02-01', yes: true };
    const answer = await its.call('POST', path, { as: 'olga', body });
    expect(answer).toMatchObject({ status: 202, body: { order: { kind: 'backfill', options: body } } });
    await finish(answer.body.runId);
    const swapped = await its.call('POST', path, { as: 'olga', body: { from: '2026-02-01', to: '2026-01-01' } });
    expect(swapped).toMatchObject({ ...problem(422, 'REQUEST_INVALID'), body: { errors: [{ pointer: '/from' }] } });
  });

  test('pages hold every run once; a cursor of ours only', async () => {
    for (let i = 0; i < 3; i++) await finish(await started());
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const { body } = await its.call('GET', `/v1/runs?tenant=acme&limit=2${cursor}`, { as: 'vic' });
      seen.push(...body.runs.map(({ runId }: { runId: string }) => runId));
      if (body.nextCursor === null) break;
      cursor = `&cursor=${body.nextCursor}`;
    }
    const all = await its.store.list({ tenant: 'acme', limit: 1000 });
    expect(seen).toEqual(all.map(({ runId }) => runId));
    expect(seen.length).toBeGreaterThan(3);
    for (const cursor of ['x', Buffer.from('run:none').toString('base64url')])
      expect(await its.call('GET', `/v1/runs?cursor=${cursor}`)).toMatchObject(problem(422, 'REQUEST_INVALID'));
  });

  test('another tenant sees nothing of it', async () => {
    const runId = await started();
    const body = { tenant: 'acme', source: 'orders' };
    expect(await its.call('GET', `/v1/runs/${runId}`, { as: 'oz' })).toMatchObject(problem(404, 'RUN_NOT_FOUND'));
    expect(await its.call('GET', '/v1/runs', { as: 'oz' })).toMatchObject({ body: { runs: [], nextCursor: null } });
    expect(await its.call('GET', '/v1/runs?tenant=acme', { as: 'oz' })).toMatchObject(problem(404, 'TENANT_NOT_FOUND'));
    expect(await its.call('POST', '/v1/runs', { as: 'oz', body })).toMatchObject(problem(404, 'TENANT_NOT_FOUND'));
    expect(await its.call('POST', `/v1/runs/${runId}/cancel`, { as: 'oz' })).toMatchObject(
      problem(404, 'RUN_NOT_FOUND'),
    );
    expect(await its.call('POST', `/v1/runs/${runId}/cancel`, { as: 'vic' })).toMatchObject(problem(403, 'FORBIDDEN'));
    const path = `/v1/runs/${runId}/config`;
    expect(await its.call('GET', path, { as: 'other runner' })).toMatchObject(problem(404, 'RUN_NOT_FOUND'));
    await finish(runId);
  });

  test.each([
    ['{', 400],
    ['[]', 422],
    ['{"tenant":"acme","source":"orders","more":1}', 422],
    [`{"tenant":"acme","source":"orders","x":"${'x'.repeat(300_000)}"}`, 413],
  ])('garbage is the fault of whoever sends it: %#', async (body, status) => {
    const headers = { 'content-type': 'application/json' };
    expect(await its.call('POST', '/v1/runs', { body, headers })).toMatchObject({ status, body: { status } });
  });

  test('another type of body, another method, another address', async () => {
    const xml = await its.call('POST', '/v1/runs', { body: '<a/>', headers: { 'content-type': 'text/xml' } });
    expect(xml).toMatchObject(problem(415, 'MEDIA_TYPE_UNSUPPORTED'));
    const put = await its.call('PUT', '/v1/runs');
    expect(put).toMatchObject(problem(405, 'METHOD_NOT_ALLOWED'));
    expect(put.headers.get('allow')).toBe('GET, HEAD, POST');
    expect(await its.call('GET', '/v1/nowhere')).toMatchObject(problem(404, 'ROUTE_NOT_FOUND'));
    expect(await its.call('GET', '/v1/nowhere', { as: 'nobody' })).toMatchObject(problem(401, 'UNAUTHENTICATED'));
  });

  test('every change and every refusal is on record, without a token', async () => {
    const before = its.audits.length;
    await its.call('GET', '/v1/runs', { as: 'nobody' });
    const headers = { 'x-request-id': 'abc-1' };
    await its.call('POST', '/v1/runs', { as: 'vic', body: { tenant: 'acme', source: 'orders' }, headers });
    await its.call('GET', '/v1/runs', { as: 'vic' });
    expect(its.audits.slice(before)).toMatchObject([
      { caller: null, action: 'GET /v1/runs', status: 401, problem: 'UNAUTHENTICATED' },
      { caller: { email: 'vic@acme.example' }, action: 'POST /v1/runs', status: 403, requestId: 'abc-1' },
    ]);
    expect(JSON.stringify(its.audits)).not.toContain('Bearer');
  });
});

describe('wizard', () => {
  test.each([
    ['connections:test', { connection: 'shop' }, { kind: 'test', options: { connection: 'shop' } }],
    ['connections:discover', { connection: 'shop', object: 'public.orders' }, { kind: 'discover' }],
    ['sources:plan', { source: 'orders' }, { kind: 'plan', options: {} }],
  ])('%s is a run', async (verb, body, order) => {
    const answer = await its.call('POST', `/v1/tenants/acme/${verb}`, { as: 'olga', body });
    expect(answer).toMatchObject({ status: 202, body: { order } });
    expect(answer.headers.get('location')).toBe(`/v1/runs/${answer.body.runId}`);
    const refused = await its.call('POST', `/v1/tenants/acme/${verb}`, { as: 'vic', body });
    expect(refused).toMatchObject(problem(403, 'FORBIDDEN'));
  });

  test('what is not there is not looked at', async () => {
    const call = (path: string, body: object) => its.call('POST', `/v1/tenants/acme/${path}`, { as: 'olga', body });
    expect(await call('connections:test', { connection: 'none' })).toMatchObject(problem(404, 'SOURCE_NOT_FOUND'));
    expect(await call('connections:nothing', {})).toMatchObject({ status: 404 });
    expect(await call('sources:plan', { source: '' })).toMatchObject(problem(422, 'REQUEST_INVALID'));
  });

  test('deployments belong elsewhere unless this service may make them', async () => {
    const call = (as: 'ada' | 'olga', kind: string) =>
      its.call('POST', '/v1/tenants/acme/deployments', { as, body: { kind } });
    expect(await call('ada', 'up')).toMatchObject(problem(501, 'DEPLOYMENTS_ELSEWHERE'));
    expect(await call('olga', 'up')).toMatchObject(problem(403, 'FORBIDDEN'));
    await using able = await scene({ deployments: true });
    const answer = await able.call('POST', '/v1/tenants/acme/deployments', { body: { kind: 'up', approve: 'abc' } });
    expect(answer).toMatchObject({ status: 202, body: { order: { kind: 'up', options: { approve: 'abc' } } } });
  });
});

test('the sweep is for the platform', async () => {
  const answer = await its.call('POST', '/v1/sweep', { as: 'platform', body: {} });
  expect(answer).toMatchObject({ status: 200, body: { launched: expect.any(Array), announced: expect.any(Number) } });
  expect(await its.call('POST', '/v1/sweep', { as: 'ada' })).toMatchObject(problem(403, 'FORBIDDEN'));
});
