import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { newFolder, startChild } from './child.ts';

const shell = (script: string) => ['/bin/sh', '-c', script] as const;

test('a server that dies at its start says why and leaves nothing behind', async () => {
  const folder = await newFolder('child');
  const start = startChild({ name: 'it', run: shell('echo no room >&2; exit 3'), ready: () => false }, folder);
  await expect(start).rejects.toThrow(/it did not start: exit 3\nno room/);
  expect(existsSync(folder)).toBe(false);
});

test('one that never becomes ready is ended', async () => {
  const folder = await newFolder('child');
  let pid = 0;
  const ready = (child: { pid: number }) => {
    pid = child.pid;
    return false;
  };
  const start = startChild({ name: 'it', run: shell('sleep 60'), seconds: 0.3, ready }, folder);
  await expect(start).rejects.toThrow(/not ready in time/);
  expect(() => process.kill(pid, 0)).toThrow();
  expect(existsSync(folder)).toBe(false);
});

test('stop ends it, twice is once, and its folder goes', async () => {
  await using child = await startChild(
    { name: 'it', run: shell('echo up; exec sleep 60'), ready: async ({ log }) => (await log()) === 'up\n' },
    await newFolder('child'),
  );
  await Promise.all([child.stop(), child.stop()]);
  expect(() => process.kill(child.pid, 0)).toThrow();
  expect(existsSync(child.folder)).toBe(false);
});
