import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BoundOptions, BoundTarget } from '../../../runner/sources/postgres/bound/scope.ts';
import { upperBound } from '../../../runner/sources/postgres/bound/upper-bound.ts';
import { openPostgres } from '../../../runner/sources/postgres/index.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';

let server: PostgresServer;
let reader: pg.Client;
let writer: pg.Client;
let guest: pg.Client;
const orders = { schema: 'public', table: 'orders' };
const at = { column: 'at', sourceType: 'timestamp with time zone' };
const id = { column: 'id', sourceType: 'bigint' };

beforeAll(async () => {
  server = await startPostgres({ settings: { max_prepared_transactions: '5', TimeZone: 'Europe/Berlin' } });
  const admin = await server.client();
  await admin.query(`CREATE TABLE orders (id bigserial PRIMARY KEY, at timestamptz DEFAULT now());
    CREATE TABLE other (id int); CREATE SEQUENCE stock CACHE 20;
    CREATE TABLE stocked (id bigint DEFAULT nextval('stock'));
    CREATE MATERIALIZED VIEW kept AS SELECT * FROM orders; CREATE VIEW seen AS SELECT * FROM orders;
    CREATE TABLE parts (id bigserial, k int) PARTITION BY LIST (k); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
    CREATE ROLE guest LOGIN PASSWORD 'guest'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest;`);
  await admin.end();
});

beforeEach(async () => {
  [reader, writer, guest] = await Promise.all([
    server.client(),
    server.client(),
    server.client({ user: 'guest', password: 'guest' }),
  ]);
  for (const client of [reader, guest]) await client.query(`SET TimeZone = 'UTC'; SET DateStyle = 'ISO'`);
});

afterEach(() => Promise.all([reader, writer, guest].map((client) => client.end())));
afterAll(() => server?.stop());

const bound = (target: BoundTarget = orders, cursor = at, more: Partial<BoundOptions> = {}, client = reader) =>
  upperBound(client, target, cursor, { lagSeconds: 60, waitMs: 300, ...more });

async function to(found: ReturnType<typeof bound>, proof = 'writers'): Promise<string> {
  const result = await found;
  expect(result.proof, result.reason).toBe(proof);
  return result.to;
}

const expectHeld = (found: ReturnType<typeof bound>, by = '') =>
  expect(found).rejects.toThrow(new RegExp(`SOURCE_BOUND_HELD.*${by}`));

const now = async (client = reader): Promise<Date> => (await client.query('SELECT clock_timestamp() AS t')).rows[0].t;

