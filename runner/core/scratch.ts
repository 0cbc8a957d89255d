/** Folders of this process for what is too large for memory; those of processes that died are swept. */
import { mkdtemp, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isGone, type Owner, thisProcess } from './owner.ts';

const PREFIX = 'tributary-scratch-';
const OWNER = 'owner.json';
/** A folder without an owner is that of a process which was killed as it began; one that lives writes its owner at once. */
const OWNERLESS_MS = 3_600_000;

export interface Scratch extends AsyncDisposable {
  readonly path: string;
}

/** A folder that is gone with all it holds when it is disposed of, or with the next call after a kill. */
export async function makeScratch(): Promise<Scratch> {
  await sweep();
  const path = await mkdtemp(join(tmpdir(), PREFIX));
  await writeFile(join(path, OWNER), JSON.stringify(thisProcess()));
  return { path, [Symbol.asyncDispose]: () => remove(path) };
}

/** What cannot be judged or removed stays: it is no reason for a run to fail. */
async function sweep(): Promise<void> {
  const names = await readdir(tmpdir());
  const folders = names.filter((name) => name.startsWith(PREFIX)).map((name) => join(tmpdir(), name));
  await Promise.all(folders.map((path) => sweepOne(path).catch(() => undefined)));
}

async function sweepOne(path: string): Promise<void> {
  const text = await readFile(join(path, OWNER), 'utf8').catch(noneWhereMissing);
  if (text !== '') {
    const owner: Owner = JSON.parse(text);
    if (isGone(owner)) await remove(path);
  } else if (Date.now() - (await stat(path)).mtimeMs > OWNERLESS_MS) {
    await rm(join(path, OWNER), { force: true });
    // What holds anything else stays.
    await rmdir(path);
  }
}

function noneWhereMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}

/** DuckDB may still be closing a file in it. */
function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 3 });
}
