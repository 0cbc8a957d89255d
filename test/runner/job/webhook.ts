/** The webhook itself on a port of the kernel, over a store of the test's. It starts no runner: the test does. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Launcher } from '../../../runner/core/contracts/launcher.ts';
import type { RunStore } from '../../../runner/core/contracts/run-store.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { openFolderTenants } from '../../../runner/stores/tenants/folder.ts';
import { createApp } from '../../../webhook/app.ts';
import { laptopAuthenticator } from '../../../webhook/auth/laptop.ts';
import { createControl } from '../../../webhook/control/control.ts';
import { appSettings } from '../../../webhook/dependencies.ts';

export interface Webhook extends AsyncDisposable {
  readonly url: string;
  /** No lease is given for longer. */
  longestTtlMs: number;
}

/** Has no process to spare: whoever is queued stays queued. */
const busy: Launcher = {
  kind: 'child-process',
  launch: async ({ runId }) => {
    throw new TributaryError('LAUNCHER_BUSY', { launcher: 'the test', run: runId, limit: 0 });
  },
  find: async () => null,
  status: async () => ({ state: 'gone', problem: null, logs: null }),
  cancel: async () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
};

export async function startWebhook(kept: RunStore, folder: string): Promise<Webhook> {
  const store: RunStore = {
    ...kept,
    claim: (asked) => kept.claim({ ...asked, ttlMs: Math.min(asked.ttlMs, self.longestTtlMs) }),
    renew: (lease, ttlMs) => kept.renew(lease, Math.min(ttlMs, self.longestTtlMs)),
  };
  const tenants = openFolderTenants(folder);
  const app = createApp({
    ...{ store, tenants, authenticator: laptopAuthenticator(), settings: appSettings },
    control: createControl({ store, tenants, launcher: busy, notifiers: [], project: 'acme-data' }),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    metrics: { answered: () => undefined, text: async () => ({ contentType: 'text/plain', body: '' }) },
    audit: () => undefined,
    now: () => new Date(),
  });
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const self: Webhook = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    longestTtlMs: Number.POSITIVE_INFINITY,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await tenants[Symbol.asyncDispose]();
    },
  };
  return self;
}
