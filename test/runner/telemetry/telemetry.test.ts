import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../../runner/core/contracts/run-store.ts';
import { structuredLog } from '../../../runner/telemetry/log.ts';
import { webhookMetrics } from '../../../runner/telemetry/metrics.ts';
import { scrubbed } from '../../../runner/telemetry/scrub.ts';
import { openTraces, runSpans } from '../../../runner/telemetry/traces.ts';
import { startCollector } from '../../servers/collector.ts';

const CANARY = 'canary-4f9c1e7b2a';
const JWT = `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(`{"sub":"${CANARY}"}`).toString('base64url')}.c2lnbmF0dXJl`;
const PEM = `-----BEGIN PRIVATE KEY-----\nMIIEvQ${CANARY}\n-----END PRIVATE KEY-----`;

describe('what looks like a secret', () => {
  it.each([
    `Authorization: Bearer ${CANARY}`,
    `postgres://reader:${CANARY}@db.example:5432/shop`,
    `mysql://reader:${CANARY}/x@db.example`.replace('/x', ''),
    `password=${CANARY} host=db`,
    `{"client_secret":"x"} token=${CANARY}`,
    `api-key: ${CANARY}`,
    `got ghp_${CANARY}`,
    PEM,
    JSON.stringify(PEM),
    `cut off: -----BEGIN RSA PRIVATE KEY-----\n${CANARY}`,
  ])('is taken out of %j', (text) => {
    expect(scrubbed(text)).not.toContain(CANARY);
  });

  it('is taken out of a token as a whole, and what is around it stays', () => {
    expect(scrubbed(`sent ${JWT} to db`)).toBe('sent *** to db');
    expect(scrubbed('postgres://reader:pw@db:5432/shop')).toBe('postgres://reader:***@db:5432/shop');
  });

  it.each(['10:30 at http://db.example:5432/shop', 'the token expired', 'user ada@acme.example', 'run 20261124t09_1f'])(
    'is not everything: %s',
    (text) => {
      expect(scrubbed(text)).toBe(text);
    },
  );
});

describe('a log', () => {
  const logged = () => {
    const lines: string[] = [];
    return { lines, log: structuredLog({ project: 'acme-platform', write: (line) => lines.push(line) }) };
  };

  it("has Google's fields", () => {
    const { lines, log } = logged();
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    log.warn({ tenant: 'acme', source: 'orders', runId: 'r1', traceparent, rows: 3 }, 'slow');
    log.notice({}, 'done');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      severity: 'WARNING',
      message: 'slow',
      rows: 3,
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      'logging.googleapis.com/labels': { tenant: 'acme', source: 'orders', runId: 'r1' },
      'logging.googleapis.com/trace': `projects/acme-platform/traces/${'a'.repeat(32)}`,
      'logging.googleapis.com/spanId': 'b'.repeat(16),
    });
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ severity: 'NOTICE', message: 'done' });
  });

  it('holds no secret, wherever it was put', () => {
    const { lines, log } = logged();
    const cause = new Error(`login as postgres://reader:${CANARY}@db failed`);
    const error = Object.assign(new Error(`Bearer ${CANARY}`, { cause }), { password: CANARY });
    log.error(
      {
        err: error,
        headers: { authorization: CANARY, cookie: CANARY, 'x-api-key': CANARY, accept: 'text/html' },
        connection: { user: 'reader', password: CANARY, accessToken: { value: CANARY } },
        list: [{ deep: [`token=${CANARY}`, JWT, PEM] }],
        fencingToken: 7,
      },
      `password=${CANARY}`,
    );
    expect(lines.join('')).not.toContain(CANARY);
    expect(lines.join('')).not.toContain(JWT.split('.')[1]);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      headers: { accept: 'text/html' },
      connection: { user: 'reader' },
      fencingToken: 7,
    });
  });

  it('is written whatever it is given', () => {
    const { lines, log } = logged();
    const ring: Record<string, unknown> = { rows: 1n };
    ring.self = ring;
    log.info(ring, 'ring');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ rows: '1', message: 'ring' });
  });
});

it('metrics count by names of few values', async () => {
  const metrics = webhookMetrics();
  metrics.answered({ route: '/v1/runs/{run}', method: 'GET', status: 200, seconds: 0.003 });
  for (let n = 0; n < 100; n += 1) metrics.answered({ route: 'none', method: `X${n}`, status: 404, seconds: 0 });
  metrics.happened({ type: 'accepted', kind: 'run', trigger: 'schedule' });
  metrics.happened({ type: 'launched', waitedMs: 40 });
  metrics.happened({ type: 'ended', kind: 'run', status: 'succeeded' });
  metrics.happened({ type: 'missed' });
  const { body } = await metrics.text();
  expect(body).toContain('duration_seconds_count{route="/v1/runs/{run}",method="GET",status="200"} 1');
  expect(body).toContain('duration_seconds_count{route="none",method="other",status="404"} 100');
  expect(body).toContain('tributary_runs_accepted_total{kind="run",trigger="schedule"} 1');
  expect(body).toContain('tributary_runs_ended_total{kind="run",status="succeeded"} 1');
  expect(body).toContain('tributary_run_launch_delay_seconds_count 1');
  expect(body).toContain('tributary_control_events_total{event="missed"} 1');
});

describe('traces', () => {
  const event = (type: RunEvent['type'], step?: RunEvent['step'], data?: object): RunEvent => ({
    ...{ runId: 'r1', at: new Date().toISOString(), type },
    ...(step === undefined ? {} : { step }),
    ...(data === undefined ? {} : { data: { ...data } }),
  });

  it('have one id from the request to the last step', async () => {
    await using received = await startCollector();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `${received.endpoint}/` };
    const caller = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
    const webhook = openTraces('tributary-webhook', env);
    const request = webhook.start({ name: 'POST /v1/runs', parent: caller, kind: 'server' });
    request.end();
    await webhook[Symbol.asyncDispose]();
    const runner = openTraces('tributary-runner', env);
    const watch = runSpans(runner, request.traceparent);
    watch(event('run-start'));
    watch(event('step-start', 'extract'));
    watch(event('step-end', 'extract'));
    watch(event('step-start', 'load'));
    watch(event('run-end', undefined, { status: 'failed', problem: { code: 'INTERNAL' } }));
    await runner[Symbol.asyncDispose]();
    const named = Object.fromEntries(received.spans.map((span) => [span.name, span]));
    expect(Object.keys(named).sort()).toEqual(['POST /v1/runs', 'extract', 'load', 'run']);
    expect(new Set(received.spans.map(({ traceId }) => traceId))).toEqual(new Set(['c'.repeat(32)]));
    expect(named['POST /v1/runs']?.parentSpanId).toBe('d'.repeat(16));
    expect(named.run?.parentSpanId).toBe(named['POST /v1/runs']?.spanId);
    expect([named.extract?.parentSpanId, named.load?.parentSpanId]).toEqual([named.run?.spanId, named.run?.spanId]);
    expect([named.run?.status.code, named.load?.status.code, named.extract?.status.code]).toEqual([2, 2, 0]);
  });

  it('begin here where the caller has none, or garbage', () => {
    const traces = openTraces('test', {});
    const ids = [null, 'garbage', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`].map(
      (parent) => traces.start({ name: 'x', parent }).traceparent,
    );
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it('cost nobody anything while the collector is away', async () => {
    const traces = openTraces('test', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    traces.start({ name: 'x', parent: null }).end();
    await expect(traces[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });
});
