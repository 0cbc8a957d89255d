/** The whole platform as a laptop has it: one process tree, everything over HTTP, killed in the middle. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { openDuckdb } from '../../runner/warehouses/duckdb/warehouse.ts';
import { rawDataset, triggerPath } from '../../tenants/naming.ts';
import { startCollector } from '../servers/collector.ts';
import { DevScene, SCHEDULED, TENANT, tableOf } from './dev-scene.ts';

const cli = join(import.meta.dirname, '..', '..', 'runner', 'cli.js');
/** Many processes share two cores; a run that hangs is what this is for. */
const SECONDS = 150;
const ROWS = 2000;
const PROMISED_MS = 5 * 60_000;

function tick(minutes: number): string {
  return new Date(Date.UTC(2026, 0, 1, 0, minutes)).toISOString();
}

/** The next full minute that is far enough away, as a cron that comes once a day. */
function soon(): { readonly cron: string; readonly at: Date } {
  const at = new Date(Math.ceil((Date.now() + 45_000) / 60_000) * 60_000);
  return { cron: `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`, at };
}

function rowsOf({ summary }: RunRecord): number {
  return (summary.rows as { loaded?: number } | undefined)?.loaded ?? -1;
}

describe('ten sources', () => {
  let scene: DevScene;
  const schedule = soon();
  let all: readonly string[];

  beforeAll(async () => {
    scene = await DevScene.start({ sources: 10, rows: ROWS, cron: schedule.cron });
    all = scene.sources;
    console.log(`ready after ${scene.ready?.seconds.toFixed(1)} s`);
  }, 120_000);
  afterAll(() => scene?.[Symbol.asyncDispose]());

  test('says at its start where it is and what comes next', () => {
    expect(scene.ready?.url).toBe(`http://127.0.0.1:${scene.port}`);
    expect(scene.ready?.upcoming).toMatchObject([
      { tenant: TENANT, source: SCHEDULED, at: schedule.at.toISOString(), timeZone: 'UTC' },
    ]);
  });

  test('all triggered at once, each twice: one run each, all rows land, history and events are whole', async () => {
    const calls = await Promise.all(
      all.flatMap((source) => [scene.trigger(source, tick(0)), scene.trigger(source, tick(0))]),
    );
    expect(calls.map(({ status }) => status)).toEqual(calls.map(() => 202));
    const runIds = all.map((_, i) => calls[2 * i]?.runId ?? '');
    expect(all.map((_, i) => calls[2 * i + 1]?.runId)).toEqual(runIds);
    expect(new Set(runIds).size).toBe(10);

    const records = await scene.ended(runIds, SECONDS);
    expect(await Promise.all(records.map((record) => scene.story(record)))).toEqual(records.map(() => 'succeeded'));
    expect(records.map(rowsOf)).toEqual(records.map(() => ROWS));
    // Long after its end the tick still has its run.
    expect(await scene.trigger(all[0] ?? '', tick(0))).toEqual({ status: 202, runId: runIds[0] });

    const { stdout } = await promisify(execFile)(process.execPath, [cli, 'runs', TENANT, '--json', '--limit', '50'], {
      cwd: scene.folder,
    });
    const history = (JSON.parse(stdout) as { runs: RunRecord[] }).runs.filter(({ source }) => source !== SCHEDULED);
    expect(new Set(history.map(({ runId }) => runId))).toEqual(new Set(runIds));

    const stream = await scene.request(`/v1/runs/${runIds[0]}/events`, { headers: { accept: 'text/event-stream' } });
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    const text = await stream.text();
    const types = [...text.matchAll(/^event: ?(\S+)/gm)].map(([, type]) => type).filter((type) => type !== 'hello');
    expect(types[0]).toBe('run-start');
    expect(types.at(-1)).toBe('run-end');
    expect(types.filter((type) => type === 'run-end')).toHaveLength(1);
    const ids = [...text.matchAll(/^id: ?(\d+)/gm)].map(([, id]) => Number(id));
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  }, 200_000);

  test('the webhook is killed in the middle, and a runner: no run is lost, none doubled', async () => {
    const before = await runIdsOf(scene);
    const runIds = await Promise.all(all.map((source) => scene.triggered(source, tick(10))));
    let victim = '';
    await scene.until(() => {
      victim = runIds.find((runId) => scene.runnerOf(runId) !== null) ?? '';
      return victim !== '';
    });
    process.kill(scene.runnerOf(victim) ?? 0, 'SIGKILL');
    process.kill(scene.webhookPid, 'SIGKILL');
    await scene.until(() => scene.happenings.some(({ type }) => type === 'webhook-restarted'));
    // The tick of each is repeated, as a schedule does that had no answer.
    const again = await Promise.all(all.map((source) => scene.triggered(source, tick(10))));
    expect(again).toEqual(runIds);

    const others = runIds.filter((runId) => runId !== victim);
    const records = await scene.ended(others, SECONDS);
    expect(records.map(({ status }) => status)).toEqual(records.map(() => 'succeeded'));

    // The next run of the source that lost its runner says what became of it.
    const lost = all[runIds.indexOf(victim)] ?? '';
    const next = await scene.triggered(lost, tick(20), SECONDS);
    const [settled, after] = await scene.ended([victim, next], SECONDS);
    expect(after?.status).toBe('succeeded');
    expect(['failed', 'succeeded']).toContain(settled?.status);
    // It was killed before it began, or after.
    if (settled?.status === 'failed') expect(['RUNNER_FAILED', 'RUN_ABANDONED']).toContain(settled.problem?.code);

    const known = new Set([...before, next]);
    const fresh = (await runIdsOf(scene)).filter((runId) => !known.has(runId));
    expect(fresh.toSorted()).toEqual(runIds.toSorted());
  }, 300_000);

  test('a schedule fires at its tick by the real clock', async () => {
    let run: RunRecord | undefined;
    await scene.until(async () => {
      run = (await runsOf(scene, SCHEDULED)).find(({ order }) => order?.tick === schedule.at.toISOString());
      return run !== undefined;
    }, 120);
    const waited = Date.parse(run?.createdAt ?? '') - schedule.at.getTime();
    console.log(`the schedule of ${schedule.at.toISOString()} was accepted ${waited} ms after its tick`);
    expect(waited).toBeGreaterThanOrEqual(0);
    expect(waited).toBeLessThan(PROMISED_MS);
    expect(run?.order).toMatchObject({ kind: 'run' });
  }, 150_000);

  test('Ctrl-C ends all of it, and the warehouse has the rows of the source', async () => {
    const last = await scene.triggered(all[0] ?? '', tick(30), SECONDS);
    const pid = scene.webhookPid;
    expect(await scene.stop()).toBe(0);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(scene.runnerOf(last)).toBeNull();
    await using warehouse = await openDuckdb({ file: join(scene.folder, '.tributary', 'warehouse.duckdb') });
    for (const source of all) {
      const table = `warehouse."${rawDataset(TENANT)}"."${tableOf(source)}"`;
      const [found] = await warehouse.query(`SELECT count(*) AS n, count(DISTINCT id) AS ids FROM ${table}`);
      expect([Number(found?.n), Number(found?.ids)]).toEqual([ROWS, ROWS]);
    }
  }, 120_000);
});

