/** A webhook on a bad day, a runner that is killed: every run commits once, and its record catches up. */
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Fate, Passing } from '../../servers/faulty-proxy.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { type Scene, startScene, until } from './scene.ts';

let server: PostgresServer;
let client: pg.Client;
let scene: Scene;

beforeAll(async () => {
  server = await startPostgres();
  client = await server.client();
});
beforeEach(async () => {
  await client.query(`DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int PRIMARY KEY, note text, at timestamptz);
    INSERT INTO orders SELECT g, 'n' || g, now() - interval '1 day' FROM generate_series(1, 100) g`);
  scene = await startScene(server);
});
afterEach(async () => {
  await client.query('ROLLBACK');
  await scene[Symbol.asyncDispose]();
});
afterAll(async () => {
  await client?.end();
  await server?.stop();
});

/** The runner gives up on a webhook that is away after so long. */
const IMPATIENT = { TRIBUTARY_RETRY_SECONDS: '2' };
const isReport = ({ method }: Passing) => method === 'PATCH';
const hold = () => client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
const letGo = () => client.query('ROLLBACK');
const running = (run: string) => until('it runs', async () => (await scene.record(run)).status === 'running');
const warnings = (log: readonly Readonly<Record<string, unknown>>[]) =>
  log.filter(({ severity }) => severity === 'WARNING').map(({ message }) => String(message));

async function expectOneCommit(run: string): Promise<void> {
  expect(await scene.rows()).toBe(100);
  expect(await scene.record(run)).toMatchObject({ status: 'succeeded', problem: null });
  const types = (await scene.store.events(run)).map(({ type, step = '' }) => `${type} ${step}`);
  expect(types.filter((type, i) => types.indexOf(type) !== i)).toEqual([]);
  expect(types).toContain('run-end ');
}

describe('a webhook', () => {
  it('that loses every other answer: nothing is told twice', async () => {
    scene.line.fate = ({ number }) => (number % 2 === 0 ? 'lose' : 'pass');
    const run = await scene.order('run');
    const { code, text } = await scene.run(run);
    expect(code, text).toBe(0);
    await expectOneCommit(run);
  });

  it('that loses the answer to a claim: the same process gets its lease', async () => {
    let lost = 0;
    scene.line.fate = ({ path }) => (path.endsWith('/lease') && lost++ === 0 ? 'lose' : 'pass');
    const run = await scene.order('run');
    const { code, text } = await scene.run(run);
    expect(code, text).toBe(0);
    expect(lost).toBeGreaterThan(1);
    await expectOneCommit(run);
  });

  it.each<[string, Fate]>([
    ['refuses lines', 'refuse'],
    ['is overloaded', { status: 503, body: '{"title":"no"}' }],
    ['answers with a page', { status: 200, body: '<html>' }],
    ['answers with another shape', { status: 200, body: '[]' }],
    ['refuses the account', { status: 403, body: '' }],
    ['refuses the token', { status: 401, body: '{}' }],
    ['says too many requests', { status: 429, body: '{}' }],
  ])('that %s now and then', async (_, fate) => {
    scene.line.fate = ({ number, path }) => (number % 3 === 1 && !path.endsWith('/config') ? fate : 'pass');
    const run = await scene.order('run');
    const { code, text } = await scene.run(run);
    expect(code, text).toBe(0);
    await expectOneCommit(run);
  });

  it('that is away during the whole run and comes back after it: the record catches up', async () => {
    let away = true;
    scene.line.fate = (request) => (away && isReport(request) ? 'refuse' : 'pass');
    const run = await scene.order('run');
    const { ended } = scene.start(run);
    await until('the end is tried', () => scene.line.seen.some(({ body }) => body.includes('run-end')));
    expect((await scene.record(run)).status).toBe('running');
    away = false;
    const { code, text } = await ended;
    expect(code, text).toBe(0);
    await expectOneCommit(run);
  });

  it('that never comes back: the run commits, and the next run settles its record', async () => {
    const run = await scene.order('run');
    scene.line.fate = (request) => (isReport(request) || request.method === 'DELETE' ? 'refuse' : 'pass');
    scene.webhook.longestTtlMs = 1000;
    const { code, log, text } = await scene.run(run, IMPATIENT);
    expect(code, text).toBe(0);
    expect(warnings(log)).toContain('the end of the run could not be reported');
    expect(await scene.rows()).toBe(100);
    expect((await scene.record(run)).status).toBe('running');
    scene.line.fate = () => 'pass';
    await until('its lease is over', async () => (await scene.store.holder('acme', 'orders')) === null);
    expect((await scene.run(await scene.order('run'))).code).toBe(0);
    expect(await scene.record(run)).toMatchObject({ status: 'succeeded', problem: null });
    expect(await scene.rows()).toBe(100);
  });

  it('that never comes back, and a task that is tried again: nothing is loaded twice', async () => {
    const run = await scene.order('run');
    scene.line.fate = (request) => (isReport(request) || request.method === 'DELETE' ? 'refuse' : 'pass');
    scene.webhook.longestTtlMs = 1000;
    expect((await scene.run(run, IMPATIENT)).code).toBe(0);
    scene.line.fate = () => 'pass';
    await client.query(`INSERT INTO orders VALUES (101, 'late', now())`);
    const { code, text } = await scene.run(run);
    expect(code, text).toBe(0);
    expect(await scene.record(run)).toMatchObject({ status: 'succeeded' });
    expect(await scene.rows()).toBe(100);
    await scene.run(await scene.order('run'));
    expect(await scene.rows()).toBe(101);
  });

  it('that does not take the summary gets the end without it', async () => {
    const refusal = { code: 'BODY_TOO_LARGE', title: 'Too large.', detail: 'It is.', fix: 'Send less.' };
    scene.line.fate = ({ body }) =>
      body.includes('"end":') && body.includes('"inserted"') ? { status: 413, body: JSON.stringify(refusal) } : 'pass';
    const run = await scene.order('run');
    const { code, log, text } = await scene.run(run);
    expect(code, text).toBe(0);
    expect(warnings(log)).toContain('the summary of the run could not be reported');
    expect(await scene.record(run)).toMatchObject({ status: 'succeeded', summary: { cut: true } });
  });

  it('that is away from the start: the run does not begin, and says why', async () => {
    scene.line.fate = () => 'refuse';
    const run = await scene.order('run');
    const { code, log } = await scene.run(run, IMPATIENT);
    expect(code).toBe(2);
    expect(log.at(-1)).toMatchObject({ severity: 'ERROR', problem: { code: 'WEBHOOK_UNREACHABLE' } });
    expect((await scene.record(run)).status).toBe('queued');
  });

  it.each([
    ['of garbage', { status: 200, body: '{"run":{},"tenant":{}}' }, 'WEBHOOK_UNREACHABLE'],
    ['of a refusal', { status: 403, body: '{"detail":"canary"}' }, 'WEBHOOK_REFUSED'],
  ])('whose configuration is one %s: the run does not begin', async (_, fate, code) => {
    scene.line.fate = () => fate;
    const ended = await scene.run(await scene.order('run'), IMPATIENT);
    expect(ended.code).toBe(2);
    expect(ended.log.at(-1)).toMatchObject({ problem: { code } });
    expect(ended.text).not.toContain('canary');
  });
});

