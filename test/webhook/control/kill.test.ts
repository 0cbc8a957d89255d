/** `kill -9` of the webhook: no run lost, none doubled, leases free, the history whole. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunRecord, RunStore } from '../../../runner/core/contracts/run-store.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { seeded } from '../../chaos/random.ts';
import { type Command, folderPlatform, storeOf, writeExecution } from './kill-process.ts';

/** Every call of a trigger that leaves something behind, and both sides of it. */
const TRIGGER_POINTS = ['deduplicate', 'enqueue', 'claim', 'launch', 'launched', 'renew'].flatMap(bothSides);
/** The same of what follows an end. */
const END_POINTS = ['release', 'send', 'announced'].flatMap(bothSides);
/** Of the one tick that every schedule here has. */
const TICK = new Date(Math.floor(Date.now() / 60_000) * 60_000 - 600_000);
const SETTLED_MS = 40_000;

let folder: string;
let store: RunStore;
const processes: Webhook[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-kill-'));
  store = storeOf(folder);
  // The platform was there before its tick.
  await store.deduplicate('swept', `${new Date(TICK.getTime() - 60_000).toISOString()}~test`);
});

afterEach(async () => {
  await Promise.all(processes.splice(0).map((webhook) => webhook.kill()));
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test('at every step of a tick and of an end', async () => {
  const repeated = TRIGGER_POINTS.map((point) => ({ point, source: `again-${named(point)}` }));
  const forgotten = TRIGGER_POINTS.map((point) => ({ point, source: `once-${named(point)}` }));
  const ends = END_POINTS.map((point) => ({ point, source: `end-${named(point)}` }));
  const all = [...repeated, ...forgotten, ...ends].map(({ source }) => source);
  writeTenant(all);

  const first = await startWebhook();
  for (const { source } of ends) first.tell({ does: 'trigger', source, of: TICK.toISOString() });
  await first.until(({ runId }) => runId !== undefined, ends.length);
  const ran = await runEverything();
  for (const { point, source } of ends) {
    const runId = ran.find((run) => run.source === source)?.runId ?? '';
    first.tell({ does: 'ended', source, of: runId, stop: point });
  }
  for (const { point, source } of [...repeated, ...forgotten])
    first.tell({ does: 'trigger', source, of: TICK.toISOString(), stop: point });
  await first.until(({ reached }) => reached !== undefined, all.length);
  await first.kill();

  const second = await startWebhook();
  for (const { source } of repeated) second.tell({ does: 'trigger', source, of: TICK.toISOString() });
  await settle(second, all.length);
  await checkHistory(all);
});

test('at any moment, again and again', async () => {
  const random = seeded(20261124);
  const sources = Array.from({ length: 40 }, (_, n) => `s${n}`);
  writeTenant(sources);
  const answered = new Set<string>();
  for (let kill = 0; kill < 10; kill++) {
    const webhook = await startWebhook((line) => {
      if (line.does === 'trigger' && line.runId !== undefined) answered.add(line.source ?? '');
    });
    // As the schedule does: what got no answer is called again.
    for (const source of sources.slice(0, (kill + 1) * 4))
      if (!answered.has(source)) webhook.tell({ does: 'trigger', source, of: TICK.toISOString() });
    webhook.tell({ does: 'sweep', source: '', of: '' });
    const running = runEverything((run) => webhook.tell({ does: 'ended', source: run.source, of: run.runId }));
    await sleep(random.between(0, 120));
    await webhook.kill();
    await running;
  }
  const last = await startWebhook();
  for (const source of sources) last.tell({ does: 'trigger', source, of: TICK.toISOString() });
  await settle(last, sources.length);
  await checkHistory(sources);
});

/** One run of each source, ended well, committed once, told of under one id, with nothing held. */
async function checkHistory(sources: readonly string[]): Promise<void> {
  const runs = await store.list({ limit: 1000 });
  expect(runs.map(({ source }) => source).sort()).toEqual([...sources].sort());
  expect(runs.filter(({ status }) => status !== 'succeeded')).toEqual([]);
  expect(runs.filter(({ order }) => order?.tick !== TICK.toISOString())).toEqual([]);
  expect(lines('committed').sort()).toEqual(runs.map(({ runId }) => runId).sort());
  expect(new Set(lines('notices').filter((id) => id.endsWith('.run.succeeded')))).toEqual(
    new Set(runs.map(({ runId }) => `${runId}.run.succeeded`)),
  );
  expect(await store.list({ unannounced: true, limit: 10 })).toEqual([]);
  // What the killed process would have released ends by time.
  for (const source of sources) await expect.poll(() => store.holder('acme', source), { timeout: 20_000 }).toBeNull();
}

/** Sweeps and runs what is launched until all has ended and is told. */
async function settle(webhook: Webhook, runs: number): Promise<void> {
  const open = async () => {
    const found = await store.list({ limit: 1000 });
    const untold = await store.list({ unannounced: true, limit: 1 });
    return found.length < runs || found.some(({ endedAt }) => endedAt === null) || untold.length > 0;
  };
  for (const end = Date.now() + SETTLED_MS; (await open()) && Date.now() < end; await sleep(100)) {
    const before = webhook.heard.length;
    webhook.tell({ does: 'sweep', source: '', of: '' });
    await webhook.until(({ report }) => report !== undefined, 1, before);
    await runEverything((run) => webhook.tell({ does: 'ended', source: run.source, of: run.runId }));
  }
}

/** What the platform's machines do: each execution takes its run, commits and reports, or is refused. */
async function runEverything(report: (run: RunRecord) => void = () => undefined): Promise<readonly RunRecord[]> {
  const ran: RunRecord[] = [];
  for (const [name, { runId, state }] of folderPlatform(folder).list()) {
    if (state !== 'starting') continue;
    const run = await store.get(runId);
    if (run === null) throw new Error(`${name} is of a run that nobody knows`);
    try {
      const lease = await store.claim({ tenant: 'acme', source: run.source, runId, ttlMs: 5000 });
      appendFileSync(join(folder, 'committed'), `${runId}\n`);
      await store.finish(runId, 'succeeded', {}, null);
      ran.push({ ...run, endedAt: lease.expiresAt });
      writeExecution(folder, name, { runId, state: 'succeeded' });
      report(run);
    } catch (error) {
      expect(['LEASE_HELD', 'USAGE']).toContain(problemOf(error).code);
      writeExecution(folder, name, { runId, state: 'failed' });
    }
  }
  return ran;
}

interface Heard extends Partial<Command> {
  readonly ready?: true;
  readonly reached?: string;
  readonly runId?: string;
  readonly report?: object;
}

interface Webhook {
  readonly heard: readonly Heard[];
  tell(command: Command): void;
  /** Waits until it has said so many such things. */
  until(is: (line: Heard) => boolean, count: number, from?: number): Promise<void>;
  kill(): Promise<void>;
}

async function startWebhook(onLine: (line: Heard) => void = () => undefined): Promise<Webhook> {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'kill-process.ts'), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const heard: Heard[] = [];
  let wake: () => void = () => undefined;
  child.stdin?.on('error', () => undefined);
  if (child.stdout === null) throw new Error('no output');
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Heard;
    heard.push(line);
    onLine(line);
    wake();
  });
  const webhook: Webhook = {
    heard,
    tell: (command) => void child.stdin?.write(`${JSON.stringify(command)}\n`),
    until: async (is, count, from = 0) => {
      while (heard.slice(from).filter(is).length < count) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended: ${JSON.stringify(heard)}`);
        const said = new Promise<void>((done) => {
          wake = done;
        });
        await Promise.race([said, exited]);
      }
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
  processes.push(webhook);
  await webhook.until(({ ready }) => ready === true, 1);
  return webhook;
}

function writeTenant(sources: readonly string[]): void {
  const [, month, day, hour, minute] = TICK.toISOString()
    .split(/[-T:.]/)
    .map(Number);
  const entry = (source: string) => `  ${source}:
    connection: shop
    table: public.${source}
    load: { strategy: catalog }
    destination: { table: ${source.replaceAll('-', '_')} }
    schedule: { cron: "${minute} ${hour} ${day} ${month} *" }
`;
  const connection = '  shop: { kind: postgres, host: db, database: shop, user: reader, secret: shop }';
  const file = join(folder, 'tenants', 'acme.yaml');
  mkdirSync(join(folder, 'tenants'));
  writeFileSync(file, `tenant: acme\nconnections:\n${connection}\nsources:\n${sources.map(entry).join('')}`);
  // It was there before its tick.
  utimesSync(file, new Date(TICK.getTime() - 60_000), new Date(TICK.getTime() - 60_000));
}

function lines(file: string): string[] {
  const path = join(folder, file);
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
}

function bothSides(method: string): string[] {
  return [`${method}:before`, `${method}:after`];
}

function named(point: string): string {
  return point.toLowerCase().replace(':', '-');
}
