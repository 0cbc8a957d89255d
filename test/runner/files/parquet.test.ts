import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type StorageServer, startStorage } from '../../servers/storage.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { FilesScene } from './scene.ts';

async function parquet(scene: FilesScene, name: string, select: string): Promise<Uint8Array> {
  const file = join(scene.folder, name);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    await connection.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  return readFileSync(file);
}

describeWith(['emulators'], 'Parquet into the embedded warehouse', () => {
  let server: StorageServer;
  beforeAll(async () => {
    server = await startStorage();
    process.env.STORAGE_EMULATOR_HOST = server.host;
  });
  afterAll(async () => {
    delete process.env.STORAGE_EMULATOR_HOST;
    await server?.stop();
  });

  test('types, nested values, columns that come and go', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    const first = `SELECT 9007199254740993::BIGINT AS id, 1.25::DECIMAL(10,2) AS price, TIMESTAMPTZ '2026-01-01 10:00:00+00' AS seen,
      DATE '2026-01-02' AS day, {'x': 1, 'y': [1, 2]} AS nested, 'ä' AS note, '\\xFF'::BLOB AS raw, true AS ok, 0.1::DOUBLE AS f`;
    await scene.put('a.parquet', await parquet(scene, 'a.parquet', first));
    await scene.put('b.parquet', await parquet(scene, 'b.parquet', `SELECT 2::INTEGER AS id, 'b' AS note, 7 AS more`));
    const files = { format: 'parquet', match: '*.parquet' } as const;
    const { summary } = await scene.load('p', { files });
    expect(summary.rows).toMatchObject({ extracted: 2, inserted: 2 });
    expect(
      await scene.query(
        'SELECT id, price, seen, day, nested, note, hex(raw) AS raw, ok, f, more FROM acme_raw.p ORDER BY id DESC',
      ),
    ).toEqual([
      {
        id: '9007199254740993',
        price: '1.25',
        seen: '2026-01-01 10:00:00+00',
        day: '2026-01-02',
        nested: '{"x":1,"y":[1,2]}',
        note: 'ä',
        raw: 'FF',
        ok: true,
        f: 0.1,
        more: null,
      },
      { id: '2', price: null, seen: null, day: null, nested: null, note: 'b', raw: null, ok: null, f: null, more: '7' },
    ]);
    await scene.put('c.parquet', Buffer.from('PAR1 and no more PAR1'));
    expect((await scene.run('p', { files })).problem?.code).toBe('FILE_UNREADABLE');
    expect(await scene.query('SELECT count(*) AS n FROM acme_raw.p')).toEqual([{ n: '2' }]);
  });

  test('texts that never repeat are packed by their letters, where they stay texts; so are those of other formats', {
    timeout: 60_000,
  }, async () => {
    await using scene = await FilesScene.make(server);
    const rows = 30_000;
    const select = `SELECT range AS id, 'c' || range AS code, 'customer of ' || (range * 7919 % 1000003) AS name,
      ['Berlin', 'Paris'][range % 2 + 1] AS city FROM range(${rows})`;
    const lines = Array.from({ length: rows }, (_, i) => [i, `c${i}`, `customer of ${(i * 7919) % 1_000_003}`, i % 2]);
    const city = (i: unknown) => (i === 0 ? 'Berlin' : 'Paris');
    await scene.put('rows.parquet', await parquet(scene, 'rows.parquet', select));
    await scene.put(
      'rows.csv',
      `id,code,name,city\n${lines.map(([a, b, c, d]) => `${a},${b},${c},${city(d)}\n`).join('')}`,
    );
    const objects = lines.map(([id, code, name, d]) => JSON.stringify({ id, code, name, city: city(d) }));
    await scene.put('rows.json', `${objects.join('\n')}\n`);
    for (const format of ['parquet', 'csv', 'json'] as const) {
      const files = { format, match: `*.${format}` };
      const columns = { types: { code: 'STRING' }, mask: { name: 'sha256' } } as const;
      await scene.load(format, { files, columns });
      const found = await scene.query(
        `SELECT column_name AS name, list(DISTINCT compression) AS packed FROM pragma_storage_info('acme_raw.${format}')
         WHERE column_name IN ('id', 'code', 'name', 'city') AND segment_type = 'VARCHAR' GROUP BY 1 ORDER BY 1`,
      );
      expect(found, format).toEqual([
        { name: 'city', packed: ['Dictionary'] },
        { name: 'code', packed: ['FSST'] },
        { name: 'name', packed: ['FSST'] },
      ]);
    }
    const same = 'SELECT id, code, name, city FROM acme_raw';
    expect(await scene.query(`${same}.csv EXCEPT ${same}.json`)).toEqual([]);
    expect(await scene.query(`${same}.csv EXCEPT ${same}.parquet`)).toEqual([]);
  });

  test('masked and overridden columns', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    const select = `SELECT range AS id, 'p' || range AS mail, range / 2 AS half FROM range(3)`;
    await scene.put('a.parquet', await parquet(scene, 'a.parquet', select));
    const columns = { mask: { mail: 'redact' as const }, types: { half: 'INT64' as const } };
    const { summary } = await scene.load('p', { files: { format: 'parquet', match: '*.parquet' }, columns });
    expect(summary.rows).toMatchObject({ extracted: 3, inserted: 2, quarantined: 1 });
    expect(await scene.query('SELECT id, mail, half FROM acme_raw.p ORDER BY id')).toEqual([
      { id: '0', mail: '***', half: '0' },
      { id: '2', mail: '***', half: '1' },
    ]);
  });
});
