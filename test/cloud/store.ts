/** The simulated cloud itself: a folder with one file per resource, shared by all providers of all stacks. */
import { createHash, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Properties } from './values.ts';

export interface CloudResource {
  /** As in `gcp:bigquery/dataset:Dataset`. */
  readonly type: string;
  /** As the cloud names it: `projects/acme-data/datasets/acme_raw`. */
  readonly id: string;
  readonly inputs: Properties;
  readonly outputs: Properties;
  /** Which resource of this name it is, from 1. */
  readonly generation: number;
}

export class Store {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  read(type: string, id: string): CloudResource | null {
    return readJson(this.#file(type, id));
  }

  /** All of them, or all of a type. */
  list(type?: string): readonly CloudResource[] {
    const top = join(this.folder, 'resources');
    const folders = type === undefined ? entries(top) : [folderOf(type)];
    return folders
      .flatMap((folder) => entries(join(top, folder)).map((file) => join(top, folder, file)))
      .filter((file) => file.endsWith('.json'))
      .flatMap((file) => readJson<CloudResource>(file) ?? [])
      .sort((a, b) => `${a.type} ${a.id}`.localeCompare(`${b.type} ${b.id}`, 'en'));
  }

  /** @returns false where it exists already; of two processes at once, one gets true. */
  create(resource: CloudResource): boolean {
    const file = this.#file(resource.type, resource.id);
    const draft = write(file, resource);
    try {
      linkSync(draft, file);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(draft);
    }
  }

  replace(resource: CloudResource): void {
    const file = this.#file(resource.type, resource.id);
    renameSync(write(file, resource), file);
  }

  remove(type: string, id: string): void {
    rmSync(this.#file(type, id), { force: true });
  }

  /** Claims the next number of a series, from 1; no two processes get the same. */
  next(series: string): number {
    const folder = join(this.folder, 'series', digest(series, 16));
    mkdirSync(folder, { recursive: true });
    for (let n = entries(folder).length + 1; ; n++) {
      try {
        writeFileSync(join(folder, String(n)), series, { flag: 'wx' });
        return n;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  #file(type: string, id: string): string {
    const readable = id.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').slice(-100);
    return join(this.folder, 'resources', folderOf(type), `${readable}-${digest(id, 8)}.json`);
  }
}

export function digest(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}

function folderOf(type: string): string {
  return type.replaceAll(/[:/]/g, '.');
}

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readJson<T>(file: string): T | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** @returns the complete file beside the one it will become */
function write(file: string, content: unknown): string {
  const draft = `${file}.${randomUUID()}`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`);
  return draft;
}
