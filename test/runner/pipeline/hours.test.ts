/** A server has hours, and outside of them nobody knocks. */
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { exitCode } from '../../../runner/job/exit.ts';
import { hoursProblem } from '../../../runner/pipeline/hours.ts';
import { runSource } from '../../../runner/pipeline/run.ts';
import { openSource } from '../../../runner/sources/registry.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { type HoursSpec, tenantSchema } from '../../../tenants/schema/index.ts';

function tenantWith(hours: HoursSpec, port = 5432) {
  const shop = { kind: 'postgres', host: '127.0.0.1', port, database: 'shop', user: 'reader', tls: 'disable' } as const;
  return tenantSchema.parse({
    tenant: 'acme',
    connections: { shop: { ...shop, protect: { hours } }, app: { kind: 'firestore', project: 'acme-app' } },
    sources: {
      orders: { connection: 'shop', table: 'orders', load: { strategy: 'catalog' } },
      products: { connection: 'app', collection: 'products', load: { strategy: 'catalog' } },
    },
  });
}

it('says when they open, and lets in who comes then', () => {
  const tenant = tenantWith({ from: '22:00', to: '06:00', timeZone: 'Europe/Warsaw' });
  expect(hoursProblem(tenant, 'orders', new Date('2026-07-01T10:15:30Z'))).toMatchObject({
    code: 'BRAKE_HOURS',
    retryable: true,
    detail:
      'connections.shop.protect.hours lets runs begin from 22:00 to 06:00 (Europe/Warsaw). They open at 2026-07-01T20:00Z.',
    fix: expect.stringContaining('Run it after 2026-07-01T20:00Z, give orders a schedule within these hours'),
  });
  expect(hoursProblem(tenant, 'orders', new Date('2026-07-01T20:00:00Z'))).toBeNull();
  expect(hoursProblem(tenant, 'products', new Date('2026-07-01T10:15:30Z'))).toBeNull();
});

it('a run outside of them is refused, and the server hears nothing', async () => {
  const clock = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString().slice(11, 16);
  let knocks = 0;
  const server = createServer((socket) => {
    knocks += 1;
    socket.destroy();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as { port: number };
  const tenant = tenantWith({ from: clock(120), to: clock(180), timeZone: 'UTC' }, port);
  const { orders: spec } = tenant.sources;
  const { shop: connection } = tenant.connections;
  if (spec === undefined || connection === undefined) throw new Error('the tenant of the test is wrong');
  const secrets = { get: async () => 'none' };
  await using source = await openSource({ tenant: 'acme', name: 'shop', connection, source: spec, secrets });
  await using store = openSqliteStore(':memory:');
  const outcome = await runSource({
    ...{ tenant, sourceName: 'orders', spec, runId: 'run_1', source, store, secrets },
    signal: new AbortController().signal,
    openWarehouse: async () => {
      throw new Error('nothing is opened for a run that may not begin');
    },
    yes: true,
  });
  server.close();
  expect(outcome).toMatchObject({ status: 'refused', problem: { code: 'BRAKE_HOURS' } });
  expect(outcome.problem && exitCode(outcome.problem)).toBe(4);
  expect(knocks).toBe(0);
  expect(await store.get('run_1')).toMatchObject({ status: 'refused' });
});
