/** `tributary dev` as a process, with a PostgreSQL of many tables as the source of one tenant. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import type { DevHappening } from '../../runner/display/dev.ts';
import { triggerPath } from '../../tenants/naming.ts';
import { freePort, newFolder } from '../servers/child.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';

const cli = join(import.meta.dirname, '..', '..', 'runner', 'cli.js');
const SECRET = 'shop-password';
const POLL_MS = 200;

export const TENANT = 'acme';
/** The source with a schedule. */
export const SCHEDULED = 'table-scheduled';

export interface DevOptions {
  readonly sources: number;
  readonly rows: number;
  /** A cron for one source more, read in UTC. */
  readonly cron?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Triggered {
  readonly status: number;
  readonly runId: string;
}

export class DevScene implements AsyncDisposable {
  readonly folder: string;
  readonly database: PostgresServer;
  readonly sources: readonly string[];
  readonly happenings: DevHappening[] = [];
  readonly child: ChildProcess;
  readonly port: number;
  readonly #exit: Promise<number | null>;
  #errors = '';

  static async start(options: DevOptions): Promise<DevScene> {
    const [folder, database, port] = await Promise.all([newFolder('dev'), startPostgres(), freePort()]);
    const sources = Array.from({ length: options.sources }, (_, i) => `table-${i + 1}`);
    await fill(database, [...sources, SCHEDULED], options.rows);
    await mkdir(join(folder, 'tenants'));
    await writeFile(join(folder, 'tenants', `${TENANT}.yaml`), tenantFile(database, sources, options.cron));
    const scene = new DevScene(folder, database, sources, port, options.environment ?? {});
    await scene.until(() => scene.ready !== undefined || scene.child.exitCode !== null);
    if (scene.ready === undefined) throw new Error(`dev did not begin: ${scene.#errors}`);
    return scene;
  }

