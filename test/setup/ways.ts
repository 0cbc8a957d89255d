/** How a missing requirement is got. A way says whether it works on this machine and what it would fetch. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');
/** What npm fetches for tests only; never part of package.json. */
export const npmFolder = join(root, '.cache/npm');

export interface Way {
  /** Named before it is fetched, and what a person can type instead. */
  readonly title: string;
  readonly possible: () => boolean;
  readonly commands: readonly Command[];
}

export interface Command {
  readonly run: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  /** How long it may take; default 10. */
  readonly minutes?: number;
}

export function apt(...packages: readonly string[]): Way {
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  return {
    title: `apt-get install ${packages.join(' ')}`,
    possible: () => existsSync('/usr/bin/apt-get') && process.getuid?.() === 0,
    commands: [
      { run: ['apt-get', 'update', '-q'], environment },
      { run: ['apt-get', 'install', '-q', '-y', '--no-install-recommends', ...packages], environment },
    ],
  };
}

/** `platforms`: where the packages exist, as `linux-x64`; left out: everywhere. */
export function npm(packages: readonly string[], platforms?: readonly string[]): Way {
  const arguments_ = ['--prefix', npmFolder, '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  return {
    title: `npm install --prefix .cache/npm --no-save ${packages.join(' ')}`,
    possible: () => platforms === undefined || platforms.includes(`${process.platform}-${process.arch}`),
    commands: [{ run: ['npm', 'install', ...arguments_, ...packages] }],
  };
}

/** A program of this repository that gets something itself. */
export function script(title: string, file: string, minutes: number, possible: () => boolean): Way {
  return { title, possible, commands: [{ run: [process.execPath, join(root, file)], minutes }] };
}

/** One after the other. */
export function both(first: Way, second: Way): Way {
  return {
    title: `${first.title} && ${second.title}`,
    possible: () => first.possible() && second.possible(),
    commands: [...first.commands, ...second.commands],
  };
}

/** Only a person can do it. */
export function byHand(title: string): Way {
  return { title, possible: () => false, commands: [] };
}
