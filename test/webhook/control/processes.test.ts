/** The control plane with the launcher of a laptop: every execution is a process of its own. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Launcher } from '../../../runner/core/contracts/launcher.ts';
import type { RunStore } from '../../../runner/core/contracts/run-store.ts';
import { openChildProcesses } from '../../../runner/launchers/child-process/index.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { openFolderTenants } from '../../../runner/stores/tenants/folder.ts';
import type { ControlPlane } from '../../../webhook/control/contract.ts';
import { createControl } from '../../../webhook/control/control.ts';
import { acme, order } from './scene.ts';

const PATIENCE = { timeout: 30_000, interval: 50 };

let folder: string;
let store: RunStore;
let launcher: Launcher;
let control: ControlPlane;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-processes-'));
  mkdirSync(join(folder, 'tenants'));
  writeFileSync(join(folder, 'tenants', 'acme.yaml'), acme());
  store = openSqliteStore(join(folder, 'runs.sqlite'), { onBehalf: true });
});

afterEach(async () => {
  for (const { execution } of await store.list({ limit: 50 }))
    if (execution !== null) await launcher.cancel(execution).catch(() => undefined);
  await launcher[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** A runner is a line of shell. */
function open(runner: string, maxProcesses = 16): void {
  launcher = openChildProcesses({
    ...{ kind: 'child-process', command: ['/bin/sh', '-c', runner], folder: join(folder, 'executions') },
    ...{ environment: { FOLDER: folder }, maxProcesses, graceMs: 500 },
  });
  const tenants = openFolderTenants(join(folder, 'tenants'));
  control = createControl({ store, tenants, launcher, notifiers: [], project: 'p' });
}

const up = () => control.order({ tenant: 'acme', source: '', order: order('up') }, null);
const statusOf = async (runId: string) => (await store.get(runId))?.status;

test('a runner that ends before it takes its run ends the run, with a reason', async () => {
  open('exit 7');
  const { run } = await control.order({ tenant: 'acme', source: 'orders', order: order() }, null);
  await expect
    .poll(async () => {
      await control.sweep();
      return statusOf(run.runId);
    }, PATIENCE)
    .toBe('failed');
  expect((await store.get(run.runId))?.problem).not.toBeNull();
  expect(await store.holder('acme', 'orders')).toBeNull();
});

test('a run that is cancelled before it begins has no process left', async () => {
  open('touch "$FOLDER/began"; sleep 600');
  const { run } = await control.order({ tenant: 'acme', source: 'orders', order: order() }, null);
  await expect.poll(() => existsSync(join(folder, 'began')), PATIENCE).toBe(true);
  expect(await control.cancel(run.runId)).toMatchObject({ status: 'interrupted' });
  await expect.poll(async () => (await launcher.status(run.execution ?? '')).state, PATIENCE).toBe('cancelled');
});

test('with room for two, six runs are carried out in order, each started by an end', async () => {
  open('while [ ! -e "$FOLDER/$TRIBUTARY_RUN_ID" ]; do sleep 0.02; done', 2);
  const ids: string[] = [];
  for (let n = 0; n < 6; n++) ids.push((await up()).run.runId);
  const launched = async () => {
    const runs = await store.list({ limit: 10 });
    return ids.filter((id) => runs.find(({ runId }) => runId === id)?.execution !== null);
  };
  expect(await launched()).toEqual(ids.slice(0, 2));
  for (const [n, runId] of ids.entries()) {
    // As runners do: the end is reported first, and the process goes after it.
    await store.start(runId);
    await store.finish(runId, 'succeeded', {}, null);
    await control.ended(runId);
    expect(await launched()).toEqual(ids.slice(0, n + 2));
    writeFileSync(join(folder, runId), '');
    await expect.poll(launched, PATIENCE).toEqual(ids.slice(0, n + 3));
  }
});
