/** Tenants as files of a folder: `acme.yaml`. For a laptop: one process writes, people edit with what they like. */
import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { TenantDocument, TenantStore } from '../../core/contracts/tenant-store.ts';
import { TributaryError } from '../../core/errors.ts';
import { isFileName } from './name.ts';

const SUFFIX = '.yaml';

/** A folder that is not there is empty; it is made with the first file. */
export function openFolderTenants(folder: string): TenantStore {
  const fileOf = (tenant: string) => join(folder, `${tenant}${SUFFIX}`);
  /** Without a pause inside, so that in this process nobody comes between what is read and what is written. */
  const guarded = async <T>(body: () => T): Promise<T> => {
    try {
      return body();
    } catch (error) {
      if (TributaryError.is(error)) throw error;
      throw new TributaryError('TENANTS_FAILED', { store: folder, reason: reasonOf(error) }, { cause: error });
    }
  };
  const found = (tenant: string): TenantDocument | null => {
    if (!isFileName(tenant)) return null;
    const bytes = unlessMissing(() => readFileSync(fileOf(tenant)));
    if (bytes === null) return null;
    const updatedAt = unlessMissing(() => statSync(fileOf(tenant)).mtime) ?? new Date();
    return { tenant, yaml: bytes.toString('utf8'), etag: etagOf(bytes), updatedAt: updatedAt.toISOString() };
  };

  return {
    list: () =>
      guarded(() =>
        (unlessMissing(() => readdirSync(folder)) ?? [])
          .filter((name) => name.endsWith(SUFFIX))
          .map((name) => name.slice(0, -SUFFIX.length))
          .filter(isFileName)
          .sort(),
      ),

    read: (tenant) => guarded(() => found(tenant)),

    write: (tenant, yaml, etag) =>
      guarded(() => {
        const before = found(tenant);
        if (before !== null && before.yaml === yaml) return before;
        if (!isFileName(tenant) || (before?.etag ?? null) !== etag)
          throw new TributaryError('TENANT_CHANGED', { tenant });
        mkdirSync(folder, { recursive: true });
        replace(fileOf(tenant), yaml);
        return found(tenant) ?? { tenant, yaml, etag: etagOf(yaml), updatedAt: new Date().toISOString() };
      }),

    remove: (tenant, etag) =>
      guarded(() => {
        const before = found(tenant);
        if (before === null) return;
        if (before.etag !== etag) throw new TributaryError('TENANT_CHANGED', { tenant });
        rmSync(fileOf(tenant), { force: true });
      }),

    [Symbol.asyncDispose]: async () => {},
  };
}

/** A reader sees the old text or the new one. A link stays a link: the file that it names is replaced. */
function replace(path: string, text: string): void {
  const target = unlessMissing(() => realpathSync(path)) ?? path;
  const fresh = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
  const mode = unlessMissing(() => statSync(target).mode & 0o777) ?? 0o644;
  try {
    const file = openSync(fresh, 'wx', mode);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

function etagOf(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function unlessMissing<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return `no permission (${code})`;
  if (code === 'ENOSPC') return 'the disk is full';
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'it is no folder';
  if (code === 'EISDIR') return 'a folder is where a file should be';
  return String(message ?? error);
}
