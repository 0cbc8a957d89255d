import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { problemOf } from '../../../runner/core/errors.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { runStoreSuite } from '../../contracts/run-store.ts';
import { ORDER } from '../../contracts/run-store-scene.ts';

const module = new URL('../../../runner/stores/sqlite.ts', import.meta.url).href;

runStoreSuite('sqlite', openSqliteStore, { module, function: 'openSqliteStore', writers: 'threads' });

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

  /** The tables of version 1, as that version made them. */
  const FORMAT_1 = `
    CREATE TABLE lease (
      tenant TEXT NOT NULL, source TEXT NOT NULL, token INTEGER NOT NULL,
      run_id TEXT, expires_at INTEGER NOT NULL,
      host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL, namespace TEXT NOT NULL,
      PRIMARY KEY (tenant, source)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE run (
      number INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL UNIQUE,
      tenant TEXT NOT NULL, source TEXT NOT NULL, status TEXT NOT NULL,
      started_at TEXT NOT NULL, ended_at TEXT, summary TEXT NOT NULL DEFAULT '{}', problem TEXT
    ) STRICT;
    CREATE INDEX run_by_source ON run (tenant, source, number);
    CREATE TABLE event (
      run_id TEXT NOT NULL, sequence INTEGER NOT NULL, at TEXT NOT NULL, type TEXT NOT NULL, step TEXT, data TEXT,
      PRIMARY KEY (run_id, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE tick (key TEXT PRIMARY KEY, run_id TEXT NOT NULL, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO lease VALUES ('acme', 'orders', 7, 'killed', 9999999999999, 'elsewhere', 1, '', '');
    INSERT INTO run (run_id, tenant, source, status, started_at, ended_at, summary) VALUES
      ('ended', 'acme', 'orders', 'succeeded', '2026-01-01T00:00:00.000Z', '2026-01-01T00:01:00.000Z', '{"rows":3}'),
      ('lost', 'acme', 'orders', 'running', '2026-01-02T00:00:00.000Z', NULL, '{}'),
      ('killed', 'acme', 'orders', 'running', '2026-01-03T00:00:00.000Z', NULL, '{}');
    INSERT INTO event VALUES ('ended', 1, '2026-01-01T00:00:30.000Z', 'progress', 'extract', '{"rows":3}');
    INSERT INTO tick VALUES ('orders@10:00', 'ended', '2026-01-01T00:00:00.000Z');
    PRAGMA user_version = 1;`;

  const fileOfFormat1 = (more = '') => {
    const file = join(folder, 'runs.sqlite');
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    const database = new DatabaseSync(file);
    database.exec(`PRAGMA journal_mode = WAL; ${FORMAT_1} ${more}`);
    database.close();
    return file;
  };

  test('a file of format 1 goes on with all it holds', async () => {
    const file = fileOfFormat1();
    const opened = Array.from({ length: 3 }, () => openSqliteStore(file));
    const [store] = opened as [ReturnType<typeof openSqliteStore>];
    expect(await store.get('ended')).toEqual({
      ...{ runId: 'ended', tenant: 'acme', source: 'orders', status: 'succeeded', order: null, execution: null },
      ...{ cancelRequested: false, createdAt: '2026-01-01T00:00:00.000Z', startedAt: '2026-01-01T00:00:00.000Z' },
      ...{ endedAt: '2026-01-01T00:01:00.000Z', summary: { rows: 3 }, problem: null },
    });
    expect(await store.events('ended')).toMatchObject([{ sequence: 1, step: 'extract', data: { rows: 3 } }]);
    expect(await store.tick('orders@10:00')).toBe('ended');
    expect(await store.holder('acme', 'orders')).toMatchObject({ runId: 'killed', fencingToken: 7 });
    expect((await store.abandoned('acme', 'orders')).map(({ runId }) => runId)).toEqual(['lost']);
    expect(await store.list({ unannounced: true, limit: 10 })).toEqual([]);
    await store.append({ runId: 'ended', at: '2026-01-01T00:00:31.000Z', type: 'warning' }, 'e1');
    expect(await store.events('ended', 1)).toMatchObject([{ sequence: 2 }]);
    await store.enqueue({ runId: 'new', tenant: 'acme', source: 'orders', order: ORDER });
    expect((await store.list({ limit: 9 })).map(({ runId }) => runId)).toEqual(['new', 'killed', 'lost', 'ended']);
    for (const each of opened) await each[Symbol.asyncDispose]();
  });

  test('many processes that open a file of format 1 at once all go on with it', async () => {
    const file = fileOfFormat1();
    const script = `
      const { openSqliteStore } = await import(${JSON.stringify(module)});
      await using store = openSqliteStore(${JSON.stringify(file)});
      await store.deduplicate(String(process.pid), 'r');`;
    const children = Array.from({ length: 5 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'inherit', 'inherit'] }),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0]));
    expect(codes).toEqual([0, 0, 0, 0, 0]);
    await using store = openSqliteStore(file);
    for (const { pid } of children) expect(await store.tick(String(pid))).toBe('r');
    expect(await store.get('ended')).toMatchObject({ status: 'succeeded' });
  });

  test('a change of format that fails leaves the file as it was', async () => {
    const file = fileOfFormat1('CREATE INDEX run_by_status ON run (status);');
    expect(failure(file)).toMatchObject({ code: 'STORE_FAILED' });
    const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    const database = new DatabaseSync(file);
    expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 });
    expect(database.prepare('SELECT count(*) AS count FROM pragma_table_info(?)').get('run')).toEqual({ count: 9 });
    database.close();
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

  test('a lease that is taken on behalf of another process does not end with the one that took it', async () => {
    const file = join(folder, 'runs.sqlite');
    const script = `
      const { openSqliteStore } = await import(${JSON.stringify(module)});
      await using store = openSqliteStore(${JSON.stringify(file)}, { onBehalf: true });
      await store.claim({ tenant: 't', source: 's', runId: 'r', ttlMs: 3_600_000 });`;
    spawnSync(process.execPath, ['--input-type=module', '-e', script]);
    await using store = openSqliteStore(file);
    expect(await store.holder('t', 's')).toMatchObject({ runId: 'r' });
    expect(await store.abandoned('t', 's')).toEqual([]);
    const problem = await store.claim({ tenant: 't', source: 's', runId: 'x', ttlMs: 1000 }).catch(problemOf);
    expect(problem).toMatchObject({ code: 'LEASE_HELD', detail: expect.not.stringContaining('process') });
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
    await store.enqueue({ runId: 'waiting', tenant: 't', source: 's', order: ORDER });
    await store.append({ ...early, runId: 'waiting' });
    expect(await store.prune('2021-01-01T00:00:00.000Z')).toBe(0);
    expect(await store.events('old')).toHaveLength(1);
    const later = new Date(Date.now() + 1000).toISOString();
    expect(await store.prune(later)).toBe(1);
    expect(await store.get('old')).toBeNull();
    expect(await store.events('old')).toEqual([]);
    expect(await store.events('running')).toHaveLength(1);
    expect(await store.get('waiting')).toMatchObject({ status: 'queued' });
    expect(await store.events('waiting')).toHaveLength(1);
    expect(await store.deduplicate('tick', 'new')).toBe('new');
    const next = store.claim({ tenant: 't', source: 's', runId: 'next', ttlMs: 1000 });
    expect(await next.catch(problemOf)).toMatchObject({ code: 'LEASE_HELD' });
  });
});
