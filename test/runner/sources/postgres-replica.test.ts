/** Reading from a hot standby: in step, behind, cut off, and cancelled by its replay. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BatchChannel } from '../../../runner/core/channel.ts';
import type { Check, Source, UpperBound } from '../../../runner/core/contracts/source.ts';
import { problemOf, TributaryError } from '../../../runner/core/errors.ts';
import { batchLayout } from '../../../runner/core/vectors.ts';
import { openPostgres } from '../../../runner/sources/postgres/index.ts';
import { drain } from '../../contracts/drain.ts';
import { columnsOf, forever, readAll } from '../../contracts/source-reading.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { Loading } from '../pipeline/loading.ts';

interface Opening {
  readonly lag?: string;
  readonly waitMs?: number;
  readonly user?: string;
}

describe('PostgreSQL: replicas', () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  let writer: pg.Client;
  let admin: pg.Client;
  const object = { table: 'events' };

  beforeAll(async () => {
    primary = await startPostgres();
    writer = await primary.client();
    await writer.query(`CREATE TABLE marks (n serial); CREATE ROLE guest LOGIN PASSWORD 'guest'; GRANT pg_read_all_data TO guest;
      CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF NEW.note = ''slow'' THEN PERFORM pg_sleep(1.5); END IF; RETURN NEW; END'`);
    // Asks for a sign of life every second, where nothing comes.
    const settings = { wal_receiver_timeout: '2s', max_standby_streaming_delay: '500ms', hot_standby_feedback: 'off' };
    standby = await startPostgres({ standbyOf: primary, settings });
    admin = await standby.client();
  });
  afterAll(async () => {
    for (const one of [admin, writer]) await one?.end();
    await standby?.stop();
    await primary?.stop();
  });

  /** Until all that was written so far is here. */
  const arrived = async () => {
    const { rows } = await writer.query('INSERT INTO marks DEFAULT VALUES RETURNING n');
    const here = async () => (await admin.query('SELECT FROM marks WHERE n = $1', [rows[0].n])).rowCount === 1;
    await expect.poll(here, { timeout: 20_000, interval: 20 }).toBe(true);
  };
  const pause = () => admin.query('SELECT pg_wal_replay_pause()');
  const resume = () => admin.query('SELECT pg_wal_replay_resume()');

  beforeEach(async () => {
    await writer.query(`DROP TABLE IF EXISTS events;
      CREATE TABLE events (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), note text);
      CREATE TRIGGER slowly BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION slowly()`);
    await arrived();
  });
  afterEach(resume);

  const open = ({ lag = '1s', waitMs = 300, user = standby.user }: Opening = {}): Source => {
    const { host, port, database, password } = standby;
    const load = { strategy: 'transactional', mode: 'append', cursor: 'id', lag };
    const connection = { kind: 'postgres', host, port, database, user, tls: 'disable', secret: 'main' } as const;
    const secrets = { get: async () => (user === 'guest' ? 'guest' : password) };
    return openPostgres({ tenant: 'acme', name: 'main', connection, source: { load } as never, secrets }, { waitMs });
  };
  const boundOf = async (cursor: string, opening: Opening = {}): Promise<UpperBound> => {
    await using source = open(opening);
    const { snapshot, bound } = await source.open({ object, cursor }, forever);
    await using _ = snapshot;
    return bound as UpperBound;
  };
  const refused = (cursor: string, opening: Opening = {}) =>
    boundOf(cursor, opening).then(
      () => 'none',
      (error) => problemOf(error).code,
    );
  const replicaStep = async (): Promise<Check | undefined> => {
    await using source = open();
    for await (const step of source.check({}, forever)) if (step.id === 'replica') return step;
    return undefined;
  };
  const write = async (note = 'quick'): Promise<string> =>
    (
      await writer.query(
        `INSERT INTO events (note) VALUES ('${note}') RETURNING to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00') AS at`,
      )
    ).rows[0].at;

  it('several readers share a snapshot of it, in whole runs', async () => {
    await writer.query(`INSERT INTO events (note) SELECT 'n' || i FROM generate_series(1, 20000) i`);
    await arrived();
    await using loading = new Loading(standby);
    const { summary } = await loading.load('events', { table: 'events', execution: { readers: 3 } });
    expect(summary.rows).toMatchObject({ extracted: 20_000, loaded: 20_000 });
    expect(await loading.query('SELECT count(DISTINCT id)::INT AS n FROM acme_raw.events')).toEqual([{ n: 20_000 }]);
  });

  it('ends a window the lag before what it has, also while nothing is written', async () => {
    const at = await write();
    await arrived();
    const { to, proof, reason } = await boundOf('at', { lag: '30s' });
    expect(proof).toBe('lag');
    expect(reason).toContain('does not show who writes');
    expect((Date.parse(at) - Date.parse(to)) / 1000).toBeCloseTo(30, -1);
    expect(to < at).toBe(true);
    await expect.poll(async () => (await boundOf('at')).to > at, { timeout: 10_000 }).toBe(true);
  });

  it('whose replay is paused says how far behind, and ends windows before what it has not', async () => {
    await pause();
    const at = await write();
    await sleep(2500);
    expect((await replicaStep())?.found).toMatch(/^replica, [2-5] s behind; hot_standby/);
    expect((await boundOf('at')).to < at).toBe(true);
    await resume();
    await arrived();
    expect((await replicaStep())?.found).toMatch(/^replica, 0 s behind; hot_standby/);
    await expect.poll(async () => (await boundOf('at')).to > at, { timeout: 10_000 }).toBe(true);
  });

  it('that nothing is streamed to says so, and stands still', async () => {
    const { rows } = await admin.query(`SELECT current_setting('primary_conninfo') AS conninfo`);
    const follow = (conninfo: string) =>
      admin
        .query(`ALTER SYSTEM SET primary_conninfo = '${conninfo.replaceAll("'", "''")}'`)
        .then(() => admin.query('SELECT pg_reload_conf()'));
    await follow('');
    await expect.poll(async () => (await replicaStep())?.found).toMatch(/ s behind, nothing is streamed to it/);
    const at = await write();
    await sleep(1500);
    expect((await boundOf('at')).to < at).toBe(true);
    await follow(rows[0].conninfo);
    await arrived();
    expect((await replicaStep())?.found).not.toContain('nothing is streamed');
  });

  it.each(['postgres', 'guest'])(
    'of integers waits for a value that was drawn and not written (as %s)',
    async (user) => {
      await write();
      const slow = await primary.client();
      const late = slow.query("INSERT INTO events (note) VALUES ('slow')");
      await sleep(300);
      await write();
      await arrived();
      await using source = open({ user, lag: '3s' });
      const columns = await columnsOf(source, object, ['id']);
      const { snapshot, bound } = await source.open({ object, cursor: 'id' }, forever);
      await using _ = snapshot;
      expect(bound).toMatchObject({ to: '4', proof: 'lag' });
      const window = { column: 'id', from: null, to: bound?.to ?? '' };
      expect((await readAll(snapshot, object, { columns, window })).rows).toEqual([['1'], ['2'], ['3']]);
      await late;
      await slow.end();
    },
  );

  it('of integers refuses where it does not come', async () => {
    await write();
    await arrived();
    const asked = refused('id', { lag: '2s' });
    await sleep(500);
    await pause();
    await write();
    expect(await asked).toBe('SOURCE_BOUND_HELD');
    await resume();
    await arrived();
    expect(await refused('id')).toBe('none');
  });

  it('that cancels a read says why, and can be read again', async () => {
    await writer.query(`INSERT INTO events (note) SELECT repeat('n', 500) FROM generate_series(1, 20000)`);
    await arrived();
    await using source = open();
    const columns = await columnsOf(source, object);
    const { snapshot } = await source.open({ object }, forever);
    await using _ = snapshot;
    await writer.query('DELETE FROM events WHERE id > 1');
    await writer.query('VACUUM events');
    await sleep(2500);
    const problem = await readAll(snapshot, object, { columns }).then(
      () => null,
      (error) => problemOf(error),
    );
    expect(problem).toMatchObject({ code: 'SOURCE_REPLICA_CONFLICT', retryable: true });
    await expect(snapshot.estimate(object, null)).rejects.toMatchObject({
      problem: { code: 'SOURCE_REPLICA_CONFLICT' },
    });
    await using loading = new Loading(standby);
    expect((await loading.load('events', { table: 'events' })).summary.rows.loaded).toBe(1);
  });

  it('that cancels a read under way ends it the same way', async () => {
    await writer.query(`INSERT INTO events (note) SELECT repeat(md5(i::text), 300) FROM generate_series(1, 6000) i`);
    await arrived();
    await using source = open();
    const columns = await columnsOf(source, object);
    const { snapshot } = await source.open({ object }, forever);
    await using _ = snapshot;
    const channel = new BatchChannel(1);
    const layout = batchLayout(snapshot.vectors(columns));
    const spec = { object, columns, window: null, nullCursors: false, layout, maxRejected: 0 };
    const reading = snapshot.read(spec, channel.outlets, forever).then(
      () => null,
      (error) => problemOf(error),
    );
    await expect.poll(() => channel.progress.bytes, { timeout: 10_000, interval: 5 }).toBeGreaterThan(0);
    await writer.query('DELETE FROM events WHERE id > 1');
    await writer.query('VACUUM events');
    await sleep(2000);
    const drained = drain(channel.inlet);
    expect(await reading).toMatchObject({ code: 'SOURCE_REPLICA_CONFLICT', retryable: true });
    channel.stop();
    expect((await drained).rows).toBeLessThan(6000);
  });

  it.each(['at', 'id'])('loses no row and doubles none by %s while it stalls', async (cursor) => {
    let writing = true;
    let written = 0;
    const writeOn = async (turn: number) => {
      const one = await primary.client();
      for (let i = 0; writing; i++) {
        await one.query('BEGIN');
        for (let row = 0; row <= i % 3; row++) {
          await one.query('INSERT INTO events (note) VALUES ($1)', [`${turn}/${i}/${row}`]);
          await sleep((turn * 7 + i * 3) % 25);
        }
        await one.query('COMMIT');
        written += 1 + (i % 3);
      }
      await one.end();
    };
    const stall = async () => {
      while (writing) {
        await pause();
        await sleep(900);
        await resume();
        await sleep(700);
      }
    };
    const busy = [...[0, 1, 2].map(writeOn), stall()];
    await using source = open({ waitMs: 5000 });
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
    for (const end = Date.now() + 8000; Date.now() < end; )
      await window().catch((error) => {
        if (!TributaryError.is(error) || !error.problem.retryable) throw error;
      });
    writing = false;
    await Promise.all(busy);
    await arrived();
    await sleep(4000);
    await window();
    const ids = (await writer.query('SELECT id::text FROM events ORDER BY events.id')).rows.map(({ id }) => id);
    expect(ids).toHaveLength(written);
    expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(ids);
  });
});
