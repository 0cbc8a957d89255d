/** Events and schedule ticks. */
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../runner/core/contracts/run-store.ts';
import { EACH } from './run-store-process.ts';
import type { Scene } from './run-store-scene.ts';

export function describeEvents(scene: Scene): void {
  describe('events', () => {
    const progress = (n: number): RunEvent => {
      return { runId: 'r1', at: '2026-01-01T00:00:00.000Z', type: 'progress', data: { n, rows: [[n]] } };
    };

    test('come in the order in which they were appended, also from a place in the middle', async () => {
      await scene.claim('r1');
      const given: RunEvent[] = [
        { runId: 'r1', at: '2026-01-01T00:00:02.000Z', type: 'run-start', data: { mode: 'window' } },
        { runId: 'r1', at: '2026-01-01T00:00:01.000Z', type: 'step-start', step: 'extract' },
        { runId: 'r1', at: '2026-01-01T00:00:03.000Z', type: 'progress', step: 'extract', data: { rows: 5 } },
        { runId: 'r1', at: '2026-01-01T00:00:03.000Z', type: 'run-end' },
      ];
      for (const event of given) await scene.store.append(event);
      await scene.store.append({ runId: 'r2', at: '2026-01-01T00:00:00.000Z', type: 'warning' });
      const all = await scene.store.events('r1');
      expect(all.map(({ sequence: _, ...event }) => event)).toEqual(given);
      const sequences = all.map((event) => event.sequence);
      expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
      expect(await scene.store.events('r1', sequences[1])).toEqual(all.slice(2));
      expect(await scene.store.events('r1', sequences[3])).toEqual([]);
    });

    test('the same id twice is one event, of this run', async () => {
      await scene.store.append(progress(1), 'e1');
      await scene.store.append(progress(2), 'e1');
      await scene.store.append({ ...progress(3), runId: 'r2' }, 'e1');
      await Promise.all(['e2', 'e2', 'e3', 'e1'].map((id, n) => scene.store.append(progress(10 + n), id)));
      await scene.store.append(progress(4));
      await scene.store.append(progress(4));
      const seen = (await scene.store.events('r1')).map(({ data }) => data?.n);
      expect(seen).toEqual([1, 10, 12, 4, 4]);
      expect(await scene.store.events('r2')).toHaveLength(1);
    });

    test('many at once of one process keep their order', async () => {
      await Promise.all(Array.from({ length: 500 }, (_, n) => scene.store.append(progress(n))));
      const seen = (await scene.store.events('r1')).map(({ data }) => data?.n);
      expect(seen).toEqual(Array.from({ length: 500 }, (_, n) => n));
    });

    test('fifty writers of one run lose none, and each keeps its order', async () => {
      await scene.fifty('append');
      const all = await scene.store.events('shared');
      expect(all).toHaveLength(50 * EACH);
      expect(new Set(all.map((event) => event.sequence)).size).toBe(50 * EACH);
      const seen = new Map<unknown, number>();
      for (const { data } of all) {
        expect(data?.n).toBe((seen.get(data?.runId) ?? -1) + 1);
        seen.set(data?.runId, Number(data?.n));
      }
      expect(seen.size).toBe(50);
    });

    test('fifty writers of the same events keep each once', async () => {
      await scene.fifty('appendSame');
      expect((await scene.store.events('shared')).map(({ data }) => data?.n)).toEqual([0, 1, 2, 3, 4]);
    });
  });

  describe('schedule ticks', () => {
    test('the same tick always gives the first answer', async () => {
      expect(await scene.store.tick('orders@10:00')).toBeNull();
      expect(await scene.store.deduplicate('orders@10:00', 'r1')).toBe('r1');
      expect(await scene.store.deduplicate('orders@10:00', 'r2')).toBe('r1');
      expect(await scene.store.deduplicate('orders@11:00', 'r2')).toBe('r2');
      expect(await scene.store.tick('orders@10:00')).toBe('r1');
      expect(await scene.store.tick('orders@11:00')).toBe('r2');
      expect(await scene.store.tick('orders@12:00')).toBeNull();
    });

    test('fifty writers agree on every tick', async () => {
      const answers = await scene.fifty('deduplicate');
      expect(new Set(answers.map((given) => JSON.stringify(given))).size).toBe(1);
      expect(answers[0]).toHaveLength(EACH);
      expect(await scene.store.deduplicate('tick-0', 'late')).toBe((answers[0] as string[])[0]);
    });
  });
}
