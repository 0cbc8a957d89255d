/** Reading from a replica that is late, delayed, stopped or broken. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Check, UpperBound } from '../../../runner/core/contracts/source.ts';
import { problemOf, TributaryError } from '../../../runner/core/errors.ts';
import { columnsOf, forever, readAll } from '../../contracts/source-reading.ts';
import { brand, type MysqlServer, startMysql } from '../../servers/mysql.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { checksOf, type Opening, openAt } from './mysql-opened.ts';

describeWith(['mariadb'], 'MySQL: replicas', () => {
  let primary: MysqlServer;
  let replica: MysqlServer;
  let writer: Connection;
  /** Two sessions at the replica. */
  let admin: Connection;
  let holder: Connection;
  let marks = 0;
  const object = { table: 'events' };

  beforeAll(async () => {
    primary = await startMysql({ primary: true });
    writer = await primary.client();
    await writer.query(`SET time_zone = '+00:00'; CREATE TABLE gate (n int); INSERT INTO gate VALUES (0);
      CREATE TABLE marks (n int PRIMARY KEY)`);
    replica = await startMysql({ replicaOf: [primary] });
    admin = await replica.client();
    holder = await replica.client();
    for (const name of ['blind', 'looker'])
      await admin.query(
        `CREATE USER ${name}@'127.0.0.1' IDENTIFIED BY '${name}'; GRANT SELECT ON src.* TO ${name}@'127.0.0.1'`,
      );
    await admin.query("GRANT PROCESS ON *.* TO looker@'127.0.0.1'");
  });

  afterAll(async () => {
    for (const one of [holder, admin, writer]) await one?.end();
    await replica?.stop();
    await primary?.stop();
  });

  /** Until all that was written so far is here. */
  const arrived = async () => {
    marks += 1;
    await writer.query('INSERT INTO marks VALUES (?)', [marks]);
    for (const end = Date.now() + 20_000; Date.now() < end; await sleep(20)) {
      // The table itself may not be here yet.
      const [found] = await admin.query('SELECT n FROM src.marks WHERE n = ?', [marks]).catch(() => [[]]);
      if ((found as unknown[]).length > 0) return;
    }
    throw new Error('the replica does not follow');
  };

  beforeEach(async () => {
    await writer.query(`DROP TABLE IF EXISTS events; CREATE TABLE events
      (id bigint AUTO_INCREMENT PRIMARY KEY, at timestamp(6) NOT NULL DEFAULT now(6), note text)`);
    await arrived();
  });

  afterEach(async () => {
    await release();
    await replication('START SLAVE');
  });

  /** Whatever is written from now on waits at the replica until `release()`. */
  const hold = async () => {
    await holder.query('BEGIN; SELECT * FROM gate FOR UPDATE');
    await writer.query('UPDATE gate SET n = n + 1');
  };
  const release = () => holder.query('COMMIT');
  const replication = (what: string, which = '') =>
    admin.query(`${what.replace('SLAVE', brand === 'MySQL' ? 'REPLICA' : 'SLAVE')}${which}`);

  const boundOf = async (cursor: string, opening: Opening = {}): Promise<UpperBound> => {
    await using source = openAt(replica, { waitMs: 300, lag: '1s', ...opening });
    const { snapshot, bound } = await source.open({ object, cursor }, forever);
    await using _ = snapshot;
    return bound as UpperBound;
  };
  const refused = (cursor: string) =>
    boundOf(cursor).then(
      () => 'none',
      (error) => problemOf(error).code,
    );
  const replicaStep = async (opening: Opening = {}, at = replica): Promise<Check | undefined> => {
    await using source = openAt(at, opening);
    return (await checksOf(source)).find(({ id }) => id === 'replica');
  };
  const inStep = (at: MysqlServer) =>
    expect.poll(async () => (await replicaStep({}, at))?.found, { timeout: 10_000 }).toBe('replica, 0 s behind');
  const write = async (): Promise<string> => {
    await writer.query("INSERT INTO events (note) VALUES ('one')");
    const [[row]] = (await writer.query(
      'SELECT DATE_FORMAT(MAX(at), "%Y-%m-%d %H:%i:%s.%f+00") AS at FROM events',
    )) as unknown as [[{ at: string }]];
    return row.at;
  };
  const ago = (moment: string) => (Date.now() - Date.parse(moment)) / 1000;

  it('in step, ends a window the lag before the clock', async () => {
    await inStep(replica);
    expect((await replicaStep())?.status).toBe('pass');
    const before = Date.now();
    const { to, proof, reason } = await boundOf('at', { lag: '30s' });
    const clock = Date.parse(to) + 31_000;
    expect(proof).toBe('lag');
    expect(reason).toContain('a replica (0 s behind) does not show who writes');
    expect(clock).toBeGreaterThan(before - 1000);
    expect(clock).toBeLessThan(Date.now() + 1000);
    expect(await replicaStep({}, primary)).toMatchObject({ status: 'pass', found: 'follows no other server' });
  });

  it('late, says how far, and ends a window before what it has not', async () => {
    await hold();
    const at = await write();
    await sleep(2500);
    expect(await replicaStep()).toMatchObject({
      status: 'pass',
      found: expect.stringMatching(/^replica, [2-4] s behind$/),
    });
    const late = await boundOf('at');
    expect(late.to < at).toBe(true);
    expect(ago(late.to)).toBeGreaterThan(3.5);
    expect(await refused('id')).toBe('SOURCE_BOUND_HELD');
    await release();
    await arrived();
    let { to } = await boundOf('at');
    for (const end = Date.now() + 10_000; to <= at && Date.now() < end; { to } = await boundOf('at')) await sleep(200);
    expect(to > at).toBe(true);
  });

  it('far behind, warns', async () => {
    await holder.query('BEGIN; SELECT * FROM gate FOR UPDATE');
    await writer.query('SET timestamp = UNIX_TIMESTAMP() - 3600; UPDATE gate SET n = n + 1; SET timestamp = DEFAULT');
    await sleep(1000);
    const step = await replicaStep();
    expect(step?.found).toMatch(/^replica, 36\d\d s behind$/);
    expect(step).toMatchObject({ status: 'warn', problem: { code: 'SOURCE_LAG' } });
    expect(ago((await boundOf('at')).to)).toBeGreaterThan(3600);
    await release();
    await arrived();
  });

  it('delayed on purpose, ends a window that much earlier', async () => {
    const delay = (seconds: number) =>
      admin.query(
        brand === 'MySQL'
          ? `STOP REPLICA SQL_THREAD; CHANGE REPLICATION SOURCE TO SOURCE_DELAY = ${seconds}; START REPLICA`
          : `STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = ${seconds}; START SLAVE`,
      );
    await delay(20);
    await sleep(300);
    const at = await write();
    expect((await replicaStep())?.found).toMatch(/^replica, 2\d s behind$/);
    const { to } = await boundOf('at');
    expect(to < at).toBe(true);
    expect(ago(to)).toBeGreaterThan(21);
    await delay(0);
    await arrived();
  });

  it.each(['SQL_THREAD', 'IO_THREAD'])('refuses windows while its %s is stopped', async (thread) => {
    await replication(`STOP SLAVE ${thread}`);
    const step = await replicaStep();
    expect(step).toMatchObject({
      status: 'warn',
      found: 'replica, stopped',
      problem: { code: 'SOURCE_REPLICA_STOPPED' },
    });
    expect(step?.problem?.detail).toContain(`${thread.replace('_THREAD', '')} thread: No`);
    expect(await refused('at')).toBe('SOURCE_REPLICA_STOPPED');
    expect(await refused('id')).toBe('SOURCE_REPLICA_STOPPED');
    await replication(`START SLAVE ${thread}`);
    await arrived();
    expect(await refused('at')).toBe('none');
  });

  it('broken by a row of its own, says the error and no value', async () => {
    await admin.query("INSERT INTO events (id, note) VALUES (1, 'a secret of theirs')");
    await write();
    await sleep(1500);
    const { problem } = (await replicaStep()) ?? {};
    expect(problem?.detail).toMatch(/SQL thread: No, error 1062\)/);
    expect(JSON.stringify(problem)).not.toContain('secret');
    await admin.query('DELETE FROM events WHERE id = 1');
    await replication('START SLAVE');
    await arrived();
  });

  it('of integers waits for what was written in the lag, and refuses where it does not come', async () => {
    const low = await primary.client();
    const open = async () => {
      await low.query("BEGIN; INSERT INTO events (note) VALUES ('low')");
      await writer.query("INSERT INTO events (note) VALUES ('high')");
      await arrived();
    };
    await open();
    const stopping = refused('id');
    await sleep(500);
    await replication('STOP SLAVE SQL_THREAD');
    await low.query('COMMIT');
    expect(await stopping).toBe('SOURCE_REPLICA_STOPPED');
    await replication('START SLAVE SQL_THREAD');
    await arrived();
    await open();
    const holding = refused('id');
    await sleep(500);
    await hold();
    await low.query('COMMIT');
    expect(await holding).toBe('SOURCE_BOUND_HELD');
    await release();
    await arrived();
    expect(await boundOf('id')).toMatchObject({ to: '5', proof: 'lag', reason: expect.stringContaining('1 s ago') });
    await low.end();
  });

  it('is recognized without the right to ask how far behind it is', async () => {
    const looker = { connection: { user: 'looker' }, password: 'looker' };
    const step = await replicaStep(looker);
    expect(step).toMatchObject({ status: 'warn', problem: { code: 'SOURCE_PERMISSION' } });
    expect(step?.problem?.fix).toMatch(/^GRANT REPLICA.* ON \*\.\* TO 'looker'/);
    expect(await boundOf('at', looker)).toMatchObject({
      proof: 'lag',
      reason: expect.stringContaining('does not say how far behind'),
    });
    const blind = { connection: { user: 'blind' }, password: 'blind' };
    expect((await boundOf('at', blind)).proof).toBe('lag');
    expect((await replicaStep(blind))?.status).toBe('pass');
    await admin.query('SET GLOBAL read_only = 1');
    expect((await replicaStep(blind))?.status).toBe('warn');
    await admin.query('SET GLOBAL read_only = 0');
  });

  it('that follows nobody and refuses writes is one of others that may write', async () => {
    await writer.query('SET GLOBAL read_only = 1');
    expect(await replicaStep({}, primary)).toMatchObject({ status: 'pass', found: expect.stringContaining('cluster') });
    await using source = openAt(primary, { lag: '5s' });
    const { snapshot, bound } = await source.open({ object, cursor: 'at' }, forever);
    await using _ = snapshot;
    expect(bound).toMatchObject({ proof: 'lag', reason: expect.stringContaining('6 s before the clock: a member') });
    await writer.query('SET GLOBAL read_only = 0');
  });

  it('of several servers is as late as the worst of them', async () => {
    await using second = await startMysql({ primary: true });
    await using both = await startMysql({ replicaOf: [primary, second] });
    const client = await both.client();
    const step = () => replicaStep({}, both);
    await inStep(both);
    for (const channel of ['c1', 'c2']) {
      const [stop, start] = ['STOP', 'START'].map((what) =>
        brand === 'MySQL' ? `${what} REPLICA FOR CHANNEL '${channel}'` : `${what} SLAVE '${channel}'`,
      ) as [string, string];
      await client.query(stop);
      expect((await step())?.problem?.code).toBe('SOURCE_REPLICA_STOPPED');
      await client.query(start);
    }
    await client.end();
  });

  it.each(['at', 'id'])('loses no row and doubles none by %s while it stalls', async (cursor) => {
    let writing = true;
    let written = 0;
    const writeOn = async (turn: number) => {
      const one = await primary.client();
      for (let i = 0; writing; i++) {
        await one.query('BEGIN');
        for (let row = 0; row <= i % 3; row++) {
          await one.query('INSERT INTO events (note) VALUES (?)', [`${turn}/${i}/${row}`]);
          await sleep((turn * 7 + i * 3) % 25);
        }
        await one.query('COMMIT');
        written += 1 + (i % 3);
      }
      await one.end();
    };
    const stall = async () => {
      while (writing) {
        await hold();
        await sleep(900);
        await release();
        await sleep(700);
      }
    };
    const busy = [...[0, 1, 2].map(writeOn), stall()];
    await using source = openAt(replica, { waitMs: 5000, lag: '1s' });
    const columns = await columnsOf(source, object, ['id']);
    const seen: string[] = [];
    let from: string | null = null;
    const window = async () => {
      const { snapshot, bound } = await source.open({ object, cursor }, forever);
      await using _ = snapshot;
      const to = bound?.to ?? '';
      // As strategies/window.ts has it.
      if (cursor === 'at' && from !== null && to < from) return;
      const { rows } = await readAll(snapshot, object, { columns, window: { column: cursor, from, to } });
      seen.push(...rows.map(([id]) => String(id)));
      from = to;
    };
    for (const end = Date.now() + 9000; Date.now() < end; )
      await window().catch((error) => {
        if (!TributaryError.is(error) || !error.problem.retryable) throw error;
      });
    writing = false;
    await Promise.all(busy);
    await arrived();
    await sleep(3000);
    await window();
    const [theirs] = await writer.query('SELECT id FROM events ORDER BY id');
    const ids = (theirs as { id: number }[]).map(({ id }) => String(id));
    expect(ids).toHaveLength(written);
    expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(ids);
  });
});
