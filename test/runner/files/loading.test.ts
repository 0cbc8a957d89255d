import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type StorageServer, startStorage } from '../../servers/storage.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { FilesScene, MASK_KEY } from './scene.ts';

describeWith(['emulators'], 'files into the embedded warehouse', () => {
  let server: StorageServer;
  beforeAll(async () => {
    server = await startStorage();
    process.env.STORAGE_EMULATOR_HOST = server.host;
  });
  afterAll(async () => {
    delete process.env.STORAGE_EMULATOR_HOST;
    await server?.stop();
  });

  const csv = (match = '*.csv', more = {}) => ({ format: 'csv', match, ...more }) as const;

  test('each version of a file is loaded once', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    await scene.put('a.csv', 'id,name,paid\n1,Ann,1.5\n2,"B, ""b""",\n');
    await scene.put('other.txt', 'id\n9\n');
    const first = await scene.load('sales', { files: csv() });
    expect(first.summary).toMatchObject({
      rows: { extracted: 2, inserted: 2, quarantined: 0 },
      gone: { objects: 0, uris: [] },
    });
    expect(await scene.query('SELECT id, name, paid, _file FROM acme_raw.sales ORDER BY id')).toEqual([
      { id: '1', name: 'Ann', paid: 1.5, _file: `gs://${scene.bucket}/a.csv` },
      { id: '2', name: 'B, "b"', paid: null, _file: `gs://${scene.bucket}/a.csv` },
    ]);
    expect((await scene.load('sales', { files: csv() })).summary.rows).toMatchObject({ extracted: 0, inserted: 0 });
    await scene.put('b.csv', 'id,name,paid\n3,Cid,2\n');
    expect((await scene.load('sales', { files: csv() })).summary.rows).toMatchObject({ extracted: 1, inserted: 1 });
    await scene.put('a.csv', 'id,name,paid\n1,Ann,7\n');
    expect((await scene.load('sales', { files: csv() })).summary.rows).toMatchObject({ extracted: 1, inserted: 1 });
    const files = await scene.query('SELECT uri, rows, run_id FROM acme_tributary._files ORDER BY loaded_at, uri');
    expect(files.map(({ uri, rows }) => [String(uri).slice(-5), rows])).toEqual([
      ['a.csv', '2'],
      ['b.csv', '1'],
      ['a.csv', '1'],
    ]);
    await scene.remove('b.csv');
    const last = await scene.load('sales', { files: csv() });
    expect(last.summary).toMatchObject({
      rows: { extracted: 0 },
      gone: { objects: 1, uris: [`gs://${scene.bucket}/b.csv`] },
    });
    const [state] = await scene.query('SELECT cursor_value FROM acme_tributary._state');
    expect(last.summary.state.cursor).toBe(state?.cursor_value);
    const told = scene.events.filter(({ type }) => type === 'warning');
    expect(JSON.stringify(told)).toContain('b.csv was loaded and is gone');
  });

  test('merge keeps the rows of the newest file', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    const load = { strategy: 'transactional' as const, mode: 'merge' as const, key: ['id'] };
    await scene.put('1.csv', 'id,v\n1,old\n2,old\n');
    await new Promise((wait) => setTimeout(wait, 20));
    await scene.put('0.csv', 'id,v\n1,new\n');
    await scene.load('m', { files: csv(), load });
    const rows = 'SELECT id, v FROM acme_raw.m ORDER BY id';
    expect(await scene.query(rows)).toEqual([
      { id: '1', v: 'new' },
      { id: '2', v: 'old' },
    ]);
    await scene.put('1.csv', 'id,v\n2,newest\n');
    await scene.load('m', { files: csv(), load });
    expect(await scene.query(rows)).toEqual([
      { id: '1', v: 'new' },
      { id: '2', v: 'newest' },
    ]);
  });

  test('malformed rows go to quarantine with their line, and are counted', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    const bytes = Buffer.concat([
      Buffer.from('id,name,at\n1,ok,2026-01-01\n2,short\n3,"mu\nlti",2026-01-02\n4,a,b,c\n5,"x"y,2026-01-03\n'),
      Buffer.from('6,caf\xe9,2026-01-04\n7,ok,2026-01-05\n8,ok,soon\n', 'latin1'),
    ]);
    await scene.put('r.csv', bytes);
    const types = { columns: { types: { id: 'INT64', at: 'DATE' } } };
    const { summary } = await scene.load('ragged', { files: csv(), ...types });
    expect(summary.rows).toMatchObject({ extracted: 8, inserted: 3, quarantined: 5 });
    const kept = await scene.query('SELECT column_name, reason, row FROM acme_tributary._quarantine');
    const lines = kept.flatMap(({ reason, row }) =>
      String(reason).startsWith('FILE_ROW_MALFORMED') ? [JSON.parse(String(row))._line] : [],
    );
    expect(lines.sort()).toEqual(['3', '6', '7', '8']);
    expect(kept.filter(({ reason }) => String(reason).startsWith('VALUE_NOT_CASTABLE'))).toHaveLength(1);
  });

  test('what a malformed row of a file with two kinds of line ends leaves is exact', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    const rows = ['id,name', '1,"a\r\nb"', '2,x"y', '3,d', '4,"""e\r\nf"', '5,g'];
    await scene.put('r.csv', `${rows.join('\r\n')}\n6,h\n7,i,j\n`);
    const { summary } = await scene.load('ends', { files: csv(), columns: { types: { id: 'INT64' } } });
    const { extracted, inserted, quarantined } = summary.rows as Record<string, number>;
    expect(extracted).toBe(7);
    expect(extracted).toBe((inserted ?? 0) + (quarantined ?? 0));
    const found = await scene.query('SELECT id, name FROM acme_raw.ends ORDER BY id');
    const wanted: Record<string, string> = { 1: 'a\r\nb', 2: 'x"y', 3: 'd', 4: '"e\r\nf', 5: 'g', 6: 'h' };
    for (const { id, name } of found) expect([id, name]).toEqual([id, wanted[String(id)]]);
    expect(found.length).toBeGreaterThanOrEqual(5);
  });

  test.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
  ])('records that end with %s, and values that have other line ends', { timeout: 60_000 }, async (_, end) => {
    await using scene = await FilesScene.make(server);
    const values = ['a\nb', 'a\r\nb', 'a\rb', '\n', '\r\n', 'plain'];
    const rows = values.map((value, i) => `${i},"${value}"`);
    await scene.put('headed/a.csv', `${['id,"na\nme"', ...rows].join(end)}${end}`);
    await scene.put('bare/a.csv', `${rows.join(end)}`);
    const { summary } = await scene.load('headed', { files: { ...csv(), prefix: 'headed/' } });
    expect(summary.rows).toMatchObject({ extracted: values.length, quarantined: 0 });
    expect(
      (await scene.query('SELECT * EXCLUDE (_extracted_at) FROM acme_raw.headed ORDER BY id')).map(
        (row) => Object.values(row)[1],
      ),
    ).toEqual(values);
    await scene.load('bare', { files: { ...csv(), prefix: 'bare/', csv: { header: false } } });
    expect((await scene.query('SELECT column_2 AS v FROM acme_raw.bare ORDER BY column_1')).map(({ v }) => v)).toEqual(
      values,
    );
  });

  test('compressions, encodings, marks and headers that change', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    await scene.put('1.csv', '\ufeffid,name\n1,zażółć\n');
    await scene.put('2.csv.gz', gzipSync('name,id\nb,2\n'));
    await scene.put('3.csv.zst', zstdCompressSync('id,name,extra\n3,c,new\n'));
    await scene.put('4.csv', 'id,name\r\n4,d\r\n');
    await scene.put('5.csv', '');
    await scene.put('6.csv', 'id,name\n');
    await scene.load('mixed', { files: csv('*.csv*') });
    expect(await scene.query('SELECT id, name, extra FROM acme_raw.mixed ORDER BY id')).toEqual([
      { id: '1', name: 'zażółć', extra: null },
      { id: '2', name: 'b', extra: null },
      { id: '3', name: 'c', extra: 'new' },
      { id: '4', name: 'd', extra: null },
    ]);
    await scene.put('utf16/a.csv', Buffer.from('\ufeffid;name\n1;łódź\n', 'utf16le'));
    const wide = { prefix: 'utf16/', ...csv(), csv: { encoding: 'UTF-16LE', delimiter: ';' } } as const;
    await scene.load('wide', { files: wide });
    expect(await scene.query('SELECT id, name FROM acme_raw.wide')).toEqual([{ id: '1', name: 'łódź' }]);
    await scene.put(
      'lone/a.csv',
      Buffer.concat([Buffer.from('id;name\n1;', 'utf16le'), Buffer.from([0x00, 0xd8, 0x0a, 0])]),
    );
    const lone = await scene.run('lone', { files: { ...wide, prefix: 'lone/' } });
    expect(lone.problem).toMatchObject({ code: 'FILE_UNREADABLE', detail: expect.stringContaining('UTF-16LE') });
    await scene.put('broken/a.csv.gz', Buffer.from('no gzip'));
    const broken = await scene.run('broken', { files: { prefix: 'broken/', ...csv('*.gz') } });
    expect(broken.problem?.code).toBe('FILE_UNREADABLE');
  });

  test('objects: lines, an array, nested values, broken lines, fields that come later', {
    timeout: 60_000,
  }, async () => {
    await using scene = await FilesScene.make(server);
    await scene.put('a.ndjson', '{"id":1,"at":"2026-01-01T10:00:00Z","tags":["a"]}\n{"id":2,"n":1.5}\n{"id":\n[1]\n');
    await scene.put(
      'b.json',
      JSON.stringify(
        [
          { id: 3, text: 'a,\n]}"' },
          { id: 4, tags: { x: null } },
        ],
        null,
        2,
      ),
    );
    const { summary } = await scene.load('docs', { files: { format: 'json', match: '*.{json,ndjson}' } });
    expect(summary.rows).toMatchObject({ extracted: 6, inserted: 4, quarantined: 2 });
    expect(await scene.query('SELECT id, "at", tags, n, text FROM acme_raw.docs ORDER BY id')).toEqual([
      { id: '1', at: '2026-01-01 10:00:00+00', tags: '["a"]', n: null, text: null },
      { id: '2', at: null, tags: null, n: 1.5, text: null },
      { id: '3', at: null, tags: null, n: null, text: 'a,\n]}"' },
      { id: '4', at: null, tags: '{"x":null}', n: null, text: null },
    ]);
  });

  test('numbers of objects keep all digits where the column has them', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    const lines = [
      '{"id":1,"x":0.12345678901234567890,"s":1.1234567890123456789,"f":0.12345678901234567890}',
      '{"id":2,"x":-123456789012345678.123456789,"o":{"x":0.12345678901234567890}}',
      '{"id":3, "\\u0078" : 1.2345678901234567891e3, "t":"\\"x\\":1.12345678901234567890"}',
      '{"id":4,"x":1e2,"s":"a 1.12345678901234567890"}',
      '{"id":5,"x":1e400}',
      '{"id":6,"x":0.12345678901234567890',
    ];
    await scene.put('a.ndjson', lines.join('\n'));
    const files = { format: 'json', match: '*.ndjson' } as const;
    const types = { x: 'BIGNUMERIC(38,20)', s: 'STRING' };
    const { summary } = await scene.load('docs', { files, columns: { types } });
    expect(summary.rows).toMatchObject({ inserted: 4, quarantined: 2 });
    const found = await scene.query('SELECT x::VARCHAR AS x, s, f, o, t FROM acme_raw.docs ORDER BY id');
    const none = { s: null, f: null, o: null, t: null };
    expect(found).toEqual([
      { ...none, x: '0.12345678901234567890', s: '1.1234567890123456789', f: 0.12345678901234568 },
      { ...none, x: '-123456789012345678.12345678900000000000', o: '{"x":0.12345678901234568}' },
      { ...none, x: '1234.56789012345678910000', t: '"x":1.12345678901234567890' },
      { ...none, x: '100.00000000000000000000', s: 'a 1.12345678901234567890' },
    ]);
    const rows = await scene.query('SELECT row FROM acme_tributary._quarantine');
    expect(JSON.stringify(rows)).toContain('0.12345678901234567890');
  });

  test('masks are those of every source, and no line shows a value', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    await scene.put('a.csv', 'id,mail,phone\n1,a@b.c,123\n2,x@y.z\n');
    await scene.load('people', { files: csv(), columns: { mask: { mail: 'hmac-sha256', phone: 'redact' } } });
    const { createHmac } = await import('node:crypto');
    const mail = createHmac('sha256', MASK_KEY).update('a@b.c').digest('hex');
    expect(await scene.query('SELECT id, mail, phone FROM acme_raw.people')).toEqual([{ id: '1', mail, phone: '***' }]);
    expect(JSON.stringify(await scene.query('SELECT row FROM acme_tributary._quarantine'))).not.toContain('x@y.z');
  });

  test('folders become columns, and a young object waits', { timeout: 60_000 }, async () => {
    await using scene = await FilesScene.make(server);
    await scene.put('s/year=2026/month=01/a.csv', 'id\n1\n');
    await scene.put('s/year=2025/month=12/b.csv', 'id\n2\n');
    const files = { prefix: 's/', ...csv('**/*.csv'), hive: true, settleFor: '1h' } as const;
    const early = await scene.run('parts', { files });
    expect(early.problem?.code).toBe('FILES_NONE');
    const later = () => Date.now() + 7_200_000;
    await scene.load('parts', { files }, { now: later });
    expect(await scene.query('SELECT id, year, month FROM acme_raw.parts ORDER BY id')).toEqual([
      { id: '1', year: '2026', month: '01' },
      { id: '2', year: '2025', month: '12' },
    ]);
  });
});
