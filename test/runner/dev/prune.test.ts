import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Problem } from '../../../runner/core/errors.ts';
import { forgetDaily } from '../../../runner/dev/prune.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';

const DAY_MS = 86_400_000;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-prune-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('runs that ended 90 days ago are forgotten while others use the store; again after the next while', async () => {
  const file = join(folder, 'runs.sqlite');
  await using store = openSqliteStore(file);
  const run = async (runId: string, ended: boolean) => {
    const lease = await store.claim({ tenant: 't', source: runId, runId, ttlMs: 60_000 });
    if (ended) await store.finish(runId, 'succeeded', {}, null);
    if (ended) await store.release(lease);
  };
  await run('ended', true);
  await run('running', false);
  let days = 89;
  let asked = 0;
  const failures: Problem[] = [];
  const forgot = Promise.withResolvers<number>();
  const again = Promise.withResolvers<void>();
  using _ = forgetDaily({
    file,
    everyMs: 5,
    now: () => {
      asked += 1;
      if (asked === 3) again.resolve();
      return Date.now() + days * DAY_MS;
    },
    onForgot: forgot.resolve,
    onFailure: (problem) => failures.push(problem),
  });
  await again.promise;
  expect(await store.get('ended')).toMatchObject({ status: 'succeeded' });
  days = 91;
  expect(await forgot.promise).toBe(1);
  expect(await store.get('ended')).toBeNull();
  expect(await store.get('running')).toMatchObject({ status: 'running' });
  expect(failures).toEqual([]);
});

test('a store that cannot be opened is told and tried again', async () => {
  const file = join(folder, 'runs.sqlite');
  writeFileSync(file, 'no database at all, and long enough to be looked at as if it were one'.repeat(100));
  const problems: Problem[] = [];
  const twice = Promise.withResolvers<void>();
  using _ = forgetDaily({
    file,
    everyMs: 5,
    onForgot: () => undefined,
    onFailure: (problem) => {
      problems.push(problem);
      if (problems.length === 2) twice.resolve();
    },
  });
  await twice.promise;
  expect(problems[1]).toMatchObject({ code: 'STORE_FAILED' });
});