describe('fifty sources', () => {
  let scene: DevScene;
  beforeAll(async () => {
    scene = await DevScene.start({ sources: 50, rows: 20 });
  }, 120_000);
  afterAll(() => scene?.[Symbol.asyncDispose]());

  test('at once: all land, none waits for ever', async () => {
    const calls = await Promise.all(scene.sources.map((source) => scene.trigger(source, tick(0))));
    expect(calls.map(({ status }) => status)).toEqual(calls.map(() => 202));
    const records = await scene.ended(
      calls.map(({ runId }) => runId),
      240,
    );
    expect(records.map(({ status }) => status)).toEqual(records.map(() => 'succeeded'));
    expect(records.map(rowsOf)).toEqual(records.map(() => 20));
    const waits = records.map(({ createdAt, startedAt }) => Date.parse(startedAt) - Date.parse(createdAt));
    console.log(`50 sources: the last began ${(Math.max(...waits) / 1000).toFixed(1)} s after it was asked for`);
  }, 300_000);

  test('Ctrl-C waits for a run, and a second one for nobody', async () => {
    const runId = await scene.triggered(scene.sources[0] ?? '', tick(30), SECONDS);
    await scene.until(() => scene.runnerOf(runId) !== null);
    const runner = scene.runnerOf(runId) ?? 0;
    process.kill(runner, 'SIGSTOP');
    const exit = scene.stop();
    await scene.until(() => scene.happenings.some(({ type }) => type === 'stopping'));
    expect(scene.runnerOf(runId)).toBe(runner);
    scene.child.kill('SIGINT');
    expect(await exit).toBe(0);
    await scene.until(() => scene.runnerOf(runId) === null, 10);
  }, 60_000);
});

