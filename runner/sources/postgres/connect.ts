/** One session at a PostgreSQL server, set up so that every text it gives is the same everywhere. */
import type { Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, TLSSocket } from 'node:tls';
import pg from 'pg';
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
import { postgresProblem } from './errors.ts';

/**
 * Values that not every version has are set where they exist; the last one notices a client that is gone. A database
 * without an encoding gives its bytes as they are, where it would refuse a statement over those that are not UTF-8.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'iso_8601',
  extra_float_digits: '1',
  bytea_output: 'hex',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  default_transaction_read_only: 'on',
  lock_timeout: '30s',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  transaction_timeout: '0',
  client_connection_check_interval: '5s',
};

const APPLY = `SELECT set_config(s.name, CASE WHEN s.name = 'client_encoding' AND current_setting('server_encoding') = 'SQL_ASCII'
    THEN 'SQL_ASCII' ELSE v.value END, false)
  FROM json_each_text($1::json) v(name, value) JOIN pg_settings s ON lower(s.name) = lower(v.name)
  WHERE s.name <> 'client_connection_check_interval' OR version() LIKE '%linux%'`;

/**
 * Connects, logs in and sets the session: UTC, ISO texts, read only.
 * `prefer` tries TLS first and goes on without it when the server refuses it. The caller ends the client.
 *
 * @throws SOURCE_HOST_UNKNOWN, SOURCE_UNREACHABLE, SOURCE_TLS, SOURCE_AUTHENTICATION, SOURCE_DATABASE_MISSING,
 * SOURCE_BUSY, SECRET_MISSING, INTERRUPTED
 */
export async function connect(spec: DatabaseConnection, secrets: Secrets, options: ConnectOptions): Promise<pg.Client> {
  const password = spec.secret === undefined ? '' : await secrets.get(spec.secret);
  const ssl = await tlsOptions(spec);
  try {
    return await open(spec, password, ssl, options);
  } catch (error) {
    if (spec.tls !== 'prefer' || ssl === false || !refusesTls(error) || options.signal?.aborted) {
      throw postgresProblem(error, factsOf(spec));
    }
  }
  try {
    return await open(spec, password, false, options);
  } catch (error) {
    throw postgresProblem(error, factsOf(spec));
  }
}

/** The driver's and Node's TLS options of a mode; `false` for a plain connection. */
export async function tlsOptions(spec: DatabaseConnection): Promise<ConnectionOptions | false> {
  if (spec.tls === 'disable') return false;
  const trust = await readAuthority(spec);
  const anyName = { checkServerIdentity: () => undefined };
  switch (spec.tls) {
    case 'verify-full':
      return { ...trust, rejectUnauthorized: true, checkServerIdentity };
    case 'verify-ca':
      return { ...trust, ...anyName, rejectUnauthorized: true };
    case 'require':
      return { ...trust, ...anyName, rejectUnauthorized: trust.ca !== undefined };
    case 'prefer':
      return { ...anyName, rejectUnauthorized: false };
  }
}

/** What the session's encryption is: "TLSv1.3, verified"; "not encrypted". */
export function encryptionOf(socket: Socket): string {
  if (!(socket instanceof TLSSocket)) return 'not encrypted';
  return `${socket.getProtocol()}, ${socket.authorized ? 'verified' : 'not verified'}`;
}

function refusesTls(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return (
    message === 'The server does not support SSL connections' || (code === '28000' && /pg_hba/.test(message ?? ''))
  );
}

async function open(
  spec: DatabaseConnection,
  password: string,
  ssl: ConnectionOptions | false,
  { applicationName, signal }: ConnectOptions,
): Promise<pg.Client> {
  if (signal?.aborted) throw interrupted(signal);
  const client = new pg.Client({
    host: spec.host,
    port: spec.port,
    database: spec.database,
    user: spec.user,
    // A function, so that neither PGPASSWORD nor ~/.pgpass stands in for an empty one.
    password: () => password,
    ssl,
    ...(ssl === false ? { stream: directSocket } : {}),
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
  });
  const destroy = () => socketOf(client).destroy(new Error('Connection terminated: interrupted'));
  client.on('error', () => {});
  client.once('end', () => signal?.removeEventListener('abort', destroy));
  signal?.addEventListener('abort', destroy, { once: true });
  try {
    await client.connect();
    await client.query(APPLY, [JSON.stringify({ ...SETTINGS, statement_timeout: `${spec.statementSeconds ?? 0}s` })]);
    return client;
  } catch (error) {
    signal?.removeEventListener('abort', destroy);
    socketOf(client).destroy();
    throw signal?.aborted ? interrupted(signal) : error;
  }
}

/** The socket of a client; the driver's types do not show it. */
export function socketOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}
