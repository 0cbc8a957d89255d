import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isGone, thisProcess } from '../../../runner/core/owner.ts';

const self = thisProcess();

test('this process lives', () => {
  expect(self.pid).toBe(process.pid);
  expect(isGone(self)).toBe(false);
});

test('a pid that another process has by now', { skip: self.started === '' }, () => {
  expect(isGone({ ...self, started: `${self.started}0` })).toBe(true);
});

test('without a start time only the pid counts', () => {
  expect(isGone({ ...self, started: '' })).toBe(false);
});

test('other hosts and containers are never judged', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  const gone = { ...self, pid: child.pid ?? 0 };
  expect(isGone(gone)).toBe(true);
  expect(isGone({ ...gone, host: 'elsewhere' })).toBe(false);
  expect(isGone({ ...gone, namespace: 'pid:[1]' })).toBe(false);
});
