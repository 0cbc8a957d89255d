/** `tributary undo` and `plan` as a person types them. */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Ended, startCommand } from '../../faults/command.ts';
import { CANARY } from '../../faults/place.ts';
import { createOrders, replace, sceneForTests } from '../../faults/scene.ts';

const scene = sceneForTests(createOrders('orders', 20));
const orders = { table: 'public.orders', ...replace };

function type(...words: string[]): Promise<Ended> {
  const where = ['--tenants', 'tenants', '--warehouse', `duckdb:${scene.place.warehouse}`];
  const environment = { TRIBUTARY_SECRET_DB_PASSWORD: CANARY };
  return startCommand({ folder: scene.place.folder, words: [...words, ...where], environment }).ended;
}

test('undo: nobody confirmed, no such run, and a warehouse that keeps no earlier state', async () => {
  await scene.place.tenant({ orders });
  const loaded = await scene.place.run('orders');
  const runId = String(loaded.json.runId);
  const unconfirmed = await type('undo', 'acme', runId);
  expect(unconfirmed).toMatchObject({ code: 1, stderr: expect.stringContaining(`undo acme ${runId} --yes`) });
  const unknown = await type('undo', 'acme', 'nothing', '--yes', '--json');
  expect({ code: unknown.code, problem: unknown.json.problem?.code }).toEqual({ code: 1, problem: 'RUN_NOT_FOUND' });
  const refused = await type('undo', 'acme', runId, '--yes', '--json');
  expect(refused.code).toBe(2);
  expect(JSON.parse(refused.stdout)).toMatchObject({
    mode: 'undo',
    status: 'failed',
    destination: 'acme_raw.orders',
    undone: null,
    problem: { code: 'UNDO_IMPOSSIBLE' },
  });
  expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 20 });
  await using store = scene.place.store();
  expect((await store.list({ tenant: 'acme', limit: 9 })).map(({ status }) => status)).toEqual(['failed', 'succeeded']);
  const offered = async (...words: string[]) =>
    (await startCommand({ folder: scene.place.folder, words: ['complete', '--', ...words, ''] }).ended).stdout.trim();
  expect(await offered('undo', 'acme')).toBe(runId);
  expect((await offered('logs')).split('\n')).toEqual([refused.json.runId, runId]);
});

test('undo finds the source of a run that only the warehouse remembers, and no run of another tenant', async () => {
  await scene.place.tenant({ orders });
  await scene.place.tenant({ orders }, {}, 'bolt');
  const runId = String((await scene.place.run('orders')).json.runId);
  const foreign = await type('undo', 'bolt', runId, '--yes', '--json');
  expect({ code: foreign.code, problem: foreign.json.problem?.code }).toEqual({ code: 1, problem: 'RUN_NOT_FOUND' });
  const { folder } = scene.place;
  await rename(join(folder, '.tributary'), join(folder, 'lost'));
  expect((await type('undo', 'acme', runId, '--yes', '--json')).json.problem?.code).toBe('UNDO_IMPOSSIBLE');
});

test('plan tells how the table will lie and that nothing is billed here', async () => {
  const destination = { partitionBy: { column: 'stamp', by: 'month' }, partitionExpiration: '365d', clusterBy: ['id'] };
  await scene.place.tenant({ orders: { ...orders, destination } });
  const plan = await type('plan', 'acme', 'orders', '--max-cost', '0.5');
  expect(plan.stdout).toContain('lies    partitioned by month of stamp, kept for 365 days, clustered by id\n');
  expect(plan).toMatchObject({ code: 0, stdout: expect.not.stringContaining('costs') });
  const { design, cost } = JSON.parse((await type('plan', 'acme', 'orders', '--json')).stdout);
  expect(cost).toBeNull();
  expect(design).toMatchObject({ partitionBy: { column: 'stamp', by: 'month' }, labels: { env: 'dev' }, key: ['id'] });
  const run = await scene.place.run('orders');
  expect(JSON.parse(run.stdout)).toMatchObject({ status: 'succeeded', billed: null });
  await scene.place.tenant({ orders: { ...orders, destination: { clusterBy: ['nothing'] } } });
  const broken = await type('plan', 'acme', 'orders', '--json');
  expect({ code: broken.code, problem: broken.json.problem?.code }).toEqual({ code: 1, problem: 'DESIGN_INVALID' });
  expect((await type('plan', 'acme', 'orders', '--max-cost', 'cheap')).code).toBe(1);
});
