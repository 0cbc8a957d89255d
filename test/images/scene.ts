/** A tenant of the cloud for a runner that is an image: its source, its warehouse, its secret, and the webhook it asks. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { RunOrder } from '../../runner/core/contracts/run-order.ts';
import type { RunRecord } from '../../runner/core/contracts/run-store.ts';
import { newRunId } from '../../runner/core/run-id.ts';
import { openSqliteStore } from '../../runner/stores/sqlite.ts';
import { secretId, stagingBucket } from '../../tenants/naming.ts';
import type { TenantInput } from '../../tenants/schema/index.ts';
import { emulatorClients, startEmulators } from '../chaos/emulators.ts';
import { startWebhook } from '../runner/job/webhook.ts';
import { startMetadata } from '../servers/identity.ts';
import { startSecretManager } from '../servers/secret-manager.ts';

export const TENANT = 'acme';
export const PROJECT = 'acme-images';

export interface Scene extends AsyncDisposable {
  /** Of the container of the next run. */
  environment(run: string): Readonly<Record<string, string>>;
  order(source: string, kind?: RunOrder['kind'], options?: RunOrder['options']): Promise<string>;
  record(run: string): Promise<RunRecord | null>;
  ask(sql: string): Promise<readonly object[]>;
}

export async function openScene(
  connections: TenantInput['connections'],
  sources: TenantInput['sources'],
  secrets: Readonly<Record<string, string>>,
): Promise<Scene> {
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'tributary-images-'));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const tenants = join(folder, 'tenants');
  mkdirSync(tenants);
  writeFileSync(join(tenants, `${TENANT}.yaml`), stringify({ tenant: TENANT, project: PROJECT, connections, sources }));
  const emulators = opened.use(await startEmulators());
  const metadata = opened.use(await startMetadata());
  const manager = opened.use(await startSecretManager());
  for (const [name, value] of Object.entries(secrets))
    manager.put(`projects/${PROJECT}/secrets/${secretId(TENANT, name)}`, value);
  const { bigquery, storage } = emulatorClients(emulators, PROJECT);
  await storage.bucket(stagingBucket(PROJECT, TENANT)).create();
  const store = opened.use(openSqliteStore(join(folder, 'runs.sqlite'), { onBehalf: true }));
  const webhook = opened.use(await startWebhook(store, tenants));
  const all = opened.move();
  return {
    environment: (run) => ({
      TRIBUTARY_WEBHOOK_URL: webhook.url,
      TRIBUTARY_WEBHOOK_AUTH: 'none',
      TRIBUTARY_TENANT: TENANT,
      TRIBUTARY_RUN_ID: run,
      GCE_METADATA_HOST: metadata.host,
      BIGQUERY_EMULATOR_HOST: emulators.bigquery.host,
      STORAGE_EMULATOR_HOST: emulators.storage.host,
      SECRET_MANAGER_EMULATOR_HOST: manager.host,
    }),
    async order(source, kind = 'run', options = {}) {
      const runId = newRunId();
      const asked = { trigger: 'person', tick: null, requestedBy: null, traceparent: null } as const;
      await store.enqueue({ runId, tenant: TENANT, source, order: { kind, options, ...asked } });
      return runId;
    },
    record: (run) => store.get(run),
    async ask(sql) {
      const [rows] = await bigquery.query(sql);
      return rows as object[];
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
