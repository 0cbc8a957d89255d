/** Installs Schemathesis from PyPI where it is missing, once for this checkout. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { once } from '../../setup/lock.ts';
import { findPython } from '../../setup/programs.ts';
import { cache, findSchemathesis, packages, schemathesisFolder } from './installed.ts';

function install(python: string): string {
  const fresh = mkdtempSync(join(cache, 'build-'));
  try {
    run(python, ['-m', 'venv', fresh]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary', ':all:', '-r', packages];
    run(join(fresh, 'bin/python'), pip);
    rmSync(schemathesisFolder(), { recursive: true, force: true });
    renameSync(fresh, schemathesisFolder());
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  const made = findSchemathesis();
  if (made === null) throw new Error(`pip installed into ${schemathesisFolder()}, and yet it is not there.`);
  return made;
}

function run(program: string, words: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, words, { encoding: 'utf8', timeout: 10 * 60_000 });
  if (status !== 0) throw new Error(`${words.slice(0, 3).join(' ')}: ${error?.message ?? stderr.trim().slice(-1000)}`);
}

try {
  const python = findPython();
  if (python === null) throw new Error('No Python 3.13 or newer: https://www.python.org/downloads/');
  mkdirSync(cache, { recursive: true });
  console.log(await once(join(cache, 'installing'), findSchemathesis, async () => install(python)));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
