import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCommand } from '../../faults/command.ts';
import { type StorageServer, startStorage } from '../../servers/storage.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { APPEND, FilesScene } from './scene.ts';

/** An archive as others write it, with as many members as there are texts. */
function zip(...texts: readonly string[]): Buffer {
  const bodies: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (const [i, text] of texts.entries()) {
    const packed = deflateRawSync(text);
    const name = Buffer.from(`${i}.csv`);
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(8, 8);
    head.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(8, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    bodies.push(head, name, packed);
    entries.push(entry, name);
    at += 30 + name.length + packed.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(texts.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...bodies, directory, end]);
}

describeWith(['emulators'], 'many, large and packed files', () => {
  let server: StorageServer;
  beforeAll(async () => {
    server = await startStorage();
    process.env.STORAGE_EMULATOR_HOST = server.host;
  });
  afterAll(async () => {
    delete process.env.STORAGE_EMULATOR_HOST;
    await server?.stop();
  });

  test('an archive of one member is read, one of two is refused', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    await scene.put('a.csv.zip', zip('id,v\n1,a\n'));
    const files = { format: 'csv', match: '*.zip' } as const;
    await scene.load('z', { files });
    expect(await scene.query('SELECT id, v FROM acme_raw.z')).toEqual([{ id: '1', v: 'a' }]);
    await scene.put('b.csv.zip', zip('id,v\n2,a\n', 'id,v\n3,a\n'));
    const refused = await scene.run('z', { files });
    expect(refused.problem).toMatchObject({ code: 'FILE_UNREADABLE', detail: expect.stringContaining('2 members') });
  });

  test('small files are read together, a broken one among them alone', { timeout: 120_000 }, async () => {
    await using scene = await FilesScene.make(server);
    for (let i = 0; i < 150; i++)
      await scene.put(`m/${i}.csv`, i === 77 ? 'id,v\n7700,x\nbroken\n' : `id,v\n${i},x\n${i + 1000},y\n`);
    const { summary } = await scene.load('many', { files: { prefix: 'm/', match: '*.csv', format: 'csv' } });
    expect(summary.rows).toMatchObject({ extracted: 300, inserted: 299, quarantined: 1 });
    expect(
      await scene.query('SELECT count(DISTINCT _file) AS files, count(DISTINCT id) AS ids FROM acme_raw.many'),
    ).toEqual([{ files: '150', ids: '299' }]);
    expect(await scene.query('SELECT count(*) AS n, sum(rows) AS rows FROM acme_tributary._files')).toMatchObject([
      { n: '150' },
    ]);
  });

  test('a run that was killed commits nothing, and the next one loads all once', { timeout: 120_000 }, async () => {
    await using scene = await FilesScene.make(server);
    const rows = 150_000;
    const line = (i: number, file: number) => `${file * rows + i},some text of row ${i}\n`;
    for (let file = 0; file < 4; file++) {
      const text = Array.from({ length: rows }, (_, i) => line(i, file)).join('');
      await scene.put(`${file}.csv.gz`, gzipSync(`id,note\n${text}`, { level: 1 }));
    }
    const tenant = {
      tenant: 'acme',
      connections: { landing: { kind: 'gcs', bucket: scene.bucket } },
      sources: { big: { connection: 'landing', files: { match: '*.gz', format: 'csv' }, load: APPEND } },
    };
    mkdirSync(join(scene.folder, 'tenants'));
    writeFileSync(join(scene.folder, 'tenants', 'acme.yaml'), JSON.stringify(tenant));
    const words = ['run', 'acme', 'big', '--tenants', 'tenants', '--warehouse', 'duckdb:warehouse.duckdb', '--json'];
    const temporary = join(scene.folder, 'tmp');
    mkdirSync(temporary);
    const scratch = () => readdirSync(temporary).filter((name) => name.startsWith('tributary-'));
    const environment = { STORAGE_EMULATOR_HOST: server.host, TMPDIR: temporary };
    const options = { folder: scene.folder, words, environment, seconds: 100 };
    const first = startCommand(options);
    await first.event(({ type, data }) => type === 'progress' && Number(data?.rows) > 0);
    first.child.kill('SIGKILL');
    await first.ended;
    expect(scratch()).toHaveLength(1);
    const second = await startCommand(options).ended;
    expect(second.json, second.stderr).toMatchObject({ status: 'succeeded', rows: { extracted: 4 * rows } });
    expect(scratch()).toEqual([]);
    const third = await startCommand(options).ended;
    expect(third.json, third.stderr).toMatchObject({ status: 'succeeded', rows: { extracted: 0 } });
    expect(await scene.query('SELECT count(*) AS n, count(DISTINCT id) AS ids FROM acme_raw.big')).toEqual([
      { n: String(4 * rows), ids: String(4 * rows) },
    ]);
  });
});
