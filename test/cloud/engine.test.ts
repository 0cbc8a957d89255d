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
import { ENGINE_VERSION, findEngine } from './engine.ts';
import { type BuildOptions, getEngine } from './engine-build.ts';

let folder: string;
let options: BuildOptions;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-engine-'));
  said = [];
  options = { cache: join(folder, 'cache'), folders: [], go: null, say: (line) => said.push(line) };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, script: string): string {
  const file = join(folder, 'bin', name);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Takes its time, counts its builds, and writes what `-o pulumi` asks for. */
const goodGo = () =>
  program('go', `[ $1 = mod ] && exit 0; sleep 0.3; echo built >> ${folder}/builds; echo fake > pulumi`);

test('a pulumi on PATH is used if it is new enough', () => {
  const path = program('pulumi', 'echo v3.300.1-alpha');
  expect(findEngine({ ...options, folders: [join(folder, 'bin')] })).toEqual({
    path,
    version: '3.300.1',
    origin: 'path',
  });
  program('pulumi', 'echo v3.99.0');
  expect(findEngine({ ...options, folders: [join(folder, 'bin')] })).toBeNull();
});

test('without pulumi and Go it says why and how to get it', async () => {
  await expect(getEngine(options)).rejects.toThrow(/No pulumi on PATH, and no Go .*Install Pulumi .*npm run engine/);
});

test('two at once build one, and a third finds it', async () => {
  const both = { ...options, go: goodGo() };
  const [one, other] = await Promise.all([getEngine(both), getEngine(both)]);
  expect(one).toEqual({
    path: join(options.cache, ENGINE_VERSION, 'bin/pulumi'),
    version: ENGINE_VERSION,
    origin: 'built',
  });
  expect(other).toEqual(one);
  expect(await getEngine(options)).toEqual(one);
  expect(readFileSync(join(folder, 'builds'), 'utf8')).toBe('built\n');
  expect(said).toEqual([expect.stringContaining(`cmd/pulumi@v${ENGINE_VERSION}`)]);
  expect(readdirSync(options.cache)).toEqual([ENGINE_VERSION]);
});

test('a builder that died is taken over', async () => {
  mkdirSync(options.cache);
  writeFileSync(join(options.cache, 'building'), '2147483646');
  expect((await getEngine({ ...options, go: goodGo() })).origin).toBe('built');
});

test('a build that fails says what Go said and leaves nothing behind', async () => {
  const go = program('go', '[ $1 = mod ] && exit 0; echo no room on disk >&2; exit 2');
  await expect(getEngine({ ...options, go })).rejects.toThrow(/go build failed \(exit 2\):\nno room on disk/);
  expect(readdirSync(options.cache)).toEqual([]);
  expect(existsSync(join(options.cache, ENGINE_VERSION))).toBe(false);
});
