/** What happens to a read when the server, the connection or the table goes, or the warehouse is slow. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BatchChannel } from '../../../runner/core/channel.ts';
import type { ReadSummary } from '../../../runner/core/contracts/source.ts';
import { type Problem, problemOf } from '../../../runner/core/errors.ts';
import { batchLayout } from '../../../runner/core/vectors.ts';
import { drain } from '../../contracts/drain.ts';
import { columnsOf, forever } from '../../contracts/source-reading.ts';
import { type MysqlServer, series, startMysql } from '../../servers/mysql.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { Loading } from '../pipeline/loading.ts';
import { openAt } from './mysql-opened.ts';

const ROWS = 3000;
const FILL = `CREATE TABLE long_rows (id int PRIMARY KEY, note longtext CHARACTER SET ascii);
  INSERT INTO long_rows SELECT seq, REPEAT(SHA2(seq, 256), 780) FROM ${series(1, ROWS)}`;

describeWith(['mariadb'], 'MySQL: faults', () => {
  let server: MysqlServer;
  let client: Connection;

  beforeAll(async () => {
    // A server that gives up on a reader after a second, unless the session says otherwise.
    server = await startMysql({ settings: { 'net-write-timeout': '1', 'wait-timeout': '2' } });
    client = await server.client();
    await client.query('SET SESSION wait_timeout = 1000');
    await client.query(FILL);
  });

  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  type Ended = { readonly summary: ReadSummary } | { readonly problem: Problem };

  /** Reads until rows flow, does `meanwhile` while nobody takes them, then takes them all. */
  const read = async (at: MysqlServer, meanwhile: () => Promise<unknown>): Promise<{ ended: Ended; rows: number }> => {
    await using source = openAt(at);
    const object = { table: 'long_rows' };
    const columns = await columnsOf(source, object);
    const { snapshot } = await source.open({ object }, forever);
    await using _ = snapshot;
    const channel = new BatchChannel(1);
    const layout = batchLayout(snapshot.vectors(columns));
    const spec = { object, columns, window: null, nullCursors: false, layout, maxRejected: 0 };
    const reading: Promise<Ended> = snapshot.read(spec, channel.outlets, forever).then(
      (summary) => ({ summary }),
      (error) => ({ problem: problemOf(error) }),
    );
    while (channel.progress.bytes === 0) await sleep(5);
    await meanwhile();
    const drained = drain(channel.inlet);
    const ended = await reading;
    // A reader that failed may have left the other end waiting.
    if ('problem' in ended) channel.stop();
    return { ended, rows: (await drained).rows };
  };

  it('a warehouse that is slow for longer than the server waits loses nothing', async () => {
    const { ended, rows } = await read(server, () => sleep(3000));
    expect(ended).toMatchObject({ summary: { extracted: ROWS } });
    expect(rows).toBe(ROWS);
  });

  it('a server that is killed in mid-read ends it as one that can be repeated', async () => {
    const other = await startMysql();
    const there = await other.client();
    await there.query(FILL);
    there.on('error', () => {});
    const { ended, rows } = await read(other, () => other.stop());
    expect(ended).toMatchObject({ problem: { code: 'SOURCE_DISCONNECTED', retryable: true } });
    expect(rows).toBeLessThan(ROWS);
  });

  it('a connection that is killed between plan and read ends the run, and nothing is committed', async () => {
    await using source = openAt(server);
    const { snapshot } = await source.open({ object: { table: 'long_rows' } }, forever);
    await using _ = snapshot;
    const [found] = await client.query(
      'SELECT id FROM information_schema.processlist WHERE user = "owner" AND id <> connection_id()',
    );
    for (const { id } of found as { id: number }[]) await client.query(`KILL CONNECTION ${id}`);
    const asked = snapshot.estimate({ table: 'long_rows' }, null);
    await expect(asked).rejects.toMatchObject({ problem: { code: 'SOURCE_DISCONNECTED', retryable: true } });
  });

  it('a table that is dropped or changed after the plan fails the read with nothing committed', async () => {
    await using loading = new Loading(server);
    await client.query('CREATE TABLE moving (id int PRIMARY KEY, n int); INSERT INTO moving VALUES (1, 1)');
    await loading.load('moving', { table: 'moving' });
    await client.query('ALTER TABLE moving MODIFY n varchar(20)');
    await client.query("UPDATE moving SET n = 'one'");
    const changed = await loading.run('moving', {
      table: 'moving',
      load: { strategy: 'transactional', mode: 'merge', key: ['id'], cursor: 'id' },
    });
    expect(changed.problem?.code).toMatch(/SCHEMA|STRATEGY|STATE|DESTINATION/);
    await client.query('DROP TABLE moving');
    expect((await loading.run('moving', { table: 'moving' })).problem?.code).toBe('SOURCE_OBJECT_MISSING');
    expect(await loading.query('SELECT id::INT AS id, n::INT AS n FROM acme_raw.moving')).toEqual([{ id: 1, n: 1 }]);
  });

  it('refuses what is no reading query, and writes nothing', async () => {
    await using source = openAt(server);
    const code = (query: string) =>
      source.describe({ query }, forever).then(
        () => 'none',
        (error) => problemOf(error).code,
      );
    await client.query('CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)');
    expect(await code('DELETE FROM kept')).toBe('SOURCE_QUERY_WRITES');
    expect(await code('-- a look\n/* at */ (UPDATE kept SET id = 2)')).toBe('SOURCE_QUERY_WRITES');
    expect(await code('SELECT 1; DROP TABLE kept')).toBe('SOURCE_QUERY_INVALID');
    expect(await code("SELECT * FROM kept INTO OUTFILE '/tmp/kept'")).toBe('SOURCE_QUERY_INVALID');
    expect(await code('SELECT nothing FROM kept')).toBe('SOURCE_COLUMN_MISSING');
    expect(await code('SELECT 1 AS a, 2 AS a')).toBe('SOURCE_QUERY_INVALID');
    expect(await code('SELECT * FROM nowhere')).toBe('SOURCE_OBJECT_MISSING');
    expect(await code('SELECT id FROM kept ORDER BY id; -- done')).toBe('SOURCE_QUERY_INVALID');
    expect(await code('SELECT id FROM kept -- done')).toBe('none');
    const [left] = await client.query('SELECT id FROM kept');
    expect(left).toEqual([{ id: 1 }]);
  });
});
