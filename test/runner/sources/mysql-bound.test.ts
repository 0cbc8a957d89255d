import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { UpperBound } from '../../../runner/core/contracts/source.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { columnsOf, forever, readAll } from '../../contracts/source-reading.ts';
import { type MysqlServer, startMysql } from '../../servers/mysql.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { type Opening, openAt } from './mysql-opened.ts';

describeWith(['mariadb'], 'MySQL: bounds', () => {
  let server: MysqlServer;
  let client: Connection;
  let writer: Connection;
  const object = { table: 'events' };

  beforeAll(async () => {
    server = await startMysql({ zone: 'Europe/Berlin' });
    client = await server.client();
    writer = await server.client();
    for (const one of [client, writer]) await one.query("SET time_zone = '+00:00'");
    await client.query(
      `CREATE USER blind@'127.0.0.1' IDENTIFIED BY 'blind'; GRANT SELECT ON src.* TO blind@'127.0.0.1'`,
    );
  });

  beforeEach(async () => {
    await client.query(`DROP TABLE IF EXISTS events;
      CREATE TABLE events (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, at timestamp(6) NOT NULL DEFAULT now(6),
        local datetime, day date, note text)`);
  });

  afterAll(async () => {
    await writer?.end();
    await client?.end();
    await server?.stop();
  });

  const boundOf = async (cursor: string, opening: Opening = {}): Promise<UpperBound> => {
    await using source = openAt(server, { waitMs: 600, ...opening });
    const { snapshot, bound } = await source.open({ object, cursor }, forever);
    await using _ = snapshot;
    return bound as UpperBound;
  };
  const refused = (cursor: string, opening: Opening = {}) =>
    boundOf(cursor, opening).then(
      () => 'none',
      (error) => problemOf(error).code,
    );
  const now = async () =>
    (
      (await client.query('SELECT DATE_FORMAT(now(6), "%Y-%m-%d %H:%i:%s.%f") AS t')) as unknown as [[{ t: string }]]
    )[0][0].t;
  const blind: Opening = { connection: { user: 'blind' }, password: 'blind' };

  it('is the clock where nobody writes', async () => {
    const before = await now();
    const { to, proof } = await boundOf('at');
    expect(proof).toBe('writers');
    expect(to > before && to < `${await now()}+00`).toBe(true);
  });

  it('stays before a transaction that wrote and is open, whatever its rows say later', async () => {
    await writer.query("BEGIN; INSERT INTO events (note) VALUES ('first')");
    const [[row]] = (await writer.query(
      'SELECT DATE_FORMAT(at, "%Y-%m-%d %H:%i:%s.%f") AS at FROM events',
    )) as unknown as [[{ at: string }]];
    const { to, proof, reason } = await boundOf('at', { lag: '1s' });
    expect(proof).toBe('writers');
    expect(to < row.at).toBe(true);
    expect(reason).toMatch(/^connection \d+ has been writing/);
    await writer.query('COMMIT');
    expect((await boundOf('at')).to > row.at).toBe(true);
  });

  it('stays before a statement that began and has no row yet', async () => {
    const began = await now();
    const running = writer.query('INSERT INTO events (note) SELECT SLEEP(3) FROM (SELECT 1) x');
    await sleep(300);
    expect((await boundOf('at', { lag: '1s' })).to < began).toBe(true);
    await running;
  });

  it('is not held back by who only reads, nor by who is idle and changed nothing', async () => {
    await writer.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
    await writer.query('SELECT * FROM events');
    const before = await now();
    expect((await boundOf('at')).to > before).toBe(true);
    expect((await boundOf('id')).proof).toBe('writers');
    await writer.query('COMMIT');
  });

  it('stays before a prepared transaction, whose connection may be gone', async () => {
    const gone = await server.client();
    const before = await now();
    await gone.query("XA START 'x'");
    await gone.query("INSERT INTO events (note) VALUES ('prepared')");
    await gone.query("XA END 'x'");
    await gone.query("XA PREPARE 'x'");
    await gone.end();
    await sleep(300);
    expect((await boundOf('at', { lag: '1s' })).to < before).toBe(true);
    expect(await refused('id')).toBe('SOURCE_BOUND_HELD');
    await client.query("XA COMMIT 'x'");
    expect((await boundOf('id')).to).toBe('2');
  });

  it('of integers waits for who may have a lower one', async () => {
    expect((await boundOf('id')).to).toBe('-9223372036854775808');
    await writer.query("BEGIN; INSERT INTO events (note) VALUES ('low')");
    await client.query("INSERT INTO events (note) VALUES ('high')");
    expect(await refused('id')).toBe('SOURCE_BOUND_HELD');
    const waiting = boundOf('id', { waitMs: 20_000 });
    await sleep(500);
    await writer.query('COMMIT');
    expect(await waiting).toMatchObject({ to: '3', proof: 'writers' });
  });

  it('keeps the lag where others cannot be seen', async () => {
    await client.query("INSERT INTO events (note) VALUES ('one')");
    const { to, proof, reason } = await boundOf('at', { ...blind, lag: '30s' });
    expect(proof).toBe('lag');
    expect(reason).toContain('GRANT PROCESS');
    const behind = (Date.now() - Date.parse(to)) / 1000;
    expect(Math.round(behind / 10)).toBe(3);
    const asked = Date.now();
    expect(await boundOf('id', { ...blind, lag: '1s' })).toMatchObject({
      to: '2',
      proof: 'lag',
      reason: expect.stringContaining('1 s ago'),
    });
    expect(Date.now() - asked).toBeGreaterThanOrEqual(999);
  });

  it('of a column without zone is the local time of the server, cut to its digits', async () => {
    const [[row]] = (await client.query(
      "SELECT DATE_FORMAT(CONVERT_TZ(now(), '+00:00', 'SYSTEM'), '%Y-%m-%d %H:%i') AS t",
    )) as unknown as [[{ t: string }]];
    const { to, reason } = await boundOf('local');
    expect(to).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    expect(Math.abs(Date.parse(`${to}Z`) - Date.parse(`${row.t}:30Z`))).toBeLessThan(120_000);
    expect(reason).toContain('writers in other zones are not covered');
    expect((await boundOf('day')).to).toMatch(/^\d{4}-\d\d-\d\d$/);
  });

  it('refuses a column that does not grow', async () => {
    expect(await refused('note')).toBe('SOURCE_CURSOR_UNSUITABLE');
    expect(await refused('nothing')).toBe('SOURCE_CURSOR_UNSUITABLE');
  });

  it.each(['at', 'id'])('loses no row and doubles none by %s while others write', async (cursor) => {
    let writing = true;
    let written = 0;
    const write = async (turn: number) => {
      const one = await server.client();
      await one.query("SET time_zone = '+00:00'");
      for (let i = 0; writing; i++) {
        await one.query('BEGIN');
        for (let row = 0; row <= i % 3; row++) {
          await one.query('INSERT INTO events (note) VALUES (?)', [`${turn}/${i}/${row}`]);
          await sleep((turn * 7 + i * 3) % 25);
        }
        if (i % 5 === 4) await one.query('ROLLBACK');
        else {
          await one.query('COMMIT');
          written += 1 + (i % 3);
        }
      }
      await one.end();
    };
    const writers = [0, 1, 2, 3].map(write);
    await using source = openAt(server, { waitMs: 20_000, lag: '1s' });
    const columns = await columnsOf(source, object, ['id']);
    const seen: string[] = [];
    let from: string | null = null;
    const window = async () => {
      const { snapshot, bound } = await source.open({ object, cursor }, forever);
      await using _ = snapshot;
      const to = bound?.to ?? '';
      const { rows } = await readAll(snapshot, object, { columns, window: { column: cursor, from, to } });
      seen.push(...rows.map(([id]) => String(id)));
      from = to;
    };
    for (let i = 0; i < 5; i++) await window();
    writing = false;
    await Promise.all(writers);
    await sleep(1100);
    await window();
    const [theirs] = await client.query('SELECT id FROM events ORDER BY id');
    const ids = (theirs as { id: number }[]).map(({ id }) => String(id));
    expect(ids).toHaveLength(written);
    expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(ids);
  });
});
