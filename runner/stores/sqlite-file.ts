/** Opens the file of a SQLite run store: driver, pragmas, format, and errors in the words of the catalogue. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { TributaryError } from '../core/errors.ts';
import { STEPS } from './sqlite-schema.ts';

const BUSY_MS = 5000;
export function openFile(file: string): DatabaseSync {
  return guarded(file, () => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600));
    const database = new (driver().DatabaseSync)(file);
    try {
      database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
      patiently(() => configure(database, file));
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Runs the body; what the driver or the file system throws becomes STORE_FAILED. */
export function guarded<T>(file: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (TributaryError.is(error)) throw error;
    throw new TributaryError('STORE_FAILED', { store: file, reason: reasonOf(error) }, { cause: error });
  }
}

function configure(database: DatabaseSync, file: string): void {
  if (database.prepare('PRAGMA journal_mode').get()?.journal_mode !== 'wal') {
    database.exec('PRAGMA journal_mode = WAL');
  }
  database.exec('PRAGMA synchronous = NORMAL');
  const known = STEPS.length;
  if (versionOf(database) < known) transaction(database, () => migrate(database));
  const found = versionOf(database);
  if (found !== known) {
    const reason = `it has format ${found}, this version of Tributary knows ${known}`;
    throw new TributaryError('STORE_FAILED', { store: file, reason });
  }
}

/** Under the write lock: whoever came second finds it done. */
function migrate(database: DatabaseSync): void {
  const missing = STEPS.slice(versionOf(database));
  if (missing.length === 0) return;
  for (const step of missing) database.exec(step);
  database.exec(`PRAGMA user_version = ${STEPS.length}`);
}

/** Takes the write lock at once: what is read inside stays true until the end. */
export function transaction<T>(database: DatabaseSync, body: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = body();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version);
}

/** The change to WAL answers "busy" without waiting (sqlite.org/wal.html), so it is repeated here. */
function patiently(step: () => void): void {
  for (const deadline = Date.now() + BUSY_MS; ; ) {
    try {
      step();
      return;
    } catch (error) {
      if (primaryCode(error) !== 5 || Date.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5 + Math.random() * 20);
    }
  }
}

/** Loads node:sqlite without its notice that it is experimental; every other warning passes. */
function driver(): typeof import('node:sqlite') {
  const emit = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    const [first] = rest;
    const type = typeof first === 'object' && first !== null ? (first as { type?: string }).type : first;
    if (type === 'ExperimentalWarning' && String(warning).includes('SQLite')) return;
    Reflect.apply(emit, process, [warning, ...rest]);
  }) as typeof process.emitWarning;
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emit;
  }
}

/** Result codes: sqlite.org/rescode.html; the low byte is the primary one. */
function primaryCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown }).errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

const REASONS: Readonly<Record<number, string>> = {
  5: `another process kept it locked for ${BUSY_MS / 1000} s`,
  8: 'it cannot be written',
  11: 'the file is damaged; move it away and the next run makes a new one',
  13: 'the disk is full',
  14: 'it cannot be opened',
  26: 'the file is damaged or no run store; move it away and the next run makes a new one',
};

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known = REASONS[primaryCode(error) ?? -1];
  if (known !== undefined) return known;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return `it cannot be written (${code})`;
  if (code === 'ENOSPC') return 'the disk is full';
  if (code === 'EISDIR') return 'it is a folder';
  if (code === 'ENOTDIR' || code === 'EEXIST') return 'its folder is a file';
  return String(message ?? error);
}
