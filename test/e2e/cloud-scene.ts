/** Platform and tenants on the realised cloud, with a PostgreSQL that is theirs: for the end-to-end test and the demo. */
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Client } from 'pg';
import { parse } from 'yaml';
import { program } from '../../stacks/index.ts';
import { secretId } from '../../tenants/naming.ts';
import { openRealisedCloud, type RealisedCloud } from '../cloud/realised/cloud.ts';
import type { CloudStack } from '../cloud/stack.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { root } from '../setup/ways.ts';

export const PLATFORM_PROJECT = 'tributary-dev';
export const DATA_PROJECT = 'acme-data-prod';

export interface CloudScene extends AsyncDisposable {
  readonly here: RealisedCloud;
  readonly postgres: PostgresServer;
  readonly client: Client;
  /** Holds the files of the tenants. */
  readonly folder: string;
  platform(): Promise<CloudStack>;
  tenant(name: string): Promise<CloudStack>;
  /** The table of a tenant: numbered orders. */
  createTable(tenant: string, rows: number): Promise<void>;
  /** Writes the file of a tenant with one source. */
  writeTenant(name: string, change?: (yaml: string) => string): Promise<void>;
  /** Puts the password of the tenant's connection where only its runner reads it. */
  putSecret(name: string): void;
}

export async function openCloudScene(): Promise<CloudScene> {
  await using opened = new AsyncDisposableStack();
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'tributary-tenants-')));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = opened.use(await startPostgres());
  const client = await postgres.client();
  opened.defer(() => client.end().catch(() => {}));
  const here = opened.use(await openRealisedCloud({ environment: { TRIBUTARY_TENANTS: folder } }));
  const stack = (name: string, config: Readonly<Record<string, unknown>>) =>
    here.cloud.stack(`${name}.dev`, program, { config });
  const all = opened.move();
  return {
    ...{ here, postgres, client, folder },
    async platform() {
      const { config } = parse(await readFile(join(root, 'Pulumi.platform.dev.yaml'), 'utf8'));
      return stack('platform', { ...config, 'tributary:protect': 'false' });
    },
    tenant: (name) => stack(name, { 'tributary:tenants': relative(root, folder) }),
    async createTable(tenant, rows) {
      const table = tableOf(tenant);
      await client.query(`CREATE TABLE ${table} (id bigint PRIMARY KEY, note text, updated_at timestamptz NOT NULL)`);
      await client.query(
        `INSERT INTO ${table} SELECT n, 'first', timestamptz '2026-01-01' + n * interval '1 second' FROM generate_series(1, ${rows}) n`,
      );
    },
    async writeTenant(name, change = (yaml) => yaml) {
      const yaml = change(tenantYaml(name, postgres));
      await writeFile(join(folder, `${name}.yaml`), yaml);
    },
    putSecret(name) {
      here.secrets.put(`projects/${DATA_PROJECT}/secrets/${secretId(name, 'shop-password')}`, postgres.password);
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function tableOf(tenant: string): string {
  return `${tenant.replaceAll('-', '_')}_orders`;
}

/** Nothing of it outlives its stack, so that a test can look for what is left. */
function tenantYaml(name: string, { host, port, database, user }: PostgresServer): string {
  return `tenant: ${name}
displayName: ${name} Shop
project: ${DATA_PROJECT}
location: EU
region: europe-west1
owners: [data@${name}.example]
protection: { data: false, compute: false }

connections:
  shop: { kind: postgres, host: ${host}, port: ${port}, database: ${database}, user: ${user}, tls: disable, secret: shop-password }

sources:
  orders:
    connection: shop
    table: public.${tableOf(name)}
    load: { strategy: transactional, mode: merge, key: [id], cursor: updated_at }
    schedule: { cron: "*/15 * * * *", timeZone: Europe/Warsaw }
    execution: { mode: cloud_run }
    after: { publish: true }
`;
}
