/** The schedules of a folder of tenants, with the real control plane, store and launcher. */
import { rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunStore } from '../../../runner/core/contracts/run-store.ts';
import type { TenantStore } from '../../../runner/core/contracts/tenant-store.ts';
import { openLauncher } from '../../../runner/launchers/registry.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { openFolderTenants } from '../../../runner/stores/tenants/folder.ts';
import { createControl } from '../../../webhook/control/control.ts';
import { happeningText, startLaptopScheduler } from '../../../webhook/scheduler/laptop.ts';
import { tenantJobs } from '../../../webhook/scheduler/tenant-jobs.ts';
import { newFolder } from '../../servers/child.ts';
import { SteppedClock } from './stepped-clock.ts';

const SECONDS = 30;
let folder: string;
let tenants: TenantStore;
let store: RunStore;

beforeEach(async () => {
  folder = await newFolder('laptop');
  tenants = openFolderTenants(folder);
  store = await openSqliteStore(join(folder, 'runs.sqlite'), { onBehalf: true });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await tenants[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function write(tenant: string, schedules: Readonly<Record<string, string | null>>): Promise<void> {
  const sources = Object.entries(schedules).map(([source, cron]) => [
    source,
    {
      connection: 'shop',
      table: `public.${source}`,
      load: { strategy: 'catalog' },
      ...(cron === null ? {} : { schedule: { cron, timeZone: 'Europe/Warsaw' } }),
    },
  ]);
  const connections = {
    shop: { kind: 'postgres', host: 'h', database: 'd', user: 'u', tls: 'prefer', secret: 'shop-password' },
  };
  await writeFile(
    join(folder, `${tenant}.yaml`),
    JSON.stringify({ tenant, project: 'acme-data', connections, sources: Object.fromEntries(sources) }),
  );
}

async function until(what: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + SECONDS * 1000; !(await what()); await sleep(20))
    if (Date.now() > end) throw new Error('it did not come');
}

test('jobs follow the files: changed, broken, repaired, removed', async () => {
  const read = tenantJobs(tenants);
  const crons = async () => (await read()).map(({ name, cron }) => `${name} ${cron}`);
  expect(await crons()).toEqual([]);
  await write('acme', { orders: '0 3 * * *', parts: null });
  await write('globex', { parts: '0 4 * * *' });
  expect(await crons()).toEqual(['acme/orders 0 3 * * *', 'globex/parts 0 4 * * *']);
  await write('acme', { orders: '0 5 * * *' });
  expect(await crons()).toEqual(['acme/orders 0 5 * * *', 'globex/parts 0 4 * * *']);
  await writeFile(join(folder, 'acme.yaml'), 'tenant: [');
  expect(await crons()).toEqual(['acme/orders 0 5 * * *', 'globex/parts 0 4 * * *']);
  await write('acme', { orders: '0 6 * * *' });
  await unlink(join(folder, 'globex.yaml'));
  expect(await crons()).toEqual(['acme/orders 0 6 * * *']);
});

test('a tick becomes a run that says which tick it is; the same moment again is the same run', async () => {
  await write('acme', { orders: '30 2 * * *' });
  await using launcher = await openLauncher({
    kind: 'child-process',
    command: [process.execPath, '-e', ''],
    folder: join(folder, 'executions'),
    environment: {},
  });
  const control = createControl({ store, tenants, launcher, notifiers: [], project: 'platform' });
  const said: string[] = [];
  for (const _ of ['once', 'and after a restart that saw the same moment']) {
    const clock = new SteppedClock('2026-10-25T00:29:00Z');
    await using scheduler = startLaptopScheduler({
      tenants,
      control,
      clock,
      onHappening: (happening) => said.push(happeningText(happening)),
    });
    await scheduler.ready;
    expect(scheduler.upcoming().map(({ job, at }) => [job.name, at.toISOString()])).toEqual([
      ['acme/orders', '2026-10-25T00:30:00.000Z'],
    ]);
    const before = said.length;
    await clock.advanceTo('2026-10-25T00:30:00Z');
    await until(async () => said.length > before);
  }
  const runs = await store.list({ tenant: 'acme', limit: 10 });
  expect(runs).toHaveLength(1);
  expect(runs[0]?.order).toMatchObject({
    trigger: 'schedule',
    tick: '2026-10-25T00:30:00.000Z',
    requestedBy: 'scheduler@localhost',
  });
  expect(said).toEqual(Array(2).fill('acme/orders: tick of 2026-10-25T00:30:00.000Z'));
});
