/** A clock that stands still until it is told to go on: a year passes in a moment, sleeper by sleeper, in order. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../../webhook/scheduler/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export class SteppedClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(start: Date | string) {
    this.#now = new Date(start).getTime();
  }

  now(): Date {
    return new Date(this.#now);
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((done) => {
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener('abort', wake);
        done();
      };
      const sleeper = { at: this.#now + Math.max(ms, 0), wake };
      this.#sleepers.add(sleeper);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  /** Wakes all who sleep until then, each at its time, and gives them a turn before the next. */
  async advanceTo(when: Date | string): Promise<void> {
    const end = new Date(when).getTime();
    await settled();
    for (;;) {
      const first = [...this.#sleepers].sort((a, b) => a.at - b.at)[0];
      if (first === undefined || first.at > end) break;
      this.#now = Math.max(this.#now, first.at);
      first.wake();
      await settled();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** The time is another at once, as after a machine slept: everybody wakes late. */
  async jumpTo(when: Date | string): Promise<void> {
    await settled();
    this.#now = new Date(when).getTime();
    await this.advanceTo(when);
  }
}

/** What is not waiting for a device has had its turn. */
async function settled(): Promise<void> {
  for (let i = 0; i < 4; i++) await turn();
}
