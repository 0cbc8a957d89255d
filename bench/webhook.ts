/** Triggers under load: the webhook with verified tokens beside a bare route of the same framework. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { SIZES } from '../components/sizing.ts';
import { accountEmail, serviceAccount, triggerPath, webhookAudience } from '../tenants/naming.ts';
import { startIssuer } from '../test/servers/issuer.ts';
import type { BenchOptions } from './main.ts';
import { round, waitForQuiet } from './measure.ts';
import { type Case, describeMachine, type Result, type Target } from './report.ts';
import type { LoadPlan, LoadReport, PlannedRequest } from './webhook-load.ts';
import type { ServiceSettings } from './webhook-service.ts';

const RATE = 200;
const SECONDS = 60;
const QUICK_SECONDS = 10;
const WARM_SECONDS = 5;
const TENANTS = 20;
const SOURCES = 20;
/** A tick comes a second time within so long. */
const REPEAT_WITHIN_MS = 1500;
const TICK_MS = 5 * 60_000;
const ISSUER = 'https://accounts.google.com';
const PROJECT = 'bench-platform';
const LIMITS = { p99: 50, duplicates: 0, growth: 1.25 } as const;

/** Answers of one load, as a person asks for them. */
interface Measured {
  readonly name: string;
  readonly report: LoadReport;
  readonly seconds: number;
  readonly cpu: number;
  readonly rssMb: readonly [start: number, middle: number, end: number];
  readonly duplicates: number;
  readonly runs: number;
}

export async function benchWebhook(options: BenchOptions): Promise<Result> {
  const { say, cleanup, folder, quick } = options;
  const seconds = quick ? QUICK_SECONDS : SECONDS;
  const issuer = cleanup.use(await startIssuer());
  const tenants = join(folder, 'tenants');
  await mkdir(tenants);
  for (const tenant of names('tenant', TENANTS)) await writeFile(join(tenants, `${tenant}.yaml`), tenantFile(tenant));
  const audience = webhookAudience(PROJECT);
  const settings: ServiceSettings = {
    store: join(folder, 'runs.sqlite'),
    tenants,
    project: PROJECT,
    audience,
    keysUrl: issuer.jwksUrl,
  };
  const settingsFile = join(folder, 'settings.json');
  await writeFile(settingsFile, JSON.stringify(settings));

  const now = Math.floor(Date.now() / 1000);
  const sign = (tenant: string) => {
    const email = accountEmail(serviceAccount(tenant, 'scheduler'), PROJECT);
    const life = { iat: now, exp: now + 3600 };
    return issuer.sign({ iss: ISSUER, aud: audience, sub: email, email, email_verified: true, ...life });
  };
  say(`Signing a token for each of ${(RATE / 2) * seconds} ticks`);
  const warm = await requests(WARM_SECONDS, 0, sign);
  const measured = await requests(seconds, 1, sign);

  const results: Measured[] = [];
  const noisy: string[] = [];
  for (const [name, program] of [
    ['bare', ['bench/webhook-bare.ts']],
    ['webhook', ['bench/webhook-service.ts', settingsFile]],
  ] as const) {
    if (!(await waitForQuiet(quick ? 5 : 60))) noisy.push(name);
    await using service = await startService(program);
    say(`${name}: warming up, then ${RATE}/s for ${seconds} s`);
    await load(folder, { url: service.url, requests: warm });
    const before = await cpuSeconds(service.pid);
    const start = await rssMb(service.pid);
    const loading = load(folder, { url: service.url, requests: measured });
    const half = new Promise<number>((done) => {
      setTimeout(() => rssMb(service.pid).then(done, () => done(0)), (seconds * 1000) / 2);
    });
    const report = await loading;
    const rss = [start, await half, await rssMb(service.pid)] as const;
    const cpu = (await cpuSeconds(service.pid)) - before;
    const one = { name, report, seconds, cpu, rssMb: rss, ...runsOf(measured, report) };
    results.push(one);
    say(described(one));
  }
  return resultOf(results, noisy, seconds);
}