test('one trace from the tick to the commit, and no secret in anything that is kept or sent', async () => {
  const token = 'canary-of-a-token-8c1f';
  await using collector = await startCollector();
  await using scene = await DevScene.start({
    ...{ sources: 1, rows: 10 },
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint },
  });
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const [source = ''] = scene.sources;
  const answer = await scene.request(triggerPath(TENANT, source), {
    method: 'POST',
    headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(202);
  const { runId } = (await answer.json()) as { runId: string };
  const [record] = await scene.ended([runId], SECONDS);
  expect(record?.status).toBe('succeeded');
  const ofTrace = () => collector.spans.filter((span) => span.traceId === traceId);
  await scene.until(() => ofTrace().some(({ name }) => name.includes('/trigger')));
  await scene.until(() => ofTrace().some(({ name }) => name === 'run'));
  const names = ofTrace().map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['run', 'plan', 'extract', 'check', 'commit']));
  const trigger = ofTrace().find(({ name }) => name.includes('/trigger'));
  expect(ofTrace().find(({ name }) => name === 'run')?.parentSpanId).toBe(trigger?.spanId);

  const metrics = await (await scene.request('/metrics')).text();
  expect(metrics).toContain('tributary_');
  const events = await (await scene.request(`/v1/runs/${runId}/events`, { headers: { accept: '*/*' } })).text();
  const config = await (await scene.request(`/v1/runs/${runId}/config`)).text();
  const kept = await filesBelow(join(scene.folder, '.tributary'));
  const told = { spans: JSON.stringify(collector.spans), metrics, events, config, log: scene.log, ...kept };
  for (const [where, text] of Object.entries(told)) {
    expect(text, where).not.toContain(scene.database.password);
    expect(text, where).not.toContain(token);
  }
  // The same look finds what is there.
  expect(Object.values(told).filter((text) => text.includes(runId)).length).toBeGreaterThan(3);
}, 200_000);

test('a port that is taken is said, before anything is started', async () => {
  const { createServer } = await import('node:http');
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  try {
    const ended = promisify(execFile)(process.execPath, [cli, 'dev', '--json', '--port', String(port)]);
    const error = await ended.then(
      () => null,
      (failure: { code: number; stdout: string }) => failure,
    );
    expect(error?.code).toBe(1);
    expect(JSON.parse(error?.stdout ?? '')).toMatchObject({ problem: { code: 'PORT_IN_USE' } });
  } finally {
    server.close();
  }
});

/** Whatever the platform has written on this machine, byte for byte. */
async function filesBelow(folder: string): Promise<Record<string, string>> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await readFile(path, 'latin1')])));
}

async function runsOf(scene: DevScene, source: string): Promise<readonly RunRecord[]> {
  const { runs } = await scene.get<{ runs: RunRecord[] }>(`/v1/runs?tenant=${TENANT}&source=${source}&limit=50`);
  return runs;
}

async function runIdsOf(scene: DevScene): Promise<readonly string[]> {
  const { runs } = await scene.get<{ runs: RunRecord[] }>(`/v1/runs?tenant=${TENANT}&limit=100`);
  return runs.filter(({ source }) => source !== SCHEDULED).map(({ runId }) => runId);
}
