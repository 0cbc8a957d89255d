/** Events on their way to a webhook that is slow, away or unwilling. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RunEvent } from '../../../runner/core/contracts/run-store.ts';
import { Outbox, type SentEvent } from '../../../runner/stores/webhook/outbox.ts';

const AWAY = new Error('away');
const event = (n: number, more: Partial<RunEvent> = {}): RunEvent => ({
  ...{ runId: 'r1', at: new Date(0).toISOString(), type: 'warning', data: { n } },
  ...more,
});
const numbers = (events: readonly SentEvent[]) => events.map(({ data }) => data?.n);
const patience = () => AbortSignal.timeout(30_000);

/** Keeps what it takes, each id once, as the webhook does. */
class Receiver {
  readonly events: SentEvent[] = [];
  readonly batches: number[] = [];
  readonly dropped: number[] = [];
  fate: () => 'take' | 'lose' | 'away' | 'unwilling' = () => 'take';
  readonly outbox = new Outbox({
    send: async (events) => {
      const fate = this.fate();
      if (fate === 'away') throw AWAY;
      if (fate === 'unwilling') throw new Error('unwilling');
      this.batches.push(events.length);
      const known = new Set(this.events.map(({ id }) => id));
      this.events.push(...events.filter(({ id }) => !known.has(id)));
      if (fate === 'lose') throw AWAY;
    },
    passes: (error) => error === AWAY,
    onDropped: (count) => this.dropped.push(count),
  });
}

it('delivers in order, in batches, and each once though answers are lost', async () => {
  const receiver = new Receiver();
  let sent = 0;
  receiver.fate = () => (sent++ % 2 === 0 ? 'lose' : 'take');
  for (let n = 0; n < 250; n += 1) receiver.outbox.add(event(n));
  await receiver.outbox.drain(patience());
  expect(numbers(receiver.events)).toEqual(Array.from({ length: 250 }, (_, n) => n));
  expect(Math.max(...receiver.batches)).toBe(100);
  receiver.outbox.close();
});

it('keeps of the progress of a step the newest, and every other event', async () => {
  const receiver = new Receiver();
  for (let n = 0; n < 50; n += 1) receiver.outbox.add(event(n, { type: 'progress', step: 'extract' }));
  receiver.outbox.add(event(50));
  for (let n = 51; n < 54; n += 1) receiver.outbox.add(event(n, { type: 'progress' }));
  await receiver.outbox.drain(patience());
  expect(numbers(receiver.events)).toEqual([49, 50, 51, 52, 53]);
});

it('holds a bounded number while the webhook is away, the newest, and says so once', async () => {
  const receiver = new Receiver();
  receiver.fate = () => 'away';
  for (let n = 0; n < 5000; n += 1) receiver.outbox.add(event(n));
  expect(receiver.outbox.size).toBe(2000);
  expect(receiver.dropped).toEqual([1]);
  receiver.fate = () => 'take';
  await receiver.outbox.drain(patience());
  expect(numbers(receiver.events)).toEqual(Array.from({ length: 2000 }, (_, n) => n + 3000));
});

it('drops what is never taken, and goes on with the rest', async () => {
  const receiver = new Receiver();
  let sent = 0;
  receiver.fate = () => (sent++ === 0 ? 'unwilling' : 'take');
  for (let n = 0; n < 150; n += 1) receiver.outbox.add(event(n));
  await receiver.outbox.drain(patience());
  expect(receiver.dropped).toEqual([100]);
  expect(numbers(receiver.events)).toEqual(Array.from({ length: 50 }, (_, n) => n + 100));
});

it('cuts an event that is in the way of others, and keeps batches small', async () => {
  const receiver = new Receiver();
  receiver.outbox.add(event(0, { data: { text: 'x'.repeat(1_000_000) } }));
  for (let n = 1; n < 20; n += 1) receiver.outbox.add(event(n, { data: { n, text: 'y'.repeat(30_000) } }));
  await receiver.outbox.drain(patience());
  expect(receiver.events[0]?.data).toMatchObject({ cut: true });
  expect(receiver.events).toHaveLength(20);
  expect(Math.max(...receiver.batches)).toBeLessThanOrEqual(5);
});

it('is drained no longer than it may be', async () => {
  const receiver = new Receiver();
  receiver.fate = () => 'away';
  receiver.outbox.add(event(0));
  await receiver.outbox.drain(AbortSignal.timeout(50));
  expect(receiver.outbox.size).toBe(1);
  receiver.outbox.close();
});

it('loses nothing and changes no order, whatever comes when', async () => {
  const kinds = fc.constantFrom('take', 'lose', 'away');
  await fc.assert(
    fc.asyncProperty(fc.array(kinds, { maxLength: 2 }), fc.integer({ min: 1, max: 120 }), async (fates, count) => {
      const receiver = new Receiver();
      const left = [...fates];
      receiver.fate = () => left.shift() ?? 'take';
      for (let n = 0; n < count; n += 1) {
        receiver.outbox.add(event(n));
        if (n % 40 === 39) await sleep(0);
      }
      await receiver.outbox.drain(patience());
      receiver.outbox.close();
      expect(numbers(receiver.events)).toEqual(Array.from({ length: count }, (_, n) => n));
    }),
    { numRuns: 4 },
  );
});