/** Every tick is sent twice: once at its time, once a moment later. */
async function requests(
  seconds: number,
  dayOfMonth: number,
  sign: (tenant: string) => Promise<string>,
): Promise<readonly PlannedRequest[]> {
  const ticks = (RATE / 2) * seconds;
  const planned: PlannedRequest[] = [];
  const day = Date.UTC(2026, 0, 1 + dayOfMonth);
  for (let i = 0; i < ticks; i++) {
    const tenant = names('tenant', TENANTS)[i % TENANTS] ?? '';
    const source = `source-${1 + (Math.floor(i / TENANTS) % SOURCES)}`;
    const at = (i * 1000) / (RATE / 2);
    // Ticks of a source are minutes apart, as those of a cron are.
    const tick = new Date(day + Math.floor(i / (TENANTS * SOURCES)) * TICK_MS).toISOString();
    const one = { path: triggerPath(tenant, source), token: await sign(tenant), tick };
    // Spread evenly and the same each time.
    planned.push({ ...one, at }, { ...one, at: at + ((i * 389) % REPEAT_WITHIN_MS) });
  }
  return planned.sort((a, b) => a.at - b.at);
}

function runsOf(planned: readonly PlannedRequest[], { runs }: LoadReport): { duplicates: number; runs: number } {
  const byTick = new Map<string, Set<string>>();
  for (const [i, { path, tick }] of planned.entries()) {
    const run = runs[i];
    if (run === undefined || run === '') continue;
    const key = `${path}@${tick}`;
    byTick.set(key, (byTick.get(key) ?? new Set()).add(run));
  }
  const all = [...byTick.values()];
  return { duplicates: all.filter(({ size }) => size > 1).length, runs: new Set(all.flatMap((one) => [...one])).size };
}

interface Service extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

const root = join(import.meta.dirname, '..');

async function startService([file, ...words]: readonly [string, ...string[]]): Promise<Service> {
  // Memory as its container gives it: left alone, V8 grows its heap with the machine before it collects.
  const flags = SIZES.webhook.nodeOptions.split(' ');
  const child = spawn(process.execPath, [...flags, join(root, file), ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  const url = await firstUrl(child, gone);
  return {
    url,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

function firstUrl(child: ChildProcess, gone: Promise<void>): Promise<string> {
  return new Promise((done, fail) => {
    gone.then(() => fail(new Error('the service ended before it listened')));
    if (child.stdout === null) return;
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      const { message, url } = JSON.parse(line) as { message?: string; url?: string };
      if (message !== 'listening' || url === undefined) return;
      lines.close();
      // Its log is taken and not looked at, as by a container's.
      child.stdout?.resume();
      done(url);
    });
  });
}

async function load(folder: string, plan: LoadPlan): Promise<LoadReport> {
  const file = join(folder, 'plan.json');
  await writeFile(file, JSON.stringify(plan));
  const program = [join(root, 'bench', 'webhook-load.ts'), file];
  const { stdout } = await promisify(execFile)(process.execPath, program, { maxBuffer: 1 << 26, timeout: 180_000 });
  return JSON.parse(stdout) as LoadReport;
}

async function rssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
}

async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return round(sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? 0);
}

function described({ name, report, rssMb: rss, duplicates, runs }: Measured): string {
  const { latencies, statuses, underWay, lateMs, odd } = report;
  const latency = `p50 ${percentile(latencies, 0.5)} ms, p99 ${percentile(latencies, 0.99)} ms, max ${percentile(latencies, 1)} ms`;
  return `${name}: ${JSON.stringify(statuses)}; ${latency}; ${runs} runs, ${duplicates} ticks with two; RSS ${rss.join(' → ')} MB; at most ${underWay} under way, generator ${Math.round(lateMs)} ms late${odd === null ? '' : `; ${odd}`}`;
}

