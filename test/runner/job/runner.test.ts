/** The runner's process: what each kind of run gives, and how it ends. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text as bodyOf } from 'node:stream/consumers';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startMetadata } from '../../servers/identity.ts';
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
afterEach(() => scene[Symbol.asyncDispose]());
afterAll(async () => {
  await client?.end();
  await server?.stop();
});

describe('a run', () => {
  it('loads, and its record holds what the command line would have shown', async () => {
    const run = await scene.order('run');
    const { code, log, text } = await scene.run(run);
    expect(code, text).toBe(0);
    expect(await scene.rows()).toBe(100);
    const record = await scene.record(run);
    expect(record).toMatchObject({ status: 'succeeded', problem: null });
    expect(record.summary).toMatchObject({ runId: run, rows: { inserted: 100 }, status: 'succeeded' });
    const events = (await scene.store.events(run)).map(({ type, step = '' }) => `${type} ${step}`.trim());
    expect(events).toEqual([
      'run-start',
      ...['plan', 'extract', 'check', 'commit'].flatMap((step) => [`step-start ${step}`, `step-end ${step}`]),
      'run-end',
    ]);
    expect(await scene.store.holder('acme', 'orders')).toBeNull();
    expect(log.every(({ severity, message, time }) => severity && message && time)).toBe(true);
  });

  it('leaves at once when it has ended before', async () => {
    const run = await scene.order('run');
    await scene.run(run);
    await client.query(`INSERT INTO orders VALUES (101, 'late', now())`);
    const asked = scene.line.seen.length;
    expect((await scene.run(run)).code).toBe(0);
    expect(scene.line.seen.slice(asked).map(({ method }) => method)).toEqual(['GET']);
    expect(await scene.rows()).toBe(100);
  });

  it('loads a stretch again as a backfill, and needs to know from where to where', async () => {
    await scene.run(await scene.order('run'));
    const from = new Date(Date.now() - 2 * 86_400_000).toISOString();
    const backfill = await scene.order('backfill', { from, to: new Date().toISOString(), yes: true });
    const { code, text } = await scene.run(backfill);
    expect(code, text).toBe(0);
    expect(await scene.rows()).toBe(100);
    const without = await scene.order('backfill');
    expect((await scene.run(without)).code).toBe(1);
    expect(await scene.record(without)).toMatchObject({ status: 'failed', problem: { code: 'USAGE' } });
  });

  it('says in the words of the alert that its source is late', async () => {
    const run = await scene.order('run', {}, 'aged');
    const { code, log } = await scene.run(run);
    expect(code).toBe(2);
    const late = { event: 'source.late', tenant: 'acme', source: 'aged', severity: 'WARNING' };
    expect(log.filter(({ event }) => event !== undefined)).toMatchObject([late]);
    expect(await scene.record(run)).toMatchObject({ status: 'failed', problem: { code: 'QUALITY_FAILED' } });
    expect((await scene.run(await scene.order('run'))).log.some(({ event }) => event !== undefined)).toBe(false);
  });

  it('ends as interrupted when the platform takes it away', async () => {
    await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const run = await scene.order('run');
    const { child, ended } = scene.start(run);
    await until('it runs', async () => (await scene.record(run)).status === 'running');
    child.kill('SIGTERM');
    const { code, text } = await ended.finally(() => client.query('ROLLBACK'));
    expect(code, text).toBe(130);
    expect(await scene.record(run)).toMatchObject({ status: 'interrupted', problem: { code: 'INTERRUPTED' } });
  });

  it('ends when somebody cancels it', async () => {
    await client.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const run = await scene.order('run');
    const { ended } = scene.start(run);
    await until('it runs', async () => (await scene.record(run)).status === 'running');
    await scene.store.cancel(run);
    const { code, text } = await ended.finally(() => client.query('ROLLBACK'));
    expect(code, text).toBe(130);
    expect(await scene.record(run)).toMatchObject({ status: 'interrupted', problem: { code: 'RUN_CANCELLED' } });
  });

  it('fails with the problem of its secret, and tells no value of one', async () => {
    const run = await scene.order('run');
    const { code, text } = await scene.run(run, { TRIBUTARY_SECRET_MAIN: 'canary-of-a-wrong-password' });
    expect(code).toBe(2);
    const record = await scene.record(run);
    expect(record).toMatchObject({ status: 'failed', problem: { code: 'SOURCE_AUTHENTICATION' } });
    const told = JSON.stringify([record, await scene.store.events(run), text, scene.line.seen]);
    expect(told).not.toContain('canary');
    const missing = await scene.order('run');
    expect((await scene.run(missing, { TRIBUTARY_SECRET_MAIN: '' })).code).toBe(2);
    expect(await scene.record(missing)).toMatchObject({ problem: { code: 'SECRET_MISSING' } });
  });
});

describe('who it is', () => {
  it('says the metadata server, for the audience; a token that is refused is followed by a new one', async () => {
    await using metadata = await startMetadata();
    const env = {
      ...{ GCE_METADATA_HOST: metadata.host, CLOUDSDK_CONFIG: '/nonexistent', GOOGLE_CLOUD_PROJECT: 'acme-data' },
      ...{ TRIBUTARY_WEBHOOK_AUTH: '', TRIBUTARY_WEBHOOK_AUDIENCE: 'https://tributary.acme.internal' },
    };
    const refused = new Set<string>();
    scene.line.fate = ({ headers: { authorization = '' } }) => {
      if (!authorization.startsWith('Bearer ')) return { status: 401, body: '{}' };
      if (refused.size === 0) refused.add(authorization);
      return refused.has(authorization) ? { status: 401, body: '{}' } : 'pass';
    };
    const run = await scene.order('test', { connection: 'main' }, '');
    const { code, text } = await scene.run(run, env);
    expect(code, text).toBe(0);
    const asked = metadata.seen.filter(({ path }) => path.endsWith('/identity'));
    expect(asked.map(({ query }) => query.get('audience'))).toEqual(Array(2).fill('https://tributary.acme.internal'));
    expect(text).not.toContain('Bearer');
  });

  it('is told where the trace of its launcher goes on', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const run = await scene.order('test', { connection: 'main' }, '');
    const { log } = await scene.run(run, { TRACEPARENT: traceparent, TRIBUTARY_PROJECT: 'acme-data' });
    expect(new Set(scene.line.seen.map(({ headers }) => headers.traceparent))).toEqual(new Set([traceparent]));
    const trace = 'projects/acme-data/traces/4bf92f3577b34da6a3ce929d0e0e4736';
    expect(log[0]).toMatchObject({ 'logging.googleapis.com/trace': trace });
  });
});

it('its steps are spans of the trace that its launcher began', async () => {
  const spans: { traceId: string; name: string; parentSpanId?: string }[] = [];
  const collector = createServer(async (request, response) => {
    const { resourceSpans } = JSON.parse(await bodyOf(request));
    for (const { scopeSpans } of resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans);
    response.end('{}');
  });
  await new Promise<void>((done) => collector.listen(0, '127.0.0.1', done));
  const { port } = collector.address() as AddressInfo;
  const run = await scene.order('run');
  const { code, text } = await scene.run(run, {
    TRACEPARENT: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
  });
  collector.closeAllConnections();
  collector.close();
  expect(code, text).toBe(0);
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set(['4bf92f3577b34da6a3ce929d0e0e4736']));
  expect(spans.map(({ name }) => name)).toEqual(['plan', 'extract', 'check', 'commit', 'run']);
  expect(spans.at(-1)?.parentSpanId).toBe('00f067aa0ba902b7');
});

describe('a look', () => {
  it('tests a connection, step by step', async () => {
    const run = await scene.order('test', { connection: 'main' }, '');
    expect((await scene.run(run)).code).toBe(0);
    const { status, summary } = await scene.record(run);
    expect(status).toBe('succeeded');
    const checks = summary.checks as { id: string; status: string }[];
    expect(checks.length).toBeGreaterThan(3);
    const events = (await scene.store.events(run)).flatMap(({ data }) => (data?.check ? [data.check] : []));
    expect(events).toEqual(checks);
  });

  it('says what is wrong with a connection, and exits in peace', async () => {
    const run = await scene.order('test', { connection: 'main' }, '');
    expect((await scene.run(run, { TRIBUTARY_SECRET_MAIN: 'wrong' })).code).toBe(0);
    expect(await scene.record(run)).toMatchObject({ status: 'failed', problem: { code: 'SOURCE_AUTHENTICATION' } });
  });

  it('discovers a connection and an object of it', async () => {
    const all = await scene.order('discover', { connection: 'main' }, '');
    await scene.run(all);
    expect((await scene.record(all)).summary).toMatchObject({
      objects: expect.arrayContaining([expect.objectContaining({ name: 'public.orders' })]),
    });
    const one = await scene.order('discover', { connection: 'main', object: 'public.orders' }, '');
    await scene.run(one);
    const { object } = (await scene.record(one)).summary as { object: { columns: { name: string }[] } };
    expect(object.columns.map(({ name }) => name)).toEqual(['id', 'note', 'at']);
  });

  it('plans a source', async () => {
    const run = await scene.order('plan');
    const { code, text } = await scene.run(run);
    expect(code, text).toBe(0);
    expect((await scene.record(run)).summary).toMatchObject({ source: 'orders', contract: 'holds' });
    expect(await scene.store.holder('acme', 'orders')).toBeNull();
  });

  it('deploys by the command line, whose problem is the run’s', async () => {
    const run = await scene.order('up', { approve: 'a'.repeat(64) }, '');
    const here = { TRIBUTARY_DEPLOYER: '1', TRIBUTARY_TENANTS: join(scene.folder, 'nowhere') };
    const { code, text } = await scene.run(run, here);
    expect(code, text).toBe(0);
    expect(await scene.record(run)).toMatchObject({ status: 'failed', problem: { code: 'TENANT_NOT_FOUND' } });
    const unapproved = await scene.order('up', {}, '');
    expect((await scene.run(unapproved, here)).code).toBe(1);
    expect(await scene.record(unapproved)).toMatchObject({ problem: { detail: 'The order names no "approve".' } });
  });

  it('deploys nothing where it may not', async () => {
    const run = await scene.order('preview', {}, '');
    expect((await scene.run(run)).code).toBe(1);
    expect(await scene.record(run)).toMatchObject({ status: 'failed', problem: { code: 'USAGE' } });
  });
});
