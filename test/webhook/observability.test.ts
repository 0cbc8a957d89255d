import { expect, it } from 'vitest';
import { openTraces } from '../../runner/telemetry/traces.ts';
import { createApp } from '../../webhook/app.ts';
import { observability } from '../../webhook/observability.ts';
import { startCollector } from '../servers/collector.ts';
import { scene } from './routes/scene.ts';

it('a run carries on the trace of the request that began it', async () => {
  await using received = await startCollector();
  await using here = await scene();
  const traces = openTraces('tributary-webhook', { OTEL_EXPORTER_OTLP_ENDPOINT: received.endpoint });
  const app = createApp({ ...here.dependencies, traces });
  const traceparent = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
  const headers = {
    ...(await here.headersOf('scheduler')),
    traceparent,
    'x-cloudscheduler-scheduletime': '2026-11-24T09:00:00Z',
  };
  const path = '/v1/tenants/acme/sources/orders/trigger';
  const answer = await app.request(path, { method: 'POST', headers, body: '{}' });
  expect(answer.status).toBe(202);
  await traces[Symbol.asyncDispose]();
  const [span] = received.spans.filter(({ name }) => name.startsWith('POST'));
  expect(span).toMatchObject({ traceId: 'c'.repeat(32), parentSpanId: 'd'.repeat(16) });
  expect(span?.name).toBe('POST /v1/tenants/{tenant}/sources/{source}/trigger');
  const [run] = await here.store.list({ limit: 1 });
  expect(run?.order?.traceparent).toBe(`00-${span?.traceId}-${span?.spanId}-01`);
});

it('requests and events of runs are counted', async () => {
  await using here = await scene();
  const { metrics, observe } = observability();
  const app = createApp({ ...here.dependencies, metrics });
  await app.request('/v1/runs/some-run', { headers: await here.headersOf('ada') });
  await app.request('/v1/runs/some-run');
  observe({
    type: 'ended',
    runId: 'r',
    tenant: 'acme',
    source: 'orders',
    kind: 'run',
    status: 'failed',
    problem: null,
  });
  const { body } = await metrics.text();
  expect(body).toContain('_count{route="/v1/runs/{run}",method="GET",status="404"} 1');
  expect(body).toMatch(/_count\{route="[^"]+",method="GET",status="401"\} 1/);
  expect(body).toContain('tributary_runs_ended_total{kind="run",status="failed"} 1');
  expect(body).not.toContain('acme');
});

it('no secret of a request reaches the log, the audit record or the answer', async () => {
  await using here = await scene();
  const canary = 'canary7d1f0c55e2';
  const lines: unknown[] = [];
  const keep = (fields: object, message: string) => void lines.push({ fields, message });
  const app = createApp({ ...here.dependencies, log: { info: keep, warn: keep, error: keep } });
  const ask = async (path: string, headers: Record<string, string>, body?: string) =>
    (await app.request(path, { method: 'POST', headers, ...(body === undefined ? {} : { body }) })).text();
  const json = { 'content-type': 'application/json' };
  const answers = [
    await ask('/v1/runs', { authorization: `Bearer ${canary}.${canary}.${canary}` }),
    await ask('/v1/runs', { authorization: `Basic ${canary}`, cookie: canary }),
    await ask('/v1/runs', { ...json, ...(await here.headersOf('ada')), 'x-api-key': canary }, `{"password":"${canary}`),
  ];
  expect(here.audits.length).toBeGreaterThanOrEqual(3);
  expect(JSON.stringify([answers, lines, here.audits])).not.toContain(canary);
});
