/** Pieces whose snapshot is gone, whose sessions land elsewhere, whose statements take too long. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReadSpec, Snapshot, Source } from '../../../runner/core/contracts/source.ts';
import { problemOf } from '../../../runner/core/errors.ts';
import { batchLayout } from '../../../runner/core/vectors.ts';
import { openPostgres } from '../../../runner/sources/postgres/index.ts';
import type { ConnectionOf } from '../../../tenants/schema/connection.ts';
import { columnsOf, forever, readAll } from '../../contracts/source-reading.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';

const object = { table: 'events' };

interface Balancer extends AsyncDisposable {
  readonly port: number;
  /** Where the next connections go. */
  to: PostgresServer;
}

async function startBalancer(first: PostgresServer): Promise<Balancer> {
  const open = new Set<Socket>();
  const balancer = { to: first };
  const server = createServer((near) => {
    const far = connect(balancer.to.port, '127.0.0.1');
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return Object.assign(balancer, {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  });
}

describe('PostgreSQL: pieces in trouble', { timeout: 60_000 }, () => {
  let primary: PostgresServer;
  let standby: PostgresServer;
  let writer: pg.Client;
  let replica: pg.Client;

  beforeAll(async () => {
    primary = await startPostgres();
    writer = await primary.client();
    await writer.query(`CREATE TABLE events (id int PRIMARY KEY, at timestamptz);
      INSERT INTO events SELECT g, timestamptz '2026-01-01' + g * interval '1 s' FROM generate_series(1, 1000) g;
      CREATE INDEX ON events (at); ANALYZE`);
    standby = await startPostgres({ standbyOf: primary });
    replica = await standby.client();
  }, 60_000);
  afterAll(async () => {
    for (const one of [replica, writer]) await one?.end();
    for (const one of [standby, primary]) await one?.stop();
  });

  function sourceAt(port: number, more: Partial<ConnectionOf<'postgres'>> = {}): Source {
    const { host, database, user, password } = primary;
    const connection = {
      kind: 'postgres',
      tls: 'disable',
      secret: 'main',
      host,
      port,
      database,
      user,
      ...more,
    } as const;
    const secrets = { get: async () => password };
    return openPostgres({ tenant: 'acme', name: 'main', connection, secrets }, { pieceRows: 100 });
  }

  async function specFor(source: Source, snapshot: Snapshot, to?: string): Promise<ReadSpec> {
    const columns = await columnsOf(source, object);
    const window = to === undefined ? null : { column: 'at', from: null, to };
    const layout = batchLayout(snapshot.vectors(columns));
    return { object, columns, window, nullCursors: false, layout, maxRejected: 0 };
  }

  const fails = (work: Promise<unknown> | undefined) =>
    (work ?? Promise.resolve()).then(
      () => null,
      (error) => problemOf(error),
    );

  it('is lost once the session with the snapshot has ended; a piece that had begun is read to its end', async () => {
    await using source = sourceAt(primary.port);
    const { snapshot } = await source.open({ object }, forever);
    const spec = await specFor(source, snapshot);
    const splits = (await snapshot.divide?.(spec, 2, forever)) ?? [];
    expect(splits).toHaveLength(2);
    await using begun = await source.openSplit?.(object, splits[0]?.task, forever);
    await writer.query('DELETE FROM events WHERE id % 10 = 0');
    await snapshot[Symbol.asyncDispose]();
    expect(await fails(source.openSplit?.(object, splits[1]?.task, forever))).toMatchObject({
      code: 'SPLIT_LOST',
      retryable: true,
      detail: expect.stringContaining('events'),
    });
    const { rows } = await readAll(begun as Snapshot, object, { columns: spec.columns });
    expect(rows.length).toBeGreaterThan(100);
    expect(rows.some(([id]) => Number(id) % 10 === 0)).toBe(true);
  });

  it('is lost where a snapshot of that name is another server’s', async () => {
    await using source = sourceAt(primary.port);
    const { snapshot } = await source.open({ object }, forever);
    await using _ = snapshot;
    const [split] = (await snapshot.divide?.(await specFor(source, snapshot), 1, forever)) ?? [];
    const task = split?.task as { readonly snapshot: { readonly name: string } };
    const elsewhere = { ...task, snapshot: { name: task.snapshot.name, server: '2026-01-01 00:00:00+00' } };
    expect(await fails(source.openSplit?.(object, elsewhere, forever))).toMatchObject({ code: 'SPLIT_LOST' });
  });

  it('says of a lost session with the snapshot that the source ended it', async () => {
    await using source = sourceAt(primary.port);
    const { snapshot } = await source.open({ object }, forever);
    await using _ = snapshot;
    await writer.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tributary'`);
    expect(await fails(snapshot.divisible?.(object, null))).toMatchObject({
      code: 'SOURCE_DISCONNECTED',
      retryable: true,
    });
  });

  it('reads below the bound where sessions land on a replica, which has to catch up first', async () => {
    await using balancer = await startBalancer(primary);
    await using source = sourceAt(balancer.port);
    await replica.query('SELECT pg_wal_replay_pause()');
    await writer.query(`INSERT INTO events SELECT g, now() FROM generate_series(2001, 2300) g`);
    const { snapshot, bound } = await source.open({ object, cursor: 'at' }, forever);
    await using _ = snapshot;
    expect(bound?.proof).toBe('writers');
    const spec = await specFor(source, snapshot, bound?.to);
    balancer.to = standby;
    expect(await snapshot.divisible?.(object, null)).toMatch(/land on another server.*only a read with a cursor/);
    expect(await snapshot.divisible?.(object, { column: 'at', from: null, to: '2999-01-01 00:00:00+00' })).toMatch(
      /reaches past what writers have left/,
    );
    expect(await snapshot.divisible?.(object, spec.window)).toMatchObject({
      by: 'bound',
      reason: expect.stringContaining(bound?.reason ?? '?'),
    });
    const splits = (await snapshot.divide?.(spec, 3, forever)) ?? [];
    expect(splits).toHaveLength(3);
    const ids: number[] = [];
    for (const [i, split] of splits.entries()) {
      balancer.to = i === 1 ? primary : standby;
      const opening = source.openSplit?.(object, JSON.parse(JSON.stringify(split.task)), forever);
      if (i === 2) await writer.query(`UPDATE events SET at = clock_timestamp() WHERE id = 1`);
      if (i === 0) {
        const waits = sleep(400, 'waits');
        expect(await Promise.race([opening?.then(() => 'opened'), waits])).toBe('waits');
        await replica.query('SELECT pg_wal_replay_resume()');
      }
      await using piece = await opening;
      const { columns, window } = spec;
      const { rows } = await readAll(piece as Snapshot, object, { columns, ...(window === null ? {} : { window }) });
      ids.push(...rows.map(([id]) => Number(id)));
    }
    const there = await writer.query<{ id: number }>('SELECT id FROM events WHERE at < $1 ORDER BY id', [bound?.to]);
    expect(ids.filter((id) => id !== 1).sort((a, b) => a - b)).toEqual(there.rows.map(({ id }) => id));
    expect(ids.filter((id) => id > 2000)).toHaveLength(300);
  });

  it('reads a foreign table, which has no part in the snapshot, below the bound', async () => {
    await writer.query(`CREATE EXTENSION IF NOT EXISTS postgres_fdw;
      CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw
        OPTIONS (host '127.0.0.1', port '${primary.port}', dbname 'postgres', use_remote_estimate 'true');
      CREATE USER MAPPING FOR postgres SERVER loop OPTIONS (user 'postgres', password '${primary.password}');
      CREATE FOREIGN TABLE far (id int, at timestamptz) SERVER loop OPTIONS (schema_name 'public', table_name 'events')`);
    const far = { table: 'far' };
    await using source = sourceAt(primary.port);
    const { snapshot, bound } = await source.open({ object: far, cursor: 'at' }, forever);
    await using _ = snapshot;
    const spec = { ...(await specFor(source, snapshot, bound?.to)), object: far };
    expect(await snapshot.divisible?.(far, null)).toMatch(/a foreign table has no part in the snapshot/);
    expect(await snapshot.divisible?.(far, spec.window)).toMatchObject({ by: 'bound' });
    const splits = (await snapshot.divide?.(spec, 3, forever)) ?? [];
    expect(splits).toHaveLength(3);
    const ids: number[] = [];
    for (const { task } of splits) {
      await using piece = await source.openSplit?.(far, task, forever);
      const { columns, window } = spec;
      const { rows } = await readAll(piece as Snapshot, far, { columns, ...(window === null ? {} : { window }) });
      ids.push(...rows.map(([id]) => Number(id)));
    }
    const there = await writer.query<{ id: number }>('SELECT id FROM events WHERE at < $1 ORDER BY id', [bound?.to]);
    expect(ids.sort((a, b) => a - b)).toEqual(there.rows.map(({ id }) => id));
  });

  it('ends a statement that takes longer than the server is to be asked for', async () => {
    await using source = sourceAt(primary.port, { protect: { statementTimeout: '1s' } });
    const slow = { query: 'SELECT id, pg_sleep(1)::text AS nap FROM events' };
    const { snapshot } = await source.open({ object: slow }, forever);
    await using _ = snapshot;
    const columns = [
      { source: 'id', name: 'id', sourceType: 'integer', logical: { kind: 'INT64' }, unrepresentable: 'quarantine' },
      { source: 'nap', name: 'nap', sourceType: 'text', logical: { kind: 'STRING' }, unrepresentable: 'quarantine' },
    ] as const;
    expect(await fails(readAll(snapshot, slow, { columns }))).toMatchObject({
      code: 'SOURCE_BUSY',
      detail: expect.stringContaining('protect.statementTimeout'),
    });
  });
});
