/** Many small files: read together, and yet each row is of its own file, and each file has its own count. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type StorageServer, startStorage } from '../../servers/storage.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { FilesScene } from './scene.ts';

const AT_ONCE = 8;

describeWith(['emulators'], 'many small files', () => {
  let server: StorageServer;
  beforeAll(async () => {
    server = await startStorage({ onDisk: true });
    process.env.STORAGE_EMULATOR_HOST = server.host;
  });
  afterAll(async () => {
    delete process.env.STORAGE_EMULATOR_HOST;
    await server?.stop();
  });

  async function put(scene: FilesScene, count: number, text: (i: number) => readonly [string, string | Uint8Array]) {
    const waiting = Array.from({ length: count }, (_, i) => i).values();
    const work = async () => {
      for (const i of waiting) await scene.put(...text(i));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  /** Rows that are not of the file whose number they have, and files whose number of rows is not that of their rows. */
  async function strays(scene: FilesScene, table: string) {
    const number = "regexp_extract(_file, '(\\d+)\\.[a-z]+$', 1)::BIGINT";
    const rows = `SELECT count(*) AS n FROM acme_raw.${table} WHERE file <> ${number}`;
    const counts = `SELECT count(*) AS n FROM acme_tributary._files AS f WHERE f.source = '${table}' AND f.rows <>
      (SELECT count(*) FROM acme_raw.${table} AS t WHERE t._file = f.uri) +
      (SELECT count(*) FROM acme_tributary._quarantine AS q WHERE contains(q.reason, f.uri || ','))`;
    return [await scene.query(rows), await scene.query(counts)].map(([row]) => Number(row?.n));
  }

  test('2,000 of delimited text, some with their columns in another order, some broken', {
    timeout: 120_000,
  }, async () => {
    await using scene = await FilesScene.make(server);
    const broken = new Set([7, 700, 1999]);
    await put(scene, 2000, (i) => {
      const rows = Array.from({ length: (i % 3) + 1 }, (_, k) => [i, k] as const);
      const text =
        i % 5 === 0
          ? `row,file\r\n${rows.map(([file, k]) => `${k},${file}\r\n`).join('')}`
          : `file,row\n${rows.map(([file, k]) => `${file},${k}\n`).join('')}`;
      return [`${i % 7}/${i}.csv`, broken.has(i) ? `${text}one,two,three\n` : text];
    });
    const files = { files: { format: 'csv', match: '**/*.csv' } } as const;
    const { summary } = await scene.load('many', files);
    const rows = Array.from({ length: 2000 }, (_, i) => (i % 3) + 1).reduce((sum, n) => sum + n, 0);
    expect(summary.rows).toMatchObject({ extracted: rows + 3, inserted: rows, quarantined: 3 });
    expect(await strays(scene, 'many')).toEqual([0, 0]);
    expect(await scene.query('SELECT count(DISTINCT _file) AS n FROM acme_raw.many')).toEqual([{ n: '2000' }]);
    await scene.put('0/2000.csv', 'file,row\n2000,0\n');
    expect((await scene.load('many', files)).summary.rows).toMatchObject({ extracted: 1, inserted: 1 });
  });

  test('of objects, with fields that only some have, in folders that are columns', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    await put(scene, 300, (i) => {
      const lines = [
        { file: i, row: 0, ...(i % 100 === 50 ? { rare: { of: i } } : {}) },
        { file: i, row: 1 },
      ];
      return [`part=${i % 4}/${i}.ndjson`, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`];
    });
    const files = { format: 'json', match: '**/*.ndjson', hive: true } as const;
    const { summary } = await scene.load('objects', { files });
    expect(summary.rows).toMatchObject({ extracted: 600, inserted: 600 });
    expect(await strays(scene, 'objects')).toEqual([0, 0]);
    expect(
      await scene.query(
        'SELECT count(*) AS n, sum((file % 4 <> part)::INTEGER)::BIGINT AS wrong FROM acme_raw.objects',
      ),
    ).toEqual([{ n: '600', wrong: '0' }]);
    const rare = await scene.query('SELECT file, rare FROM acme_raw.objects WHERE rare IS NOT NULL ORDER BY file');
    expect(rare).toEqual([50, 150, 250].map((i) => ({ file: `${i}`, rare: `{"of":${i}}` })));
  });

  test('of Parquet, of several types', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const made = new Map<number, Buffer>();
    for (let i = 0; i < 120; i++) {
      const path = join(scene.folder, `${i}.parquet`);
      const type = i % 2 === 0 ? 'BIGINT' : 'INTEGER';
      await connection.run(
        `COPY (SELECT ${i}::${type} AS file, range AS row FROM range(3)) TO '${path}' (FORMAT parquet)`,
      );
      made.set(i, readFileSync(path));
    }
    connection.closeSync();
    instance.closeSync();
    await put(scene, 120, (i) => [`${i}.parquet`, made.get(i) as Buffer]);
    const { summary } = await scene.load('columns', { files: { format: 'parquet', match: '*.parquet' } });
    expect(summary.rows).toMatchObject({ extracted: 360, inserted: 360 });
    expect(await strays(scene, 'columns')).toEqual([0, 0]);
  });
});
