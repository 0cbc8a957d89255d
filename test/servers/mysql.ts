/** A real MariaDB (or the MySQL of `TRIBUTARY_MYSQL_BIN`) in a folder of its own, for tests and benches. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { chmod, chown, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import mysql from 'mysql2/promise';
import { findMariadb } from '../setup/programs.ts';
import { type ChildServer, freePort, newFolder, startChild } from './child.ts';

const run = promisify(execFile);

export interface MysqlOptions {
  /** Options of the server, without their dashes; `true` for one without a value. They win over the defaults. */
  readonly settings?: Readonly<Record<string, string | true>>;
  /** Zone of the server's process, as `Europe/Berlin`; UTC by default. */
  readonly zone?: string;
  /** Makes an authority and a certificate for `localhost` (and only for that name). */
  readonly ssl?: boolean;
  /** Keeps the data on disk: for more rows than memory should hold. */
  readonly disk?: string;
  /** Keeps a log of changes, which replicas follow. */
  readonly primary?: boolean;
  /** Follows these, each over a channel of its own: `c1`, `c2` … where they are several. */
  readonly replicaOf?: readonly MysqlServer[];
}

export interface MysqlServer extends AsyncDisposable {
  readonly kind: 'mysql';
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly database: 'src';
  /** May do everything. */
  readonly user: 'owner';
  readonly password: string;
  /** The authority's certificate (PEM); `null` without `ssl`. */
  readonly ca: string | null;
  readonly pid: number;
  /** The command-line client; `null` where there is none. */
  readonly program: string | null;
  /** A connected owner; `end()` it. */
  client(options?: mysql.ConnectionOptions): Promise<mysql.Connection>;
  log(): Promise<string>;
  /** Ends the server at once and removes its folder. */
  stop(): Promise<void>;
}

const DATABASE = 'src';

/** Whose server `startMysql` starts: `TRIBUTARY_MYSQL_BIN` is the program of a MySQL server, as `/opt/mysql/bin/mysqld`. */
export const brand = process.env.TRIBUTARY_MYSQL_BIN ? 'MySQL' : 'MariaDB';

/** A relation `g` of the numbers from `from` to `to`, both included, in its column `seq`. */
export function series(from: number, to: number): string {
  return `(WITH RECURSIVE g (seq) AS (SELECT ${from} UNION ALL SELECT seq + 1 FROM g WHERE seq < ${to}) SELECT seq FROM g) g`;
}

/** Starts a server on a free port of 127.0.0.1, tuned to be quick and not durable. */
export async function startMysql(options: MysqlOptions = {}): Promise<MysqlServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(options);
    } catch (error) {
      if (attempt === 3 || !/already in use/i.test(String(error))) throw error;
    }
  }
}

