import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { problemOf } from '../../../runner/core/errors.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { runStoreSuite } from '../../contracts/run-store.ts';

const module = new URL('../../../runner/stores/sqlite.ts', import.meta.url).href;

runStoreSuite('sqlite', openSqliteStore, { module, function: 'openSqliteStore' });

describe('sqlite: the file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tributary-sqlite-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const failure = (file: string) => {
    try {
      openSqliteStore(file);
    } catch (error) {
      return problemOf(error);
    }
    throw new Error('It should have failed.');
  };

  test('folder and file belong to the user alone', async () => {
    const file = join(folder, 'a/b/runs.sqlite');
    await using store = openSqliteStore(file);
    await store.deduplicate('k', 'r');
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'a/b')).mode & 0o777).toBe(0o700);
    for (const part of ['', '-wal', '-shm']) expect(statSync(file + part).mode & 0o777).toBe(0o600);
  });

  test('importing and opening prints nothing, importing touches nothing', () => {
    const script = `
      const { openSqliteStore } = await import(${JSON.stringify(module)});
      const { readdirSync } = await import('node:fs');
      console.log(readdirSync('.').length);
      await using store = openSqliteStore('runs.sqlite');
      process.emitWarning('others pass', 'ExperimentalWarning');`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: folder, encoding: 'utf8' });
    expect(child.stdout).toBe('0\n');
    expect(child.stderr).not.toContain('SQLite');
    expect(child.stderr).toContain('others pass');
  });

  test('a file that is no database is refused and left as it is', () => {
    const file = join(folder, 'runs.sqlite');
    writeFileSync(file, 'precious notes '.repeat(500));
    expect(failure(file)).toMatchObject({ code: 'STORE_FAILED' });
    expect(failure(file).detail).toContain('damaged');
    expect(statSync(file).size).toBe(7500);
  });

  test('a damaged page is reported when it is met', async () => {
    const file = join(folder, 'runs.sqlite');
    const store = openSqliteStore(file);
    for (let n = 0; n < 300; n++) await store.deduplicate(`key-${n}-${'x'.repeat(100)}`, 'r');
    await store[Symbol.asyncDispose]();
    const size = statSync(file).size;
    const { openSync, writeSync, closeSync } = await import('node:fs');
    const handle = openSync(file, 'r+');
    writeSync(handle, Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096);
    closeSync(handle);
    const attempt = async () => {
      await using damaged = openSqliteStore(file);
      await damaged.deduplicate('key', 'r');
    };
    expect(await attempt().catch(problemOf)).toMatchObject({ code: 'STORE_FAILED' });
  });

  test('a newer format is not touched', async () => {
    const file = join(folder, 'runs.sqlite');
    await openSqliteStore(file)[Symbol.asyncDispose]();
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    const database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 99');
    database.close();
    expect(failure(file).detail).toContain('format 99');
  });

  test('places that cannot hold a file', () => {
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'runs.sqlite'));
    for (const place of ['file/runs.sqlite', 'runs.sqlite']) {
      expect(failure(join(folder, place))).toMatchObject({ code: 'STORE_FAILED' });
    }
    expect(existsSync(join(folder, 'runs.sqlite-wal'))).toBe(false);
  });

  test('a folder that cannot be written', () => {
    const locked = join(folder, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o500);
    // The superuser may write everywhere, so there it is someone else who tries.
    const script = `
      const { openSqliteStore } = await import(${JSON.stringify(module)});
      if (process.getuid() === 0) process.setuid(65534);
      try { openSqliteStore(${JSON.stringify(join(locked, 'runs.sqlite'))}); } catch (error) { console.log(error.message); }`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(child.stdout).toMatch(/^STORE_FAILED: .*cannot be written \(EACCES\)/);
  });

  test('after it is closed, a call fails with a code', async () => {
    const store = openSqliteStore(join(folder, 'runs.sqlite'));
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    expect(await store.get('r').catch(problemOf)).toMatchObject({ code: 'STORE_FAILED' });
  });

  test('prune forgets what ended before, and keeps what runs', async () => {
    await using store = openSqliteStore(join(folder, 'runs.sqlite'));
    const early = { runId: 'old', at: '2020-01-01T00:00:00.000Z', type: 'progress' } as const;
    const lease = await store.claim({ tenant: 't', source: 's', runId: 'old', ttlMs: 1000 });
    await store.append(early);
    await store.finish('old', 'succeeded', {}, null);
    await store.release(lease);
    await store.claim({ tenant: 't', source: 's', runId: 'running', ttlMs: 1000 });
    await store.append({ ...early, runId: 'running' });
    await store.deduplicate('tick', 'old');
    expect(await store.prune('2021-01-01T00:00:00.000Z')).toBe(0);
    expect(await store.events('old')).toHaveLength(1);
    const later = new Date(Date.now() + 1000).toISOString();
    expect(await store.prune(later)).toBe(1);
    expect(await store.get('old')).toBeNull();
    expect(await store.events('old')).toEqual([]);
    expect(await store.events('running')).toHaveLength(1);
    expect(await store.deduplicate('tick', 'new')).toBe('new');
    const next = store.claim({ tenant: 't', source: 's', runId: 'next', ttlMs: 1000 });
    expect(await next.catch(problemOf)).toMatchObject({ code: 'LEASE_HELD' });
  });
});
