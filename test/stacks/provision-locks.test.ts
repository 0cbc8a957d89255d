import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isStale, type Lock, locksIn } from '../../stacks/provision/locks.ts';

/** As backend/diy/lock.go of the engine writes it. */
const refusal = (locks: readonly Lock[]) =>
  [
    `error: the stack is currently locked by ${locks.length} lock(s). Either wait for the other process(es) to end or delete the lock file with \`pulumi cancel\`.`,
    ...locks.map(
      ({ user, host, pid, since }, at) =>
        `  file:///state/.pulumi/locks/organization/tributary/acme.dev/${at}.json: created by ${user}@${host} (pid ${pid}) at ${since}`,
    ),
  ].join('\n');

const lock = fc.record({
  user: fc.stringMatching(/^[a-z][a-z0-9_-]{0,9}$/),
  host: fc.stringMatching(/^[a-z][a-z0-9.-]{0,15}$/),
  pid: fc.integer({ min: 1, max: 4_194_304 }),
  since: fc.constantFrom('2026-11-23T13:45:36Z', '2026-11-23T13:45:36+01:00'),
});

test('holders are read back from what the engine says', () => {
  fc.assert(
    fc.property(fc.array(lock, { minLength: 1, maxLength: 3 }), (locks) => {
      expect(locksIn(refusal(locks))).toEqual(locks);
    }),
  );
  expect(locksIn('error: created by somebody@host (pid 1) at 2026-11-23T13:45:36Z')).toEqual([]);
});

test('a lock is stale only on this host, for a process that is gone or began later', () => {
  const began = fc.option(
    fc.integer({ min: Date.parse('2026-11-23T12:00:00Z'), max: Date.parse('2026-11-23T15:00:00Z') }),
    {
      nil: null,
    },
  );
  fc.assert(
    fc.property(lock, fc.boolean(), fc.oneof(began, fc.constant(undefined)), (held, here, start) => {
      const stale = isStale(held, here ? held.host : `not-${held.host}`, () => start);
      const gone = start === null || (start !== undefined && start > Date.parse(held.since) + 1000);
      expect(stale).toBe(here && gone);
    }),
  );
});

test('real processes: this one lives, one that ended is gone, one that reused the number is another', async () => {
  const now = { user: 'me', host: hostname(), since: new Date().toISOString() };
  expect(isStale({ ...now, pid: process.pid })).toBe(false);
  expect(isStale({ ...now, pid: process.pid, since: '2001-01-01T00:00:00Z' })).toBe(true);
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  expect(isStale({ ...now, pid: child.pid ?? -1 })).toBe(true);
});