function resultOf(results: readonly Measured[], noisy: readonly string[], seconds: number): Result {
  const cases = results.map((one): Case => {
    const wall = one.seconds;
    const rows = one.report.latencies.length;
    const good = (one.report.statuses['202'] ?? 0) === rows && one.duplicates === 0;
    return {
      name: one.name,
      wall,
      cpu: round(one.cpu),
      serverCpu: 0,
      rssMb: Math.max(...one.rssMb),
      rows,
      rounds: [wall],
      result: good ? 'exact' : `differs: ${JSON.stringify(one.report.statuses)}, ${one.duplicates} doubled`,
      disturbed: noisy.includes(one.name) ? 1 : 0,
      note: `latency p50 ${percentile(one.report.latencies, 0.5)} ms, p99 ${percentile(one.report.latencies, 0.99)} ms, max ${percentile(one.report.latencies, 1)} ms; generator at most ${Math.round(one.report.lateMs)} ms late; RSS ${one.rssMb.join(' → ')} MB`,
    };
  });
  const webhook = results.find(({ name }) => name === 'webhook');
  const bare = results.find(({ name }) => name === 'bare');
  if (webhook === undefined || bare === undefined) throw new Error('a case is missing');
  const p99 = percentile(webhook.report.latencies, 0.99);
  const answered = (webhook.report.statuses['202'] ?? 0) / webhook.report.latencies.length;
  const growth = round(webhook.rssMb[2] / webhook.rssMb[1]);
  const targets: Target[] = [
    { name: 'webhook: p99 ms', want: `≤ ${LIMITS.p99}`, got: p99, ok: p99 <= LIMITS.p99 },
    { name: 'webhook: share answered 202', want: '1', got: round(answered), ok: answered === 1 },
    { name: 'webhook: ticks with two runs', want: '0', got: webhook.duplicates, ok: webhook.duplicates === 0 },
    {
      name: 'webhook: runs, one for each tick',
      want: String(webhook.report.latencies.length / 2),
      got: webhook.runs,
      ok: webhook.runs === webhook.report.latencies.length / 2,
    },
    { name: 'webhook: RSS, end / middle', want: `≤ ${LIMITS.growth}`, got: growth, ok: growth <= LIMITS.growth },
  ];
  const ratio = (share: number) =>
    round(percentile(webhook.report.latencies, share) / percentile(bare.report.latencies, share));
  return {
    name: 'webhook',
    machine: describeMachine(),
    cases,
    ratios: {
      'p50 webhook/bare': ratio(0.5),
      'p99 webhook/bare': ratio(0.99),
      'cpu webhook/bare': round(webhook.cpu / bare.cpu),
    },
    targets,
    notes: [
      `${RATE} requests a second for ${seconds} s on the loopback, open loop: sent at their moments whatever was answered, latency counted from there; the generator is a process of its own on the same cores.`,
      'Every tick is sent twice, up to 1.5 s apart, with a signed RS256 token for each tick; keys come from a local issuer over HTTP.',
      'The launcher starts nothing: it writes the launch down and, 0.2 s later, claims, ends and releases the run in the same process, so the SQLite store sees the writes of a run.',
      `Both are started with ${SIZES.webhook.nodeOptions}, as the service is in its container of ${SIZES.webhook.memory}.`,
      'bare: a Hono route that reads the body and answers; no token, no store.',
      ...noisy.map((name) => `${name}: the machine was busy with something else.`),
    ],
  };
}

function names(stem: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${stem}-${String(i + 1).padStart(2, '0')}`);
}

function tenantFile(tenant: string): string {
  const sources = Array.from({ length: SOURCES }, (_, i) => [
    `source-${i + 1}`,
    { connection: 'shop', table: `public.table_${i + 1}`, load: { strategy: 'catalog', history: 'replace' } },
  ]);
  return JSON.stringify({
    tenant,
    project: `${tenant}-data`,
    connections: {
      shop: {
        kind: 'postgres',
        host: 'localhost',
        database: 'shop',
        user: 'reader',
        tls: 'disable',
        secret: 'shop-password',
      },
    },
    sources: Object.fromEntries(sources),
  });
}
