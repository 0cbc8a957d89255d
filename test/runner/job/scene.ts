/** Whole runs as the platform has them: a process of runner/main.ts, a webhook behind a faulty line, a real source. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { RunOrder } from '../../../runner/core/contracts/run-order.ts';
import type { RunRecord, RunStore } from '../../../runner/core/contracts/run-store.ts';
import { newRunId } from '../../../runner/core/run-id.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { openDuckdb } from '../../../runner/warehouses/duckdb/warehouse.ts';
import type { TenantInput } from '../../../tenants/schema/index.ts';
import { type FaultyProxy, startFaultyProxy } from '../../servers/faulty-proxy.ts';
import type { PostgresServer } from '../../servers/postgres.ts';
import { startWebhook, type Webhook } from './webhook.ts';

const MAIN = join(import.meta.dirname, '..', '..', '..', 'runner', 'main.ts');
const TENANT = 'acme';

export interface Ended {
  readonly code: number | null;
  /** Lines of its log. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** All that it wrote. */
  readonly text: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface Scene extends AsyncDisposable {
  readonly folder: string;
  readonly store: RunStore;
  readonly webhook: Webhook;
  readonly line: FaultyProxy;
  order(kind: RunOrder['kind'], options?: RunOrder['options'], source?: string): Promise<string>;
  start(run: string, environment?: Readonly<Record<string, string>>): Running;
  run(run: string, environment?: Readonly<Record<string, string>>): Promise<Ended>;
  record(run: string): Promise<RunRecord>;
  rows(): Promise<number>;
}

export async function startScene(server: PostgresServer): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-job-'));
  const { host, port, database, user, password } = server;
  const tenant: TenantInput = {
    tenant: TENANT,
    connections: { main: { kind: 'postgres', host, port, database, user, tls: 'disable', secret: 'main' } },
    sources: {
      orders: {
        connection: 'main',
        table: 'public.orders',
        load: { strategy: 'transactional', cursor: 'at', mode: 'append' },
      },
      aged: {
        connection: 'main',
        table: 'public.orders',
        load: { strategy: 'catalog' },
        quality: [{ test: 'freshness', column: 'at', within: '1h' }],
      },
    },
  };
  const tenants = join(folder, 'tenants');
  mkdirSync(tenants);
  writeFileSync(join(tenants, `${TENANT}.yaml`), stringify(tenant));
  const store = openSqliteStore(join(folder, 'runs.sqlite'), { onBehalf: true });
  const webhook = await startWebhook(store, tenants);
  const line = await startFaultyProxy(webhook.url);
  const children = new Set<ChildProcess>();

  const start: Scene['start'] = (run, environment = {}) => {
    const env = {
      PATH: process.env.PATH ?? '',
      TRIBUTARY_WEBHOOK_URL: line.url,
      TRIBUTARY_WEBHOOK_AUTH: 'none',
      TRIBUTARY_TENANT: TENANT,
      TRIBUTARY_RUN_ID: run,
      TRIBUTARY_WAREHOUSE: `duckdb:${join(folder, 'warehouse.duckdb')}`,
      TRIBUTARY_SECRETS: 'laptop',
      TRIBUTARY_SECRET_MAIN: password,
      ...environment,
    };
    const child = spawn(process.execPath, [MAIN], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
    const ended = once(child, 'close').then(([code]): Ended => {
      children.delete(child);
      const lines = text.split('\n').filter((each) => each.startsWith('{'));
      return { code, text, log: lines.map((each) => JSON.parse(each)) };
    });
    return { child, ended };
  };

  return {
    folder,
    store,
    webhook,
    line,
    start,
    run: (run, environment) => start(run, environment).ended,
    async order(kind, options = {}, source = 'orders') {
      const runId = newRunId();
      const asked = { trigger: 'person', tick: null, requestedBy: null, traceparent: null } as const;
      await store.enqueue({ runId, tenant: TENANT, source, order: { kind, options, ...asked } });
      return runId;
    },
    async record(run) {
      const found = await store.get(run);
      if (found === null) throw new Error(`there is no run ${run}`);
      return found;
    },
    async rows() {
      await using warehouse = await openDuckdb({ file: join(folder, 'warehouse.duckdb') });
      const [row] = await warehouse.query('SELECT count(*) AS n FROM warehouse.acme_raw.orders');
      return Number(row?.n);
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill('SIGKILL');
      await line[Symbol.asyncDispose]();
      await webhook[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks until it is so; at most half a minute. */
export async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await is())) {
    if (performance.now() > end) throw new Error(`not so in time: ${what}`);
    await sleep(50);
  }
}
