/** Folders of this process for what is too large for memory; those of processes that died are swept. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isGone, type Owner, thisProcess } from './owner.ts';

const PREFIX = 'tributary-scratch-';
const OWNER = 'owner.json';

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
  const owner: Owner = JSON.parse(await readFile(join(path, OWNER), 'utf8'));
  if (isGone(owner)) await remove(path);
}

/** DuckDB may still be closing a file in it. */
function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 3 });
}
