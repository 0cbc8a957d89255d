/**
 * The webhook as it is served, with its SQLite store, folder of tenants and verification of tokens; only its launcher starts nothing.
 * It takes each launch and plays the runner a moment later: claim, end, release, so that the store sees what a run writes.
 *
 * `node bench/webhook-service.ts <settings.json>`
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import type { Launcher, LaunchRequest } from '../runner/core/contracts/launcher.ts';
import { openSqliteStore } from '../runner/stores/sqlite.ts';
import { openFolderTenants } from '../runner/stores/tenants/folder.ts';
import { createApp } from '../webhook/app.ts';
import { knownAccounts } from '../webhook/auth/accounts.ts';
import { authenticator } from '../webhook/auth/authenticator.ts';
import { createControl } from '../webhook/control/control.ts';
import { appSettings } from '../webhook/dependencies.ts';
import { observability } from '../webhook/observability.ts';

export interface ServiceSettings {
  readonly store: string;
  readonly tenants: string;
  readonly project: string;
  readonly audience: string;
  readonly keysUrl: string;
}

/** How long a run lasts. */
const RUN_MS = 200;
const LEASE_MS = 60_000;

const settings = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ServiceSettings;
const { project, audience, keysUrl } = settings;
const store = await openSqliteStore(settings.store, { onBehalf: true });
const tenants = openFolderTenants(settings.tenants);

const launcher: Launcher = {
  kind: 'child-process',
  launch: async (request) => {
    carryOut(request).catch((error: unknown) => process.stderr.write(`${request.runId}: ${String(error)}\n`));
    return `recorded/${request.runId}`;
  },
  find: async () => null,
  status: async () => ({ state: 'running', problem: null, logs: null }),
  cancel: async () => {},
  [Symbol.asyncDispose]: async () => {},
};
const { log, metrics, audit, observe } = observability();
const control = createControl({ store, tenants, launcher, notifiers: [], project, observe });

async function carryOut({ tenant, source, runId }: LaunchRequest): Promise<void> {
  await sleep(RUN_MS);
  const lease = await store.claim({ tenant, source, runId, ttlMs: LEASE_MS, claimant: runId });
  await store.finish(runId, 'succeeded', {}, null);
  await store.release(lease);
  await control.ended(runId);
}

const app = createApp({
  ...{ store, tenants, control, audit, log, metrics },
  authenticator: authenticator({ audience, keysUrl }, knownAccounts(tenants, project)),
  now: () => new Date(),
  settings: appSettings,
});
// As webhook/server.ts has it.
const serverOptions = { keepAliveTimeout: 620_000 };
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0, serverOptions }, ({ port }) => {
  process.stdout.write(`${JSON.stringify({ message: 'listening', url: `http://127.0.0.1:${port}` })}\n`);
});
