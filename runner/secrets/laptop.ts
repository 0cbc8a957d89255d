/** Secrets on a laptop: the environment first, then a file that only its owner can read. */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { secretVariable } from '../../tenants/naming.ts';
import type { Secrets } from '../core/contracts/secrets.ts';
import { TributaryError } from '../core/errors.ts';

export interface LaptopSecretsOptions {
  readonly tenant: string;
  /** Holds `secrets.json`: `{"<tenant>": {"<name>": "<value>"}}`, mode 0600. */
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Named in the error when a secret is missing. */
  readonly connection?: string;
}

export interface SecretName {
  readonly name: string;
  readonly source: 'environment' | 'file';
}

type Stored = Readonly<Record<string, Readonly<Record<string, string>>>>;

const FOLDER = '.tributary';
const PREFIX = 'TRIBUTARY_SECRET_';

/**
 * Resolves each name when it is asked for.
 *
 * @throws SECRET_MISSING, SECRET_STORE_EXPOSED where others can read the file, USAGE where it is not JSON
 */
export function laptopSecrets(options: LaptopSecretsOptions): Secrets {
  const { tenant, folder = FOLDER, environment = process.env } = options;
  return {
    async get(name) {
      const variable = secretVariable(name);
      const value = environment[variable] || secretsOf(read(folder), tenant)[name];
      if (value) return value;
      const connection = options.connection ?? `of tenant ${tenant}`;
      throw new TributaryError('SECRET_MISSING', {
        connection,
        tenant,
        secret: name,
        variable,
        store: storeOf(folder),
      });
    },
  };
}

/** Puts a value into the file, which is replaced as a whole: readers see the old one or the new one. */
export async function setSecret(secret: {
  readonly tenant: string;
  readonly name: string;
  readonly value: string;
  readonly folder?: string;
}): Promise<void> {
  const { tenant, name, value, folder = FOLDER } = secret;
  if (!/^[A-Za-z][\w.-]*$/.test(name)) {
    const reason = `"${name}" cannot be the name of a secret`;
    throw new TributaryError('USAGE', { reason, advice: 'Use letters, digits, "-", "_" and ".".' });
  }
  if (value === '') throw new TributaryError('USAGE', { reason: 'The value is empty.' });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const store = storeOf(folder);
  const next = `${store}.lock`;
  const file = await lock(next);
  try {
    const stored = read(folder);
    const changed: Stored = { ...stored, [tenant]: { ...secretsOf(stored, tenant), [name]: value } };
    writeFileSync(file, `${JSON.stringify(changed, null, 2)}\n`);
    fsyncSync(file);
    renameSync(next, store);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Names and where each comes from; never a value. The environment wins, and holds for every tenant. */
export async function listSecrets(options: LaptopSecretsOptions): Promise<readonly SecretName[]> {
  const { tenant, folder = FOLDER, environment = process.env } = options;
  const inFile = Object.keys(secretsOf(read(folder), tenant));
  const variables = new Set(Object.keys(environment).filter((key) => key.startsWith(PREFIX) && environment[key]));
  const names = inFile.map((name): SecretName => {
    const source = variables.delete(secretVariable(name)) ? 'environment' : 'file';
    return { name, source };
  });
  for (const variable of variables) {
    const name = variable.slice(PREFIX.length).toLowerCase().replaceAll('_', '-');
    names.push({ name, source: 'environment' });
  }
  return names.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function storeOf(folder: string): string {
  return join(folder, 'secrets.json');
}

function secretsOf(stored: Stored, tenant: string): Readonly<Record<string, string>> {
  return Object.assign(Object.create(null), Object.hasOwn(stored, tenant) ? stored[tenant] : {});
}

/** Checks the mode on the open file, so that nobody can swap it in between. */
function read(folder: string): Stored {
  const store = storeOf(folder);
  let file: number;
  try {
    file = openSync(store, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw unusable(store, 'cannot be read');
  }
  try {
    const mode = fstatSync(file).mode & 0o777;
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new TributaryError('SECRET_STORE_EXPOSED', { store, mode: `0${mode.toString(8)}` });
    }
    return parse(readFileSync(file, 'utf8'), store);
  } finally {
    closeSync(file);
  }
}

/** The parser's own message quotes the text, so it is not passed on. */
function parse(text: string, store: string): Stored {
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch {
    throw unusable(store, 'is not valid JSON');
  }
  const tenants = isObject(stored) ? Object.values(stored) : [null];
  const fits = tenants.every((names) => isObject(names) && Object.values(names).every((v) => typeof v === 'string'));
  if (!fits) throw unusable(store, 'is not of the form {"<tenant>": {"<name>": "<value>"}}');
  return stored as Stored;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unusable(store: string, what: string): TributaryError {
  return new TributaryError('USAGE', {
    reason: `${store} ${what}.`,
    advice: 'Correct it, or move it away and set the secrets again.',
  });
}

/** The file that will be renamed is also the lock; one left by a dead process gives way after ten seconds. */
async function lock(path: string): Promise<number> {
  for (;;) {
    try {
      return openSync(path, 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(path, 'cannot be written');
    }
    const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (made !== undefined && Date.now() - made > 10_000) rmSync(path, { force: true });
    else await sleep(20);
  }
}
