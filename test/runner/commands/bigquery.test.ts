/** The command line with `--warehouse bigquery`, against servers that speak its API. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Ended, startCommand } from '../../faults/command.ts';
import { CANARY } from '../../faults/place.ts';
import { createOrders, sceneForTests } from '../../faults/scene.ts';
import { type BigqueryServer, startBigquery } from '../../servers/bigquery.ts';
import { type StorageServer, startStorage } from '../../servers/storage.ts';

const PROJECT = 'acme-data';
const scene = sceneForTests(
  createOrders('orders', 20),
  'ALTER TABLE orders ADD COLUMN wide numeric; UPDATE orders SET wide = id',
  `UPDATE orders SET wide = 'NaN' WHERE id = 3; UPDATE orders SET wide = 1234567890123456789.123456789012345678 WHERE id = 4`,
);
let storage: StorageServer;
let bigquery: BigqueryServer;

beforeAll(async () => {
  storage = await startStorage();
  bigquery = await startBigquery({ storage: storage.host });
  const body = JSON.stringify({ name: `${PROJECT}-trb-acme-staging` });
  const made = await fetch(`${storage.host}/storage/v1/b?project=${PROJECT}`, { method: 'POST', body });
  expect(made.ok).toBe(true);
});

afterAll(async () => {
  await bigquery?.[Symbol.asyncDispose]();
  await storage?.[Symbol.asyncDispose]();
});

const load = { strategy: 'transactional', mode: 'merge', key: ['id'], cursor: 'stamp' };
const orders = { table: 'public.orders', load, quarantine: { maxRows: 5, maxRatio: 1 } };

beforeEach(() => scene.place.tenant({ orders }));

function type(...words: string[]): Promise<Ended> {
  return startCommand({
    folder: scene.place.folder,
    words: [...words, '--tenants', 'tenants', '--warehouse', `bigquery:${PROJECT}`, '--json'],
    environment: {
      TRIBUTARY_SECRET_DB_PASSWORD: CANARY,
      BIGQUERY_EMULATOR_HOST: bigquery.host,
      STORAGE_EMULATOR_HOST: storage.host,
    },
  }).ended;
}

test('plan, run, list what did not fit, undo', { timeout: 180_000 }, async () => {
  const plan = await type('plan', 'acme', 'orders', '--max-cost', '1');
  expect(plan.code, plan.stdout + plan.stderr).toBe(0);
  expect(JSON.parse(plan.stdout)).toMatchObject({
    design: { clusterBy: ['id'], key: ['id'] },
    cost: { bytes: 0, usd: 0, unpruned: null },
    destination: { dataset: 'acme_raw', rows: null },
  });
  const first = await type('run', 'acme', 'orders');
  expect(first.code, first.stdout + first.stderr).toBe(3);
  expect(JSON.parse(first.stdout)).toMatchObject({
    status: 'succeeded',
    rows: { extracted: 20, inserted: 19, quarantined: 1 },
    billed: { slotMs: expect.any(Number) },
  });
  const listed = await type('quarantine', 'list', 'acme', 'orders');
  expect(JSON.parse(listed.stdout).rows, listed.stderr).toMatchObject([
    { run_id: first.json.runId, column_name: 'wide', row: expect.stringContaining('NaN') },
  ]);
  await scene.admin.query(
    `UPDATE orders SET note = 'new', stamp = now() WHERE id <= 2; DELETE FROM orders WHERE id = 20`,
  );
  const second = await type('run', 'acme', 'orders');
  expect(JSON.parse(second.stdout), second.stderr).toMatchObject({ rows: { updated: 2, inserted: 0 } });
  const undone = await type('undo', 'acme', String(second.json.runId), '--yes');
  expect(undone.code, undone.stdout + undone.stderr).toBe(0);
  expect(JSON.parse(undone.stdout)).toMatchObject({
    mode: 'undo',
    undone: { rows: 19, runs: [second.json.runId], cursor: JSON.parse(first.stdout).state.cursor },
  });
  const again = await type('run', 'acme', 'orders');
  expect(JSON.parse(again.stdout), again.stderr).toMatchObject({ rows: { updated: 2, inserted: 0 } });
});
