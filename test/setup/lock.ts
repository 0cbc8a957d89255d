/** Work that two processes must not do at once. */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What `find` sees, or else what `make` makes. Where another process makes it already, its result is waited for; the lock
 * of a process that is gone is taken over.
 *
 * @param file the lock; it is there while the work is done
 */
export async function once<T>(file: string, find: () => T | null, make: () => Promise<T>): Promise<T> {
  const found = find();
  if (found !== null) return found;
  mkdirSync(dirname(file), { recursive: true });
  while (!claim(file)) {
    await sleep(500);
    const meanwhile = find();
    if (meanwhile !== null) return meanwhile;
  }
  try {
    return find() ?? (await make());
  } finally {
    rmSync(file, { force: true });
  }
}

function claim(file: string): boolean {
  try {
    const lock = openSync(file, 'wx');
    writeFileSync(lock, String(process.pid));
    closeSync(lock);
    return true;
  } catch {
    if (!alive(file)) rmSync(file, { force: true });
    return false;
  }
}

function alive(file: string): boolean {
  try {
    const holder = Number(readFileSync(file, 'utf8'));
    return holder === 0 || process.kill(holder, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
