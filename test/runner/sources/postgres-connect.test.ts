import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Secrets } from '../../../runner/core/contracts/secrets.ts';
import type { Check } from '../../../runner/core/contracts/source.ts';
import type { DatabaseConnection } from '../../../runner/core/database.ts';
import { type Problem, problemOf } from '../../../runner/core/errors.ts';
import { type CheckTarget, checkConnection } from '../../../runner/sources/postgres/check.ts';
import { connect, encryptionOf, socketOf } from '../../../runner/sources/postgres/connect.ts';
import { postgresProblem } from '../../../runner/sources/postgres/errors.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';

let encrypted: PostgresServer;
let plain: PostgresServer;
const never = new AbortController().signal;

beforeAll(async () => {
  [encrypted, plain] = await Promise.all([
    startPostgres({ ssl: true, hba: 'hostnossl all only_tls all reject' }),
    startPostgres(),
  ]);
  const admin = await encrypted.client();
  await admin.query(`CREATE ROLE only_tls LOGIN PASSWORD 'tls-pass'; CREATE ROLE reader LOGIN PASSWORD 'reader-pass';
    CREATE TABLE orders (id bigserial PRIMARY KEY, updated_at timestamptz, hidden int);
    INSERT INTO orders (updated_at) SELECT CASE WHEN g % 10 > 0 THEN now() END FROM generate_series(1, 100) g;
    ANALYZE orders; CREATE SCHEMA closed; CREATE TABLE closed.t (id int);`);
  await admin.end();
});

afterAll(async () => {
  await Promise.all([encrypted?.stop(), plain?.stop()]);
});

const secretsOf = (value: string): Secrets => ({ get: async () => value });

function spec(server: PostgresServer, more: Partial<DatabaseConnection> = {}): DatabaseConnection {
  const { port, database, user } = server;
  return {
    host: 'localhost',
    port,
    database,
    user,
    tls: 'disable',
    secret: 'db',
    name: 'main',
    tenant: 'acme',
    ...more,
  };
}

async function opened(target: DatabaseConnection, password: string): Promise<string> {
  const client = await connect(target, secretsOf(password), { applicationName: 'test', signal: never });
  const found = encryptionOf(socketOf(client));
  await client.end();
  return found;
}

const refused = (target: DatabaseConnection, password: string): Promise<Problem> =>
  opened(target, password).then(
    (found) => expect.unreachable(found) as never,
    (error) => problemOf(error),
  );

async function steps(target: DatabaseConnection, password: string, what: CheckTarget = {}): Promise<Check[]> {
  const found: Check[] = [];
  for await (const step of checkConnection(target, secretsOf(password), what, never)) found.push(step);
  return found;
}

const outline = (found: readonly Check[]) => found.map(({ id, status }) => `${id} ${status}`);

describe('connect', () => {
  it('sets up the session', async () => {
    const client = await connect(spec(plain), secretsOf(plain.password), { applicationName: 'test', signal: never });
    const { rows } = await client.query(`SELECT current_setting('TimeZone') z, current_setting('IntervalStyle') i,
      current_setting('statement_timeout') s, current_setting('default_transaction_read_only') r`);
    expect(rows[0]).toEqual({ z: 'UTC', i: 'iso_8601', s: '0', r: 'on' });
    await client.end();
  });

  it('honours every TLS mode', async () => {
    const { ca, password } = encrypted;
    const trust = { ca: ca as string };
    expect(await opened(spec(encrypted, { tls: 'prefer' }), password)).toBe('TLSv1.3, not verified');
    expect(await opened(spec(encrypted, { tls: 'require' }), password)).toBe('TLSv1.3, not verified');
    expect(await opened(spec(encrypted, { tls: 'verify-full', ...trust }), password)).toBe('TLSv1.3, verified');
    expect(await opened(spec(encrypted, { tls: 'verify-ca', host: '127.0.0.1', ...trust }), password)).toContain('TLS');
    expect(await opened(spec(plain, { tls: 'prefer' }), plain.password)).toBe('not encrypted');
  });

  it('explains what TLS refuses', async () => {
    const trust = { ca: encrypted.ca as string };
    const wrongHost = await refused(spec(encrypted, { tls: 'verify-full', host: '127.0.0.1', ...trust }), 'x');
    expect(wrongHost).toMatchObject({ code: 'SOURCE_TLS', detail: expect.stringContaining('not for 127.0.0.1') });
    expect(await refused(spec(encrypted, { tls: 'verify-ca' }), 'x')).toMatchObject({
      code: 'SOURCE_TLS',
      fix: expect.stringContaining('`ca`'),
    });
    expect((await refused(spec(plain, { tls: 'require' }), 'x')).detail).toContain('offers no encryption');
    expect(await refused(spec(encrypted, { user: 'only_tls' }), 'tls-pass')).toMatchObject({
      code: 'SOURCE_TLS',
      fix: 'Set tls: require or verify-full.',
    });
    expect(await opened(spec(encrypted, { user: 'only_tls', tls: 'require' }), 'tls-pass')).toContain('TLS');
  });

  it('maps every refusal, and never names the password', async () => {
    const wrong = await refused(spec(plain), 'hunter2-wrong');
    expect(wrong.code).toBe('SOURCE_AUTHENTICATION');
    expect(JSON.stringify(wrong)).not.toContain('hunter2');
    expect((await refused(spec(plain), '')).code).toBe('SOURCE_AUTHENTICATION');
    expect((await refused(spec(plain, { database: 'nope' }), plain.password)).code).toBe('SOURCE_DATABASE_MISSING');
    expect((await refused(spec(plain, { host: 'nope.invalid' }), 'x')).code).toBe('SOURCE_HOST_UNKNOWN');
    expect((await refused(spec(plain, { port: 1 }), 'x')).code).toBe('SOURCE_UNREACHABLE');
  });

  it('ends with its signal, and tells a killed session', async () => {
    const stop = new AbortController();
    const client = await connect(spec(plain), secretsOf(plain.password), {
      applicationName: 'test',
      signal: stop.signal,
    });
    const sleeping = client.query('SELECT pg_sleep(30)').catch((error) => error);
    stop.abort();
    expect(problemOf(postgresProblem(await sleeping, {})).code).toBe('SOURCE_DISCONNECTED');
    const other = await connect(spec(plain), secretsOf(plain.password), { applicationName: 'victim' });
    const killed = other.query('SELECT pg_sleep(30)').catch((error) => error);
    const admin = await plain.client();
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'`);
    expect(problemOf(postgresProblem(await killed, {})).code).toBe('SOURCE_DISCONNECTED');
    await admin.end();
  });

  it('hides the values that the server quotes', async () => {
    const client = await connect(spec(plain), secretsOf(plain.password), { applicationName: 'test' });
    const error = await client.query(`SELECT 'secret value'::int`).catch((found) => found);
    const problem = problemOf(postgresProblem(error, {}));
    expect(problem).toMatchObject({ code: 'SOURCE_QUERY_INVALID', detail: expect.not.stringContaining('secret') });
    const write = await client.query('CREATE TABLE x ()').catch((found) => found);
    expect(problemOf(postgresProblem(write, {})).code).toBe('SOURCE_QUERY_WRITES');
    await client.end();
  });
});

