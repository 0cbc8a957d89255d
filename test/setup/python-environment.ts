/** Virtual environments of Python in `.cache`, one for each list of packages. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { once } from './lock.ts';

export interface PythonEnvironment {
  /** Holds the environments. */
  readonly cache: string;
  /** The list of packages, `name==version` in a line each: all of them, for nothing else is fetched. */
  readonly packages: string;
}

/** Its Python; `null` where it is missing. An environment gets its name only when it is whole. */
export function findPythonEnvironment(environment: PythonEnvironment): string | null {
  const python = join(folderOf(environment), 'bin/python');
  return existsSync(python) ? python : null;
}

/**
 * What is there, or else a new one from PyPI; two at once make one.
 *
 * @param python a Python of this system
 */
export function getPythonEnvironment(environment: PythonEnvironment, python: string): Promise<string> {
  mkdirSync(environment.cache, { recursive: true });
  return once(
    join(environment.cache, 'installing'),
    () => findPythonEnvironment(environment),
    async () => install(environment, python),
  );
}

/** The folder's name is the digest of the list: another list is another environment. */
function folderOf({ cache, packages }: PythonEnvironment): string {
  return join(cache, createHash('sha256').update(readFileSync(packages)).digest('hex').slice(0, 12));
}

function install(environment: PythonEnvironment, python: string): string {
  const fresh = mkdtempSync(join(environment.cache, 'build-'));
  try {
    run(python, ['-m', 'venv', fresh]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary', ':all:', '-r', environment.packages];
    run(join(fresh, 'bin/python'), pip);
    rmSync(folderOf(environment), { recursive: true, force: true });
    renameSync(fresh, folderOf(environment));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return join(folderOf(environment), 'bin/python');
}

function run(program: string, words: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, words, { encoding: 'utf8', timeout: 10 * 60_000 });
  if (status !== 0) throw new Error(`${words.slice(0, 3).join(' ')}: ${error?.message ?? stderr.trim().slice(-1000)}`);
}
