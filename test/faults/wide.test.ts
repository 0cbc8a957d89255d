/** Rows of many megabytes: whole, in slices, and after a kill that leaves them in the log. */
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createOrders, replace, sceneForTests } from './scene.ts';

const ROWS = 7;
const MEGABYTES = 20;
const LOG_BYTES = 70e6;

const scene = sceneForTests(
  createOrders('orders', 60),
  `CREATE TABLE wide (id int PRIMARY KEY, body text NOT NULL);
   ALTER TABLE wide ALTER body SET STORAGE EXTERNAL;
   INSERT INTO wide SELECT i, repeat(md5(i::text), ${MEGABYTES * 31_250}) || i FROM generate_series(1, ${ROWS}) i`,
);

async function killedOverItsLog(): Promise<void> {
  const run = scene.place.start('wide');
  const log = `${scene.place.warehouse}.wal`;
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(5)) {
    if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES) break;
  }
  run.child.kill('SIGKILL');
  expect((await run.ended).code).toBe(null);
  expect(statSync(log).size).toBeGreaterThan(LOG_BYTES);
}

test('a killed run leaves its rows in the log: the next runs open the file, and they arrive whole', async () => {
  await scene.place.tenant({
    orders: { table: 'public.orders', ...replace },
    wide: { table: 'public.wide', ...replace },
  });
  await killedOverItsLog();
  expect(await scene.place.run('orders')).toMatchObject({ code: 0 });
  expect(await scene.place.run('wide')).toMatchObject({ code: 0, json: { rows: { loaded: ROWS } } });
  expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 60, 'acme_raw.wide': ROWS });
  const { rows } = await scene.admin.query('SELECT id::text, md5(body) AS sum FROM wide ORDER BY wide.id');
  expect(await scene.place.ask('SELECT id, md5(body) AS sum FROM acme_raw.wide ORDER BY wide.id')).toEqual(rows);
});