describe('check', () => {
  it('goes through all steps', async () => {
    const target = { object: { table: 'public.orders' }, cursor: 'updated_at' };
    const found = await steps(spec(encrypted, { tls: 'require' }), encrypted.password, target);
    expect(outline(found)).toEqual([
      ...['resolve pass', 'reach pass', 'tls pass', 'login pass', 'server pass', 'clock pass', 'replica pass'],
      ...['permission pass', 'cursor pass', 'index warn', 'nulls warn', 'bound pass'],
    ]);
    expect(found.find(({ id }) => id === 'nulls')?.problem?.detail).toContain('About 10');
    expect(found.find(({ id }) => id === 'tls')?.found).toBe('TLSv1.3, not verified');
  });

  it('stops where the rest is pointless', async () => {
    expect(outline(await steps(spec(plain, { host: 'nope.invalid' }), 'x'))).toEqual(['resolve fail']);
    expect(outline(await steps(spec(plain, { port: 1 }), 'x')).at(-1)).toBe('reach fail');
    expect(outline(await steps(spec(plain, { tls: 'require' }), 'x')).at(-1)).toBe('tls fail');
    const host = { host: '127.0.0.1', ca: encrypted.ca as string };
    expect(outline(await steps(spec(encrypted, { tls: 'verify-full', ...host }), 'x')).at(-1)).toBe('tls fail');
    expect(outline(await steps(spec(plain), 'wrong')).at(-1)).toBe('login fail');
    const gone = { object: { table: 'orders' }, cursor: 'nope' };
    expect(outline(await steps(spec(encrypted), encrypted.password, gone))).toContain('cursor fail');
  });

  it('tells an unprivileged user what to grant', async () => {
    const user = spec(encrypted, { user: 'reader' });
    const denied = (await steps(user, 'reader-pass', { object: { table: 'orders' } })).at(-1);
    expect(denied).toMatchObject({ id: 'permission', status: 'fail', problem: { code: 'SOURCE_PERMISSION' } });
    expect(denied?.problem?.fix).toBe('GRANT SELECT ON "public"."orders" TO "reader";');
    const closed = (await steps(user, 'reader-pass', { object: { table: 'closed.t' } })).at(-1);
    expect(closed?.problem).toMatchObject({
      code: 'SOURCE_PERMISSION',
      fix: expect.stringContaining('USAGE ON SCHEMA'),
    });
    const bound = (await steps(user, 'reader-pass')).at(-1);
    expect(bound).toMatchObject({ status: 'warn', problem: { fix: 'GRANT pg_read_all_stats TO "reader";' } });
  });

  it('recognizes a replica', async () => {
    await using standby = await startPostgres({ standbyOf: plain });
    const found = await steps(spec(standby), plain.password);
    expect(found.find(({ id }) => id === 'replica')).toMatchObject({
      status: 'warn',
      problem: { code: 'SOURCE_REPLICA_FEEDBACK', title: expect.stringContaining('may') },
    });
    expect(found.at(-1)).toMatchObject({ id: 'bound', status: 'skip' });
  });
});