  private constructor(
    folder: string,
    database: PostgresServer,
    sources: readonly string[],
    port: number,
    environment: Readonly<Record<string, string>>,
  ) {
    this.folder = folder;
    this.database = database;
    this.sources = sources;
    this.port = port;
    this.child = spawn(process.execPath, [cli, 'dev', '--json', '--port', String(port)], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.environment, ...environment },
    });
    this.#exit = new Promise((done) => this.child.once('exit', (code) => done(code)));
    if (this.child.stdout !== null)
      createInterface({ input: this.child.stdout }).on('line', (line) => {
        this.happenings.push(JSON.parse(line) as DevHappening);
      });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors += chunk;
    });
  }

  get environment(): Readonly<Record<string, string>> {
    return { [`TRIBUTARY_SECRET_${SECRET.toUpperCase().replaceAll('-', '_')}`]: this.database.password };
  }

  get ready(): Extract<DevHappening, { type: 'ready' }> | undefined {
    return this.happenings.find((one) => one.type === 'ready');
  }

  /** Of the webhook that works now. */
  get webhookPid(): number {
    const last = this.happenings.findLast((one) => one.type === 'ready' || one.type === 'webhook-restarted');
    return last?.pid ?? 0;
  }

  /** What the webhook wrote, for a person who looks at a failed test. */
  get log(): string {
    return this.happenings.map((one) => JSON.stringify(one)).join('\n');
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, { ...init, signal: AbortSignal.timeout(30_000) });
  }

  async get<T>(path: string): Promise<T> {
    const answer = await this.request(path, { headers: { accept: 'application/json' } });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async trigger(source: string, tick: string): Promise<Triggered> {
    const answer = await this.request(triggerPath(TENANT, source), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-cloudscheduler-scheduletime': tick },
      body: JSON.stringify({ trigger: 'schedule' }),
    });
    const body = (await answer.json()) as { runId?: string };
    return { status: answer.status, runId: body.runId ?? '' };
  }

  /** As Cloud Scheduler does: again, until it is taken. */
  async triggered(source: string, tick: string, seconds = 60): Promise<string> {
    for (const end = Date.now() + seconds * 1000; ; await sleep(POLL_MS)) {
      const { status, runId } = await this.trigger(source, tick).catch(() => ({ status: 0, runId: '' }));
      if (status === 202) return runId;
      if (Date.now() > end) throw new Error(`${source} was not taken: ${status}\n${this.log}`);
    }
  }

  run(runId: string): Promise<RunRecord> {
    return this.get<RunRecord>(`/v1/runs/${runId}`);
  }

  /** The records of runs once all have ended. */
  async ended(runIds: readonly string[], seconds: number): Promise<readonly RunRecord[]> {
    const found = new Map<string, RunRecord>();
    await this.until(async () => {
      for (const runId of runIds) {
        if (found.has(runId)) continue;
        const record = await this.run(runId).catch(() => null);
        if (record === null || record.endedAt === null) return false;
        found.set(runId, record);
      }
      return true;
    }, seconds);
    return runIds.map((runId) => found.get(runId) as RunRecord);
  }

  async until(what: () => boolean | Promise<boolean>, seconds = 60): Promise<void> {
    for (const end = Date.now() + seconds * 1000; !(await what()); await sleep(POLL_MS))
      if (Date.now() > end) throw new Error(`it did not come within ${seconds} s\n${this.#errors}\n${this.log}`);
  }

  /** What a run that should have succeeded said, for a person who looks at a failed test. */
  async story({ runId, status }: RunRecord): Promise<string> {
    if (status === 'succeeded') return status;
    const log = join(this.folder, '.tributary', 'executions', `${runId}~1.log`);
    const { events } = await this.get<{ events: unknown[] }>(`/v1/runs/${runId}/events`);
    return [status, ...events.map((event) => JSON.stringify(event)), await readFile(log, 'utf8').catch(() => '')].join(
      '\n',
    );
  }

  /** The process that carries a run out; `null`: none. */
  runnerOf(runId: string): number | null {
    return runnerOf(runId);
  }

  /** Ctrl-C. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGINT');
    return this.#exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGINT');
      const late = setTimeout(() => this.child.kill('SIGINT'), 15_000);
      await this.#exit;
      clearTimeout(late);
    }
    await this.database[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** The system tells what environment a process was given; the shell that keeps a runner has the same. */
function runnerOf(runId: string): number | null {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8');
      if (!environment.includes(`TRIBUTARY_RUN_ID=${runId}\0`)) continue;
      if (basename(readlinkSync(`/proc/${name}/exe`)).startsWith('node')) return Number(name);
    } catch {
      // Gone, or another user's.
    }
  }
  return null;
}

async function fill(database: PostgresServer, sources: readonly string[], rows: number): Promise<void> {
  const client = await database.client();
  try {
    for (const source of sources) {
      const table = tableOf(source);
      await client.query(
        `CREATE TABLE ${table} AS SELECT i AS id, i % 97 AS amount, 'row ' || i AS note FROM generate_series(1, ${rows}) AS i;
         ALTER TABLE ${table} ADD PRIMARY KEY (id)`,
      );
    }
  } finally {
    await client.end();
  }
}

export function tableOf(source: string): string {
  return source.replace('-', '_');
}

function tenantFile({ host, port, database, user }: PostgresServer, sources: readonly string[], cron?: string): string {
  const sourceOf = (source: string) => {
    const load = { strategy: 'catalog', history: 'replace' };
    return { connection: 'shop', table: `public.${tableOf(source)}`, load };
  };
  const all = Object.fromEntries(sources.map((source) => [source, sourceOf(source)]));
  const scheduled =
    cron === undefined ? {} : { [SCHEDULED]: { ...sourceOf(SCHEDULED), schedule: { cron, timeZone: 'UTC' } } };
  return JSON.stringify({
    tenant: TENANT,
    connections: { shop: { kind: 'postgres', host, port, database, user, tls: 'disable', secret: SECRET } },
    sources: { ...all, ...scheduled },
  });
}