describe('a timestamp', () => {
  it('goes up to the clock when nobody writes', async () => {
    const before = await now();
    const end = new Date(await to(bound()));
    expect(end.getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(end.getTime()).toBeLessThan((await now()).getTime() - 40);
  });

  it('stays below a transaction that is idle before its first write', async () => {
    await writer.query('BEGIN');
    await writer.query('SELECT 1');
    await sleep(100);
    const end = await to(bound());
    await writer.query('INSERT INTO orders DEFAULT VALUES');
    const late = await writer.query('SELECT count(*)::int AS n FROM orders WHERE at < $1 AND at = now()', [end]);
    expect(late.rows[0].n).toBe(0);
    await writer.query('COMMIT');
    const { rows } = await reader.query('SELECT count(*)::int AS n FROM orders WHERE at < $1', [await to(bound())]);
    expect(rows[0].n).toBeGreaterThan(0);
  });

  it('stays below the message whose COMMIT lets the next transaction keep its time', async () => {
    const script = writer.query(
      'SELECT pg_sleep(0.3); COMMIT; INSERT INTO orders DEFAULT VALUES; SELECT pg_sleep(0.3)',
    );
    await sleep(200);
    const end = await to(bound());
    await script;
    const { rows } = await reader.query('SELECT max(at) >= $1::timestamptz AS safe FROM orders', [end]);
    expect(rows[0].safe).toBe(true);
  });

  it('is held by a prepared transaction that wrote to the table, not by others', async () => {
    await writer.query(`BEGIN; INSERT INTO other VALUES (1); PREPARE TRANSACTION 'elsewhere'`);
    await to(bound());
    await writer.query(`BEGIN; INSERT INTO orders DEFAULT VALUES; PREPARE TRANSACTION 'stuck'`);
    await expectHeld(bound(), 'stuck');
    await expectHeld(bound(orders, id), 'prepared');
    await writer.query(`ROLLBACK PREPARED 'stuck'`);
    await writer.query(`ROLLBACK PREPARED 'elsewhere'`);
  });

  it('keeps a lag for a user who cannot see an open transaction', async () => {
    await to(bound(orders, at, {}, guest));
    await writer.query('BEGIN');
    const end = new Date(await to(bound(orders, at, {}, guest), 'lag'));
    expect((await now()).getTime() - end.getTime()).toBeGreaterThan(59_000);
    const waiting = to(bound(orders, at, { waitMs: 5000 }, guest));
    await sleep(200);
    await writer.query('COMMIT');
    await waiting;
  });

  it('is rounded as the column rounds', async () => {
    await writer.query('BEGIN');
    const end = await to(bound(orders, { column: 'at', sourceType: 'timestamp(0) with time zone' }));
    const { rows } = await writer.query('SELECT now()::timestamptz(0) >= $1::timestamptz AS safe', [end]);
    expect(rows[0].safe).toBe(true);
    await writer.query('ROLLBACK');
  });

  it('without zone follows the server and its roles; a date leaves out its day', async () => {
    const local = { column: 'at', sourceType: 'timestamp without time zone' };
    const berlin = `SELECT abs(extract(epoch FROM (now() AT TIME ZONE $2) - $1::timestamp)) < 5 AS same`;
    expect((await reader.query(berlin, [await to(bound(orders, local)), 'Europe/Berlin'])).rows[0].same).toBe(true);
    await writer.query(`ALTER ROLE guest SET TimeZone = 'America/Lima'`);
    expect((await reader.query(berlin, [await to(bound(orders, local)), 'America/Lima'])).rows[0].same).toBe(true);
    await writer.query('ALTER ROLE guest RESET TimeZone');
    const day = await to(bound(orders, { column: 'at', sourceType: 'date' }));
    expect(day).toBe((await reader.query(`SELECT (now() AT TIME ZONE 'Europe/Berlin')::date::text AS d`)).rows[0].d);
  });

  it('of a materialized view keeps a lag', async () => {
    await to(bound({ schema: 'public', table: 'kept' }), 'lag');
  });
});

describe('an integer', () => {
  it('waits for the writers of the table, and only for these', async () => {
    await writer.query('BEGIN; INSERT INTO orders DEFAULT VALUES');
    const other = await server.client();
    await other.query('INSERT INTO orders DEFAULT VALUES');
    const { rows } = await writer.query('SELECT pg_backend_pid() AS pid');
    await expectHeld(bound(orders, id), `backend ${rows[0].pid}`);
    await expectHeld(bound({ schema: 'public', table: 'seen' }, id));
    await expectHeld(bound({ query: 'SELECT * FROM orders' }, id));
    await to(bound({ schema: 'public', table: 'parts' }, id));
    const waiting = bound(orders, id, { waitMs: 5000 });
    await sleep(100);
    await writer.query('COMMIT');
    const top = (await reader.query('SELECT max(id) + 1 AS top FROM orders')).rows[0].top;
    expect(await to(waiting)).toBe(top);
    await other.end();
  });

  it('is waited for as long as the source was told to', async () => {
    const { host, port, database, user, password } = server;
    const connection = { kind: 'postgres', host, port, database, user, tls: 'disable', secret: 'main' } as const;
    const secrets = { get: async () => password };
    await using source = openPostgres({ tenant: 'acme', name: 'main', connection, secrets }, { waitMs: 100 });
    await writer.query('BEGIN; INSERT INTO orders DEFAULT VALUES');
    const request = { object: { table: 'public.orders' }, cursor: 'id' };
    const started = Date.now();
    await expect(source.open(request, new AbortController().signal)).rejects.toThrow('SOURCE_BOUND_HELD');
    expect(Date.now() - started).toBeLessThan(5000);
    await writer.query('ROLLBACK');
  });

  it('sees a write to a partition', async () => {
    await writer.query('BEGIN; INSERT INTO parts_1 (k) VALUES (1)');
    await expectHeld(bound({ schema: 'public', table: 'parts' }, id));
    await writer.query('ROLLBACK');
    expect(await to(bound({ schema: 'public', table: 'parts' }, id))).toBe('-9223372036854775808');
  });

  it('doubts a cached sequence', async () => {
    await writer.query('INSERT INTO stocked DEFAULT VALUES');
    await to(bound({ schema: 'public', table: 'stocked' }, id), 'lag');
  });

  it('refuses other types', async () => {
    await expect(bound(orders, { column: 'id', sourceType: 'text' })).rejects.toThrow('SOURCE_CURSOR_UNSUITABLE');
  });
});
