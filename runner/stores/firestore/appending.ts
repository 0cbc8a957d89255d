/** Appends of one run that come together are one commit: the counter of the run is written once for all of them. */
import { randomUUID } from 'node:crypto';
import type { RunEvent } from '../../core/contracts/run-store.ts';
import type { Database } from './database.ts';
import { digest, expiry, nameOf, newEvent } from './documents.ts';

/** A commit may have ten megabytes, and for years no more than 500 writes. */
const MOST_EVENTS = 200;
const MOST_BYTES = 4_000_000;

interface Waiting {
  readonly event: RunEvent;
  readonly name: string;
  readonly bytes: number;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export function appender(database: Database): (event: RunEvent, id?: string) => Promise<void> {
  const queues = new Map<string, Waiting[]>();

  return (event, id = randomUUID()) =>
    new Promise((done, failed) => {
      const bytes = JSON.stringify(event.data ?? null).length;
      const waiting = { event, name: digest(id), bytes, done, failed };
      const queue = queues.get(event.runId);
      if (queue !== undefined) {
        queue.push(waiting);
        return;
      }
      queues.set(event.runId, [waiting]);
      void drain(event.runId);
    });

  async function drain(runId: string): Promise<void> {
    const queue = queues.get(runId) ?? [];
    while (queue.length > 0) {
      const batch = queue.splice(0, sizeOf(queue));
      try {
        await write(runId, batch);
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    queues.delete(runId);
  }

  async function write(runId: string, batch: readonly Waiting[]): Promise<void> {
    const run = nameOf(runId);
    const counter = database.firestore.collection('sequences').doc(run);
    const events = database.firestore.collection('runs').doc(run).collection('events');
    const once = batch.filter(({ name }, place) => batch.findIndex((other) => other.name === name) === place);
    await database.step(async ({ create, update }) => {
      const [last, ...known] = await database.firestore.getAll(counter, ...once.map(({ name }) => events.doc(name)));
      const fresh = once.filter((_, place) => !known[place]?.exists);
      if (last === undefined || fresh.length === 0) return;
      let sequence = Number(last.get('last') ?? 0);
      for (const { name, event } of fresh) create(events.doc(name), newEvent(event, ++sequence, last.readTime));
      const changes = { last: sequence, expireAt: expiry('sequences', last.readTime) };
      if (last.exists) update(last, changes);
      else create(last, changes);
    });
  }
}

/** At least one, and as many as a commit takes. */
function sizeOf(queue: readonly Waiting[]): number {
  let bytes = 0;
  const over = queue.findIndex((waiting, place) => {
    bytes += waiting.bytes;
    return place > 0 && (place >= MOST_EVENTS || bytes > MOST_BYTES);
  });
  return over === -1 ? queue.length : over;
}
