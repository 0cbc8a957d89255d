/** One session at a MySQL or MariaDB server, set up so that every value it gives is the same everywhere. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import mysql from 'mysql2/promise';
import type { Secrets } from '../../core/contracts/secrets.ts';
import {
  CONNECT_TIMEOUT_MS,
  type ConnectOptions,
  type DatabaseConnection,
  factsOf,
  interrupted,
  readAuthority,
} from '../../core/database.ts';
import { directSocket } from '../../core/socket.ts';
import { mysqlProblem } from './errors.ts';

/** A session and who is at the other end. */
export interface Session {
  readonly client: mysql.Connection;
  readonly mariadb: boolean;
}

/** What the driver would ask for and this connector does not want: files of ours, other texts of a query, more results. */
const FLAGS = ['-LOCAL_FILES', '-IGNORE_SPACE', '-ODBC', '-CLIENT_QUERY_ATTRIBUTES', '-SESSION_TRACK', '-FOUND_ROWS'];

/** The longest that a server takes for its waits; a slow warehouse holds a read up for as long as it needs. */
const LONGEST_SECONDS = 31_536_000;

/** An empty sql_mode: backslash escapes, no padding of CHAR, literals of zero dates, no error where a cast warns. */
const SETTINGS: Readonly<Record<string, string>> = {
  sql_mode: "''",
  time_zone: "'+00:00'",
  net_write_timeout: `${LONGEST_SECONDS}`,
  net_read_timeout: `${LONGEST_SECONDS}`,
  wait_timeout: `${LONGEST_SECONDS}`,
  lock_wait_timeout: '30',
  sql_select_limit: 'DEFAULT',
  sql_big_selects: '1',
  sql_auto_is_null: '0',
  sql_safe_updates: '0',
};

const MARIADB: Readonly<Record<string, string>> = {
  idle_transaction_timeout: '0',
  idle_readonly_transaction_timeout: '0',
};

/** The setting that ends a statement: MariaDB's in seconds, MySQL's (of a SELECT) in milliseconds. */
function statementLimit(mariadb: boolean, seconds: number): Readonly<Record<string, string>> {
  return mariadb ? { max_statement_time: `${seconds}` } : { max_execution_time: `${seconds * 1000}` };
}

/**
 * Connects, logs in and sets the session: UTC, UTF-8, read only.
 * `prefer` tries TLS first and goes on without it when the server offers none. The caller ends the client.
 *
 * @throws SOURCE_HOST_UNKNOWN, SOURCE_UNREACHABLE, SOURCE_TLS, SOURCE_AUTHENTICATION, SOURCE_DATABASE_MISSING,
 * SOURCE_PERMISSION, SOURCE_BUSY, SECRET_MISSING, INTERRUPTED
 */
export async function connect(spec: DatabaseConnection, secrets: Secrets, options: ConnectOptions): Promise<Session> {
  const password = spec.secret === undefined ? '' : await secrets.get(spec.secret);
  const ssl = await tlsOptions(spec);
  try {
    try {
      return await open(spec, password, ssl, options);
    } catch (error) {
      const plain = spec.tls === 'prefer' && (error as { code?: string }).code === 'HANDSHAKE_NO_SSL_SUPPORT';
      if (!plain || options.signal?.aborted) throw error;
      return await open(spec, password, false, options);
    }
  } catch (error) {
    throw mysqlProblem(error, factsOf(spec));
  }
}

/** The driver's TLS options of a mode; `false` for a plain connection. */
export async function tlsOptions(spec: DatabaseConnection): Promise<mysql.SslOptions | false> {
  if (spec.tls === 'disable') return false;
  const trust = await readAuthority(spec);
  switch (spec.tls) {
    case 'verify-full':
      return { ...trust, rejectUnauthorized: true, verifyIdentity: true };
    case 'verify-ca':
      return { ...trust, rejectUnauthorized: true };
    case 'require':
      return { ...trust, rejectUnauthorized: trust.ca !== undefined };
    case 'prefer':
      return { rejectUnauthorized: false };
  }
}

