import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeScratch } from '../../../runner/core/scratch.ts';

const module = join(import.meta.dirname, '../../../runner/core/scratch.ts');
let folder: string;
const before = process.env.TMPDIR;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-sweep-'));
  process.env.TMPDIR = folder;
});
afterEach(() => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  rmSync(folder, { recursive: true, force: true });
});

/** A process that has a scratch folder until it is killed. */
async function holder() {
  const code = `const { makeScratch } = await import(${JSON.stringify(module)});
    const { path } = await makeScratch();
    process.stdout.write(path);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [path] = await once(child.stdout, 'data');
  const kill = async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { path: String(path), kill };
}

test('a folder is gone when it is disposed of', async () => {
  {
    await using scratch = await makeScratch();
    writeFileSync(join(scratch.path, 'piece'), 'x');
  }
  expect(readdirSync(folder)).toEqual([]);
});

test('the folder of a process that was killed is swept, those of the living stay', async () => {
  const [killed, living] = await Promise.all([holder(), holder()]);
  await using own = await makeScratch();
  writeFileSync(join(killed.path, 'piece'), 'x');
  await killed.kill();
  await using next = await makeScratch();
  expect([killed, living, own, next].map(({ path }) => existsSync(path))).toEqual([false, true, true, true]);
  await living.kill();
});

test('what says nothing of its owner stays', async () => {
  const strange = mkdtempSync(join(folder, 'tributary-scratch-'));
  writeFileSync(join(strange, 'owner.json'), 'no JSON');
  await using _ = await makeScratch();
  expect(existsSync(strange)).toBe(true);
});

test('a folder whose process was killed before it wrote its owner is swept when it is old, if it holds nothing', async () => {
  const [fresh, empty, half, full] = Array.from({ length: 4 }, () => mkdtempSync(join(folder, 'tributary-scratch-')));
  writeFileSync(join(`${half}`, 'owner.json'), '');
  writeFileSync(join(`${full}`, 'piece'), 'x');
  const old = Date.now() / 1000 - 2 * 3600;
  for (const path of [empty, half, full]) utimesSync(`${path}`, old, old);
  await using _ = await makeScratch();
  expect([fresh, empty, half, full].map((path) => existsSync(`${path}`))).toEqual([true, false, false, true]);
});
