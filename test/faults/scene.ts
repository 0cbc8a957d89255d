/** What the tests of faults play in: a server, its tables, and a place for each test. */
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import type { Ended } from './command.ts';
import { CANARY, Place } from './place.ts';

/** A server with the role `reader`, who may read what is created in `public`. */
export async function openScene(): Promise<{ server: PostgresServer; admin: pg.Client }> {
  const server = await startPostgres({ settings: { shared_buffers: '32MB' } });
  const admin = await server.client();
  await admin.query(`CREATE ROLE reader LOGIN PASSWORD '${CANARY}'`);
  await admin.query('ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader');
  return { server, admin };
}

/** The scene of all tests of a file, with what these statements create, and a sealed place for each of them. */
export function sceneForTests(...statements: readonly string[]): { readonly admin: pg.Client; readonly place: Place } {
  let server: PostgresServer;
  let admin: pg.Client;
  let place: Place;
  beforeAll(async () => {
    ({ server, admin } = await openScene());
    for (const statement of statements) await admin.query(statement);
  });
  afterAll(async () => {
    await admin.end();
    await server.stop();
  });
  beforeEach(async () => {
    place = await Place.make(server);
  });
  afterEach(async () => {
    await place.expectSealed();
    await place[Symbol.asyncDispose]();
  });
  return {
    get admin() {
      return admin;
    },
    get place() {
      return place;
    },
  };
}

/** A run that failed as it should: exit code and code of the catalogue. */
export function expectRefusal({ code, json, stdout, stderr }: Ended, exit: number, problem: string): void {
  expect({ code: json.problem?.code, exit: code }, `${stdout}${stderr}`).toEqual({ code: problem, exit });
}

/** A row every millisecond. */
export const slowly = (table: string) => `SELECT id, note, pg_sleep(0.001)::text AS nap FROM ${table}`;

export function createOrders(table: string, rows: number): string {
  return `CREATE TABLE ${table} (id int PRIMARY KEY, note text, price text, stamp timestamptz NOT NULL DEFAULT now());
    INSERT INTO ${table} SELECT i, repeat(md5(i::text), 4), (i / 10.0)::text FROM generate_series(1, ${rows}) i`;
}

export const replace = { load: { strategy: 'catalog', history: 'replace' } };
export const append = { load: { strategy: 'transactional', mode: 'append', cursor: 'stamp' } };

/** Waits until a reader is in its COPY; the pid of its backend. */
export async function copying(admin: pg.Client, waitMs = 20_000): Promise<number> {
  for (const end = Date.now() + waitMs; Date.now() < end; await new Promise((done) => setTimeout(done, 20))) {
    const { rows } = await admin.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state = 'active' AND application_name = 'tributary reader'`,
    );
    if (rows[0] !== undefined) return rows[0].pid;
  }
  throw new Error(`no COPY was seen within ${waitMs} ms`);
}