describe('a runner', () => {
  it('that is killed in the middle and started again loads once', async () => {
    scene.webhook.longestTtlMs = 3000;
    await hold();
    const run = await scene.order('run');
    const { child, ended } = scene.start(run);
    await running(run);
    child.kill('SIGKILL');
    await ended;
    const again = scene.start(run);
    await letGo();
    const { code, text } = await again.ended;
    expect(code, text).toBe(0);
    expect(await scene.rows()).toBe(100);
    expect(await scene.record(run)).toMatchObject({ status: 'succeeded', summary: { rows: { inserted: 100 } } });
  });

  it('that is told to stop while the webhook is away does not wait for it', async () => {
    await hold();
    const run = await scene.order('run');
    const { child, ended } = scene.start(run);
    await running(run);
    scene.line.fate = () => 'refuse';
    child.kill('SIGTERM');
    await letGo();
    const { code, log, text } = await ended;
    expect(code, text).toBe(130);
    expect(warnings(log)).toContain('the end of the run could not be reported');
  });

  it('that is started twice at once loads once', async () => {
    scene.webhook.longestTtlMs = 4000;
    const run = await scene.order('run');
    const both = await Promise.all([scene.run(run), scene.run(run)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(await scene.rows()).toBe(100);
    expect(await scene.record(run)).toMatchObject({ status: 'succeeded' });
  });

  it('that is started twice, and whose first process commits and dies before it tells: the record says so', async () => {
    scene.webhook.longestTtlMs = 4000;
    await hold();
    const run = await scene.order('run');
    // What the second one is told: as if both had asked at the same moment.
    const body = await (await fetch(`${scene.webhook.url}/v1/runs/${run}/config`)).text();
    const first = scene.start(run);
    await running(run);
    scene.line.fate = ({ path }) => (path.endsWith('/config') ? { status: 200, body } : 'pass');
    const asked = scene.line.seen.length;
    const second = scene.start(run);
    await until('it claims', () => scene.line.seen.slice(asked).some(({ body }) => body.includes('claimant')));
    let committed = false;
    scene.line.fate = (request) => {
      committed ||= request.body.includes('run-end');
      return committed && isReport(request) ? 'refuse' : 'pass';
    };
    await letGo();
    await until('the first one has committed', () => committed);
    first.child.kill('SIGKILL');
    scene.line.fate = () => 'pass';
    await first.ended;
    const { code, text } = await second.ended;
    expect(code, text).toBe(0);
    expect(await scene.rows()).toBe(100);
    expect(await scene.record(run)).toMatchObject({ status: 'succeeded' });
  });

  it('that lost its lease to a newer run commits nothing', async () => {
    scene.webhook.longestTtlMs = 1000;
    await hold();
    const run = await scene.order('run');
    const { ended } = scene.start(run);
    await running(run);
    await until('its lease is over', async () => (await scene.store.holder('acme', 'orders')) === null);
    const newer = await scene.order('run');
    await scene.store.claim({ tenant: 'acme', source: 'orders', runId: newer, ttlMs: 60_000 });
    const { code, text } = await ended;
    expect(code, text).toBe(4);
    expect(await scene.record(run)).toMatchObject({ status: 'refused', problem: { code: 'LEASE_LOST' } });
    expect((await scene.record(newer)).status).toBe('running');
  });

  it('whose source is another run’s is refused, and its run stays queued', async () => {
    const other = await scene.order('run');
    await scene.store.claim({ tenant: 'acme', source: 'orders', runId: other, ttlMs: 60_000 });
    const run = await scene.order('run');
    const { code, log } = await scene.run(run);
    expect(code).toBe(4);
    expect(log.at(-1)).toMatchObject({ problem: { code: 'LEASE_HELD' } });
    expect((await scene.record(run)).status).toBe('queued');
  });
});
