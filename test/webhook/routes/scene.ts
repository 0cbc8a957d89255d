/** The whole service but its port: real store, files, control plane, processes, and tokens of a local issuer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunStore } from '../../../runner/core/contracts/run-store.ts';
import { openLauncher } from '../../../runner/launchers/registry.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { openFolderTenants } from '../../../runner/stores/tenants/folder.ts';
import { accountEmail, PLATFORM, serviceAccount, webhookAudience } from '../../../tenants/naming.ts';
import { createApp } from '../../../webhook/app.ts';
import { knownAccounts } from '../../../webhook/auth/accounts.ts';
import { authenticator } from '../../../webhook/auth/authenticator.ts';
import { laptopAuthenticator } from '../../../webhook/auth/laptop.ts';
import { createControl } from '../../../webhook/control/control.ts';
import { type AppSettings, type AuditRecord, appSettings, type Dependencies } from '../../../webhook/dependencies.ts';
import { observability } from '../../../webhook/observability.ts';
import { startIssuer } from '../../servers/issuer.ts';

const PROJECT = 'tributary-test';
const PEOPLE = 'people.example';

export const ACME = `# Acme, by hand
tenant: acme
members:
  - { principal: "user:ada@acme.example", role: admin }
  - { principal: "user:olga@acme.example", role: operator }
  - { principal: "user:vic@acme.example", role: viewer }
connections:
  # the shop's own database
  shop: { kind: postgres, host: 127.0.0.1, port: 1, database: shop, user: reader }
sources:
  orders: # what people buy
    connection: shop
    table: public.orders
    load: { strategy: catalog }
    schedule: { cron: "*/15 * * * *" }
  customers:
    connection: shop
    table: public.customers
    load: { strategy: catalog }
`;

const OTHER = `tenant: other
members: [{ principal: "user:oz@other.example", role: admin }]
connections: { shop: { kind: postgres, host: 127.0.0.1, port: 1, database: shop, user: reader } }
sources: { orders: { connection: shop, table: public.orders, load: { strategy: catalog } } }
`;

const machine = (tenant: string, role: 'scheduler' | 'runner') => accountEmail(serviceAccount(tenant, role), PROJECT);

/** Who calls, by a short name. */
export const people = {
  ada: 'ada@acme.example',
  olga: 'olga@acme.example',
  vic: 'vic@acme.example',
  oz: 'oz@other.example',
  root: 'root@platform.example',
} as const;
const machines = {
  scheduler: machine('acme', 'scheduler'),
  runner: machine('acme', 'runner'),
  'other scheduler': machine('other', 'scheduler'),
  'other runner': machine('other', 'runner'),
  platform: accountEmail(PLATFORM.sweep, PROJECT),
} as const;

export type Who = keyof typeof people | keyof typeof machines | 'nobody';

export interface Call {
  readonly as?: Who;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the tests say what they expect.
  readonly body: any;
  readonly text: string;
}

export interface Scene extends AsyncDisposable {
  readonly dependencies: Dependencies;
  readonly app: ReturnType<typeof createApp>;
  readonly store: RunStore;
  readonly audits: readonly AuditRecord[];
  readonly folder: string;
  headersOf(who: Who): Promise<Record<string, string>>;
  call(method: string, path: string, call?: Call): Promise<Answer>;
}

/** @param open asks nobody who they are, on the loopback */
export async function scene(settings: Partial<AppSettings> = {}, open?: 'laptop'): Promise<Scene> {
  const owned = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'tributary-routes-'));
  owned.defer(() => rmSync(folder, { recursive: true, force: true }));
  const tenants = openFolderTenants(join(folder, 'tenants'));
  await tenants.write('acme', ACME, null);
  await tenants.write('other', OTHER, null);
  const store = owned.use(openSqliteStore(join(folder, 'runs.sqlite'), { onBehalf: true }));
  const launcher = owned.use(
    await openLauncher({
      kind: 'child-process',
      command: ['sleep', '300'],
      folder: join(folder, 'executions'),
      environment: {},
      maxProcesses: 50,
      graceMs: 100,
    }),
  );
  owned.defer(async () => {
    for (const { execution } of await store.list({ limit: 1000 })) if (execution) await launcher.cancel(execution);
  });
  const issuer = owned.use(await startIssuer());
  const google = authenticator(
    {
      audience: webhookAudience(PROJECT),
      peopleAudience: PEOPLE,
      keysUrl: issuer.jwksUrl,
      admins: [`user:${people.root}`],
    },
    knownAccounts(tenants, PROJECT),
  );
  const audits: AuditRecord[] = [];
  const dependencies: Dependencies = {
    ...{ store, tenants },
    control: createControl({ store, tenants, launcher, notifiers: [], project: PROJECT }),
    authenticator: open === 'laptop' ? laptopAuthenticator() : google,
    audit: (record) => void audits.push(record),
    log: { info: () => {}, warn: () => {}, error: () => {} },
    metrics: observability().metrics,
    now: () => new Date(),
    settings: { ...appSettings, eventPollMs: 20, heartbeatMs: 50, ...settings },
  };
  const app = createApp(dependencies);
  const headersOf = async (who: Who): Promise<Record<string, string>> => {
    if (who === 'nobody') return {};
    const [email, aud] =
      who in people
        ? [people[who as keyof typeof people], PEOPLE]
        : [machines[who as keyof typeof machines], webhookAudience(PROJECT)];
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: 'https://accounts.google.com', aud, sub: email, email, email_verified: true };
    return { authorization: `Bearer ${await issuer.sign({ ...claims, iat, exp: iat + 3600 })}` };
  };
  return {
    ...{ dependencies, app, store, audits, folder, headersOf },
    async call(method, path, { as = 'ada', body, headers = {} } = {}) {
      const typed = typeof body === 'string' ? {} : { 'content-type': 'application/json' };
      const response = await app.request(path, {
        method,
        headers: { ...(body === undefined ? {} : typed), ...(await headersOf(as)), ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : null };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Writes over the file of a tenant as a person with an editor does. */
export function overwrite({ folder }: Pick<Scene, 'folder'>, tenant: string, yaml: string): void {
  writeFileSync(join(folder, 'tenants', `${tenant}.yaml`), yaml);
}
