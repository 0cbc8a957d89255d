/** What the disk may do to a run: each ends with its code, and what was committed stays. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createOrders, expectRefusal, replace, sceneForTests } from './scene.ts';

const root = process.getuid?.() === 0;
const NOBODY = 65_534;

const scene = sceneForTests(
  createOrders('orders', 60),
  // Texts that no storage makes smaller.
  `CREATE TABLE large AS SELECT i AS id, (SELECT string_agg(md5(i::text || ' ' || j), '') FROM generate_series(1, 30) j) AS note
    FROM generate_series(1, 20000) i`,
);
beforeEach(() =>
  scene.place.tenant({
    orders: { table: 'public.orders', ...replace },
    large: { table: 'public.large', ...replace },
  }),
);

async function smallDisk<T>(folder: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', folder]);
  try {
    return await work();
  } finally {
    execFileSync('umount', [folder]);
  }
}

const mountable = (() => {
  if (!root) return false;
  try {
    execFileSync('unshare', ['-m', 'true']);
    return true;
  } catch {
    return false;
  }
})();

describe('a full disk', () => {
  const onSmallDisk = async () => {
    const folder = join(scene.place.folder, 'disk');
    await smallDisk(folder, async () => {
      const warehouse = join(folder, 'warehouse.duckdb');
      expect((await scene.place.run('orders', { warehouse })).code).toBe(0);
      expectRefusal(await scene.place.run('large', { warehouse }), 2, 'WAREHOUSE_DISK_FULL');
      expect(await scene.place.tables(warehouse)).toEqual({ 'acme_raw.orders': 60 });
      expect((await scene.place.run('orders', { warehouse })).code).toBe(0);
    });
  };
  // Where nothing can be mounted the limit below stands for it.
  if (mountable) test('a small file system', onSmallDisk);

  test('a limit on the size of a file', async () => {
    expect((await scene.place.run('orders')).code).toBe(0);
    const through = ['bash', '-c', 'ulimit -f 6000; exec "$@"', 'limited'];
    expectRefusal(await scene.place.run('large', { through }), 2, 'WAREHOUSE_DISK_FULL');
    expect(await scene.place.tables()).toEqual({ 'acme_raw.orders': 60 });
    expect((await scene.place.run('orders')).code).toBe(0);
  });
});

describe('a damaged file', () => {
  let sound: Buffer | undefined;

  const unchanged = async () => {
    const before = readFileSync(scene.place.warehouse);
    expectRefusal(await scene.place.run('orders'), 2, 'WAREHOUSE_CORRUPT');
    expect(readFileSync(scene.place.warehouse).equals(before)).toBe(true);
  };

  test.each([20, 5000, 100_000])('%i bytes of something else', async (bytes) => {
    writeFileSync(scene.place.warehouse, Buffer.alloc(bytes, 'not a warehouse '));
    await unchanged();
  });

  test.each([100, 4096, 13_000, 270_000])('cut off after %i bytes', async (bytes) => {
    if (sound === undefined) {
      expect((await scene.place.run('large')).code).toBe(0);
      sound = readFileSync(scene.place.warehouse);
    }
    writeFileSync(scene.place.warehouse, sound.subarray(0, bytes));
    await unchanged();
  });

  test('its middle is overwritten', async () => {
    expect((await scene.place.run('orders')).code).toBe(0);
    const content = readFileSync(scene.place.warehouse);
    content.fill(0x5a, 4096 * 3);
    writeFileSync(scene.place.warehouse, content);
    await unchanged();
  });
});

describe('a place that cannot be written', () => {
  /** As somebody else where this is root, whom nothing is forbidden. */
  const through = root ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];

  /** The folder is the user's, except for the place of the warehouse. */
  function giveAway(folder: string): void {
    if (root) for (const path of ['', ...readdirSync(folder)]) chownSync(join(folder, path), NOBODY, NOBODY);
  }

  test('a folder', async () => {
    const folder = join(scene.place.folder, 'closed');
    mkdirSync(folder);
    giveAway(scene.place.folder);
    chmodSync(folder, 0o555);
    const warehouse = join(folder, 'warehouse.duckdb');
    expectRefusal(await scene.place.run('orders', { through, warehouse }), 2, 'WAREHOUSE_READ_ONLY');
    expectRefusal(
      await scene.place.run('orders', { through, warehouse: join(folder, 'new', 'w.duckdb') }),
      2,
      'WAREHOUSE_READ_ONLY',
    );
    expect(readdirSync(folder)).toEqual([]);
    chmodSync(folder, 0o755);
    expect((await scene.place.run('orders', { through, warehouse })).code).toBe(0);
  });

  test('a file', async () => {
    giveAway(scene.place.folder);
    expect((await scene.place.run('orders', { through })).code).toBe(0);
    const copy = join(scene.place.folder, 'copy.duckdb');
    copyFileSync(scene.place.warehouse, copy);
    chmodSync(scene.place.warehouse, 0o444);
    expectRefusal(await scene.place.run('orders', { through }), 2, 'WAREHOUSE_READ_ONLY');
    expect(readFileSync(scene.place.warehouse).equals(readFileSync(copy))).toBe(true);
  });
});
