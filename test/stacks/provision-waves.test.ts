import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pooled, waves } from '../../stacks/provision/waves.ts';

test('one canary, a tenth, the rest: everybody once and in order', () => {
  fc.assert(
    fc.property(fc.nat(300), (count) => {
      const items = Array.from({ length: count }, (_, at) => at);
      const found = waves(items);
      expect(found.flat()).toEqual(items);
      expect(found.every((wave) => wave.length > 0)).toBe(true);
      if (count > 0) expect(found[0]).toEqual([0]);
      if (count > 1) expect(found[1]).toHaveLength(Math.min(Math.ceil(count / 10), count - 1));
      expect(found.length).toBeLessThanOrEqual(3);
    }),
  );
});

test('no more than so many at a time, results in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(3), { maxLength: 20 }),
      fc.integer({ min: 1, max: 8 }),
      async (delays, parallel) => {
        let [now, most] = [0, 0];
        const results = await pooled(delays, parallel, async (delay) => {
          most = Math.max(most, ++now);
          await sleep(delay);
          now--;
          return delay * 2;
        });
        expect(results).toEqual(delays.map((delay) => delay * 2));
        expect(most).toBe(Math.min(parallel, delays.length));
      },
    ),
    { numRuns: 30 },
  );
});

test('after a stop nothing is begun, what runs is finished', async () => {
  let stopped = false;
  const results = await pooled(
    [1, 2, 3, 4, 5, 6],
    2,
    async (item) => {
      await sleep(5);
      stopped ||= item === 2;
      return item;
    },
    () => stopped,
  );
  expect(results).toContain(1);
  expect(results).toContain(2);
  expect(results.length).toBeLessThanOrEqual(3);
});
