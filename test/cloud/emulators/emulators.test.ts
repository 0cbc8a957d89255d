import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BigqueryServer, startBigquery } from '../../servers/bigquery.ts';
import { type StorageServer, startStorage } from '../../servers/storage.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { rest } from './rest.ts';

describeWith(['emulators'], 'emulators', () => {
  let storage: StorageServer;
  let bigquery: BigqueryServer;
  let api: ReturnType<typeof rest>;

  beforeAll(async () => {
    storage = await startStorage();
    bigquery = await startBigquery({ storage: storage.host });
    api = rest(bigquery.host, 'one');
    await api.query('CREATE SCHEMA d');
  });
  afterAll(async () => {
    await bigquery?.stop();
    await storage?.stop();
  });

  test('projects know nothing of each other', async () => {
    await api.query('CREATE TABLE d.alone AS SELECT 1 AS a');
    const other = rest(bigquery.host, 'two');
    await other.query('CREATE SCHEMA d');
    expect(await other.query('SELECT * FROM d.alone')).toContain('notFound');
    expect((await other.call('GET', 'datasets/d/tables')).body.tables).toEqual([]);
  });

  test('MERGE, TRUNCATE, counts and @@row_count inside of a transaction', async () => {
    await api.query(`CREATE TABLE d.t (a INT64, b STRING); INSERT d.t VALUES (1, 'x'), (2, 'y')`);
    const counts = await api.query(`DECLARE before, changed, removed INT64; BEGIN TRANSACTION;
      SET before = (SELECT COUNT(*) FROM d.t);
      MERGE d.t t USING (SELECT 2 AS a, 'z' AS b UNION ALL SELECT 3, 'n') s ON t.a = s.a
        WHEN MATCHED THEN UPDATE SET b = s.b WHEN NOT MATCHED THEN INSERT (a, b) VALUES (s.a, s.b);
      SET changed = @@row_count; DELETE FROM d.t WHERE a = 1; SET removed = @@row_count;
      COMMIT TRANSACTION; SELECT before, changed, removed, (SELECT COUNT(*) FROM d.t);`);
    expect(counts).toEqual([['2', '2', '1', '2']]);
    expect((await api.call('GET', 'datasets/d/tables/t')).body.numRows).toBe('2');
  });

  test('an error in a script rolls back and says where, as BigQuery does', async () => {
    await api.query('CREATE TABLE d.kept AS SELECT 1 AS a');
    const failed = await api.query(`BEGIN TRANSACTION;\nDELETE FROM d.kept WHERE TRUE;\nRAISE USING MESSAGE = 'NO';`);
    expect(failed).toMatch(/^invalidQuery: Query error: NO at \[3:\d+\]$/);
    expect(await api.query('SELECT a FROM d.kept')).toEqual([['1']]);
  });

  test('two transactions that change one table: one is aborted in the words of BigQuery', async () => {
    await api.query('CREATE TABLE d.state AS SELECT 1 AS n');
    const slow = `DECLARE i INT64 DEFAULT 0; BEGIN TRANSACTION; UPDATE d.state SET n = n + 1 WHERE TRUE;
      WHILE i < 60 DO SET i = i + 1; END WHILE; COMMIT TRANSACTION; SELECT 'done'`;
    const both = await Promise.all([api.query(slow), api.query(slow)]);
    expect(both.filter((one) => typeof one !== 'string')).toEqual([[['done']]]);
    expect(both.find((one) => typeof one === 'string')).toMatch(
      /Query error: Transaction is aborted due to concurrent update against table one:d\.state\. Transaction ID: /,
    );
    expect(await api.query('SELECT n FROM d.state')).toEqual([['2']]);
  });

  test('what BigQuery refuses is refused', async () => {
    await api.query('CREATE TABLE d.r AS SELECT 1 AS a, DATE "2026-01-01" AS day');
    const inside = await api.query('BEGIN TRANSACTION; CREATE TABLE d.no (a INT64); COMMIT TRANSACTION');
    expect(inside).toContain('not supported in a transaction');
    expect(await api.query('ALTER TABLE d.r ALTER COLUMN day SET DATA TYPE TIMESTAMP')).toContain('assignable');
    expect(await api.query('SELECT * FROM d.r', { maximumBytesBilled: '1' })).toMatch(/^bytesBilledLimitExceeded: /);
    expect(await api.query('SELECT nothing FROM d.r')).toContain('Unrecognized name: nothing');
  });

  test('a view over a wildcard follows new tables', async () => {
    await api.query('CREATE TABLE d._state_a AS SELECT 1 AS n');
    await api.query('CREATE VIEW d.states AS SELECT n FROM `one.d._state_*`');
    await api.query('CREATE TABLE d._state_b AS SELECT 2 AS n');
    expect(await api.query('SELECT n FROM d.states ORDER BY n')).toEqual([['1'], ['2']]);
  });

  test('the last SELECT is the result of a script; DML after it does not hide it', async () => {
    expect(await api.query('SELECT 7; CREATE TEMP TABLE x (a INT64); INSERT x VALUES (1)')).toEqual([['7']]);
  });

  test('a load keeps the schema it was given, and its id runs once', async () => {
    const bucket = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"stage"}' };
    await fetch(`${storage.host}/storage/v1/b?project=one`, bucket);
    const put = (name: string, body: string) =>
      fetch(`${storage.host}/upload/storage/v1/b/stage/o?uploadType=media&name=${name}`, { method: 'POST', body });
    await put('a', '{"id": 1, "at": "2026-01-02T03:04:05.123456Z"}\n');
    await put('b', '{"id": 2}\n');
    const load = (uris: readonly string[], more: object = {}) => ({
      load: {
        sourceUris: uris,
        sourceFormat: 'NEWLINE_DELIMITED_JSON',
        writeDisposition: 'WRITE_EMPTY',
        destinationTable: { projectId: 'one', datasetId: 'd', tableId: 'loaded' },
        schema: {
          fields: [
            { name: 'id', type: 'INTEGER', mode: 'REQUIRED' },
            { name: 'at', type: 'TIMESTAMP' },
          ],
        },
        ...more,
      },
    });
    const [first, second] = await Promise.all(
      [0, 1].map(() => api.insert('load-1', load(['gs://stage/a', 'gs://stage/b']))),
    );
    expect([first?.status, second?.status].sort()).toEqual([200, 409]);
    const done = await api.wait('load-1');
    expect(done.body.statistics.load).toMatchObject({ outputRows: '2', inputFiles: '2' });
    const { fields } = (await api.call('GET', 'datasets/d/tables/loaded')).body.schema;
    expect(fields).toMatchObject([{ type: 'INTEGER', mode: 'REQUIRED' }, { type: 'TIMESTAMP' }]);
    await api.insert('load-2', load(['gs://stage/a']));
    expect((await api.wait('load-2')).body.status.errorResult.reason).toBe('duplicate');
    await api.insert('load-3', load(['gs://stage/none'], { writeDisposition: 'WRITE_APPEND' }));
    expect((await api.wait('load-3')).body.status.errorResult).toMatchObject({
      reason: 'notFound',
      message: expect.stringContaining('gs://stage/none'),
    });
  });

  test('eight clients at once', async () => {
    await api.query('CREATE TABLE d.many (n INT64)');
    const clients = Array.from({ length: 8 }, (_, n) => api.query(`INSERT d.many VALUES (${n})`));
    expect((await Promise.all(clients)).filter((one) => typeof one === 'string')).toEqual([]);
    expect(await api.query('SELECT COUNT(*) FROM d.many')).toEqual([['8']]);
  });

  test('servers end with the process that started them, even if it is killed', async () => {
    const script = `const { startStorage } = await import(${JSON.stringify(`${import.meta.dirname}/../../servers/storage.ts`)});
      const { pid, folder } = await startStorage(); console.log(pid, folder); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((done) => child.stdout.once('data', (text) => done(`${text}`)));
    const [pid = '', folder = ''] = line.trim().split(' ');
    expect(alive(Number(pid))).toBe(true);
    child.kill('SIGKILL');
    for (let tries = 0; tries < 200 && (alive(Number(pid)) || existsSync(folder)); tries++) await sleep(25);
    expect([alive(Number(pid)), existsSync(folder)]).toEqual([false, false]);
  });
});

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