async function start(options: MysqlOptions): Promise<MysqlServer> {
  const programs = await serverPrograms();
  const folder = options.disk ?? (await newFolder('mysql'));
  const data = join(folder, 'data');
  const owner = account();
  const own = async (path: string) => (owner ? chown(path, owner.uid, owner.gid) : undefined);
  await chmod(folder, 0o755);
  await own(folder);
  const as = owner === undefined ? [] : [`--user=${owner.name}`];
  const password = randomBytes(12).toString('hex');
  const environment = { TZ: options.zone ?? 'UTC', LC_ALL: 'C' };
  try {
    await run(programs.install[0], [...programs.install.slice(1), ...as, `--datadir=${data}`], {
      env: { ...process.env, ...environment },
    });
    const ca = options.ssl ? await certificates(folder, own) : null;
    const first = join(folder, 'first.sql');
    await writeFile(first, accounts(password), { mode: 0o600 });
    await own(first);
    const port = await freePort();
    const settings = Object.entries({
      ...defaults(folder, ca !== null),
      ...logging(options, port),
      ...options.settings,
    });
    const child = await startChild(
      {
        name: 'mysql',
        run: [
          ...programs.server,
          '--no-defaults',
          ...as,
          `--datadir=${data}`,
          `--port=${port}`,
          `--init-file=${first}`,
          ...settings.map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`)),
        ] as [string, ...string[]],
        environment,
        ready: async ({ log }) => {
          const text = await log();
          return (
            /ready for connections/.test(text) && new RegExp(`port: ${port}\\b`).test(text) && answers(port, password)
          );
        },
      },
      folder,
    );
    const server = handle(child, { port, password, ca, program: programs.client });
    await follow(server, options.replicaOf ?? []).catch(async (error) => {
      await server.stop();
      throw error;
    });
    return server;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A password of its own for the owner; nobody else can log in. */
function accounts(password: string): string {
  return `SET SESSION sql_log_bin = 0;
CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4;
CREATE USER 'owner'@'127.0.0.1' IDENTIFIED BY '${password}';
GRANT ALL ON *.* TO 'owner'@'127.0.0.1' WITH GRANT OPTION;
`;
}

function defaults(folder: string, ssl: boolean): Record<string, string | true> {
  return {
    'bind-address': '127.0.0.1',
    socket: join(folder, 's'),
    'pid-file': join(folder, 'server.pid'),
    // A server removes, as it starts, what looks like temporary tables in there: those of others too.
    tmpdir: folder,
    'skip-name-resolve': true,
    'innodb-flush-log-at-trx-commit': '0',
    'innodb-doublewrite': '0',
    'innodb-buffer-pool-size': '128M',
    'character-set-server': 'utf8mb4',
    'max-allowed-packet': '256M',
    ...(brand === 'MySQL'
      ? { mysqlx: 'OFF', 'secure-file-priv': 'NULL', 'cte-max-recursion-depth': '100000000' }
      : { 'max-recursive-iterations': '100000000' }),
    ...(ssl ? { 'ssl-cert': join(folder, 'server.crt'), 'ssl-key': join(folder, 'server.key') } : {}),
    ...(ssl ? { 'ssl-ca': join(folder, 'ca.crt') } : {}),
  };
}

/** What tells servers apart is their port. */
function logging({ primary, replicaOf }: MysqlOptions, port: number): Record<string, string | true> {
  if (primary !== true && replicaOf === undefined) return { 'skip-log-bin': true };
  const log = primary === true ? { 'log-bin': 'changes', 'binlog-format': 'ROW' } : { 'skip-log-bin': true as const };
  const numbering =
    brand === 'MySQL' ? { 'gtid-mode': 'ON', 'enforce-gtid-consistency': 'ON' } : { 'gtid-domain-id': `${port}` };
  return { ...log, ...numbering, 'server-id': `${port}`, 'relay-log': 'relay' };
}

async function follow(server: MysqlServer, primaries: readonly MysqlServer[]): Promise<void> {
  if (primaries.length === 0) return;
  const client = await server.client();
  for (const [i, { host, port, user, password }] of primaries.entries()) {
    const channel = primaries.length === 1 ? '' : `c${i + 1}`;
    if (brand === 'MySQL') {
      const login = `SOURCE_HOST = '${host}', SOURCE_PORT = ${port}, SOURCE_USER = '${user}', SOURCE_PASSWORD = '${password}'`;
      await client.query(
        `CHANGE REPLICATION SOURCE TO ${login}, SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1 FOR CHANNEL '${channel}';
         START REPLICA FOR CHANNEL '${channel}'`,
      );
    } else {
      const login = `MASTER_HOST = '${host}', MASTER_PORT = ${port}, MASTER_USER = '${user}', MASTER_PASSWORD = '${password}'`;
      await client.query(
        `CHANGE MASTER '${channel}' TO ${login}, MASTER_USE_GTID = slave_pos; START SLAVE '${channel}'`,
      );
    }
  }
  await client.end();
}

interface Programs {
  readonly install: readonly [string, ...string[]];
  readonly server: readonly [string, ...string[]];
  readonly client: string | null;
}

async function serverPrograms(): Promise<Programs> {
  const program = process.env.TRIBUTARY_MYSQL_BIN;
  if (program) {
    const install = [program, '--no-defaults', '--initialize-insecure'] as const;
    return { install, server: [program], client: null };
  }
  const found = findMariadb();
  if (found === null) throw new Error('No MariaDB server found: install mariadb-server.');
  const how = ['--no-defaults', '--auth-root-authentication-method=normal', '--skip-test-db'] as const;
  return { install: [found.installDb, ...how], server: [found.server], client: found.client };
}

/** As root the server refuses to run: then another account is borrowed. */
function account(): { name: string; uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['mysql', 'nobody']) {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((one) => one.startsWith(`${name}:`));
    const [, , uid, gid] = line?.split(':') ?? [];
    if (uid && gid) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('Running as root, and /etc/passwd has neither mysql nor nobody.');
}

async function answers(port: number, password: string): Promise<boolean> {
  try {
    const client = await mysql.createConnection({ host: '127.0.0.1', port, user: 'owner', password });
    await client.end();
    return true;
  } catch (error) {
    // The init file has not been read to its end yet.
    if (/ER_ACCESS_DENIED|ECONNREFUSED/.test(String((error as { code?: string }).code))) return false;
    throw error;
  }
}

async function certificates(folder: string, own: (path: string) => Promise<void>): Promise<string> {
  const at = (name: string) => join(folder, name);
  const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '2'];
  await run('openssl', ['req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.crt'), '-subj', '/CN=Test CA']);
  await writeFile(at('san.txt'), 'subjectAltName=DNS:localhost\n');
  const request = ['-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=localhost'];
  await run('openssl', ['req', ...key, ...request]);
  const signing = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('san.txt')];
  await run('openssl', ['x509', '-req', '-in', at('server.csr'), ...signing, '-days', '2', '-out', at('server.crt')]);
  await chmod(at('server.key'), 0o600);
  for (const name of ['server.key', 'server.crt', 'ca.crt']) await own(at(name));
  return readFile(at('ca.crt'), 'utf8');
}

type Facts = Pick<MysqlServer, 'port' | 'password' | 'ca' | 'program'>;

function handle(child: ChildServer, facts: Facts): MysqlServer {
  const { port, password } = facts;
  return {
    ...facts,
    kind: 'mysql',
    host: '127.0.0.1',
    database: DATABASE,
    user: 'owner',
    pid: child.pid,
    client: (options = {}) =>
      mysql.createConnection({
        ...{ host: '127.0.0.1', port, user: 'owner', password, database: DATABASE },
        ...{ multipleStatements: true, timezone: 'Z', charset: 'utf8mb4' },
        ...options,
      }),
    log: child.log,
    stop: child.stop,
    [Symbol.asyncDispose]: child.stop,
  };
}