/** What the session's encryption is: "TLSv1.3, verified"; "not encrypted". */
export function encryptionOf(client: mysql.Connection): string {
  const socket = socketOf(client);
  if (!(socket instanceof TLSSocket)) return 'not encrypted';
  return `${socket.getProtocol()}, ${socket.authorized ? 'verified' : 'not verified'}`;
}

async function open(
  spec: DatabaseConnection,
  password: string,
  ssl: mysql.SslOptions | false,
  { applicationName, signal }: ConnectOptions,
): Promise<Session> {
  if (signal?.aborted) throw interrupted(signal);
  const socket = directSocket();
  // The name that a certificate must be for; the driver names it itself for hosts that are no addresses.
  Object.assign(socket, { _host: spec.host });
  const destroy = () => void socket.destroy(new Error('interrupted'));
  signal?.addEventListener('abort', destroy, { once: true });
  const forget = () => signal?.removeEventListener('abort', destroy);
  socket.once('close', forget);
  try {
    socket.connect({ host: spec.host, port: spec.port }).setNoDelay(true).setKeepAlive(true, 30_000);
    const client = await mysql.createConnection({
      stream: () => socket,
      host: spec.host,
      port: spec.port,
      user: spec.user,
      password,
      database: spec.database,
      ...(ssl === false ? {} : { ssl }),
      charset: 'utf8mb4',
      flags: FLAGS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      connectAttributes: { program_name: applicationName },
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
      decimalNumbers: false,
      multipleStatements: false,
    });
    // Nobody may be waiting when a connection dies; the next statement says so.
    client.on('error', () => {});
    const mariadb = /mariadb/i.test((await rows<{ v: string }>(client, 'SELECT VERSION() AS v'))[0]?.v ?? '');
    const settings = Object.entries({
      ...SETTINGS,
      ...(mariadb ? MARIADB : {}),
      ...statementLimit(mariadb, spec.statementSeconds ?? 0),
    });
    await client.query(`SET ${settings.map(([name, value]) => `SESSION ${name} = ${value}`).join(', ')}`);
    await client.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    return { client, mariadb };
  } catch (error) {
    forget();
    socket.destroy();
    throw signal?.aborted ? interrupted(signal) : error;
  }
}

/** The rows of a statement; numbers beyond 2^53 and decimals are texts, dates too. */
export async function rows<T>(client: mysql.Connection, sql: string, values: readonly unknown[] = []): Promise<T[]> {
  const [found] = await client.query(sql, [...values]);
  return found as T[];
}

/** The client's core, which the promises wrap. */
export interface CoreConnection {
  readonly stream: Socket;
  prepare(sql: string, done: (error: Error | null, statement: CoreStatement) => void): void;
  /** Forgets a statement, here and at the server. */
  unprepare(sql: string): void;
}

/** A prepared statement: its id at the server, and the columns it will give. */
export interface CoreStatement {
  readonly id: number;
  readonly columns: readonly CoreColumn[];
}

export interface CoreColumn {
  readonly name: string;
  readonly columnType: number;
  readonly columnLength: number;
  readonly characterSet: number;
  readonly decimals: number;
  readonly flags: number;
  /** MariaDB: `json`. */
  readonly extendedFormat?: string;
  /** MariaDB: `uuid`, `inet6`. */
  readonly extendedTypeName?: string;
}

export function coreOf(client: mysql.Connection): CoreConnection {
  return (client as unknown as { connection: CoreConnection }).connection;
}

export function socketOf(client: mysql.Connection): Socket {
  return coreOf(client).stream;
}

/** Has the server parse a statement while `work` lasts. @throws the driver's error */
export async function withPrepared<T>(
  client: mysql.Connection,
  sql: string,
  work: (statement: CoreStatement) => T | Promise<T>,
): Promise<T> {
  const core = coreOf(client);
  const statement = await new Promise<CoreStatement>((done, fail) => {
    core.prepare(sql, (error, prepared) => (error ? fail(error) : done(prepared)));
  });
  const found = await work(statement);
  core.unprepare(sql);
  return found;
}
