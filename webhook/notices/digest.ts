/** For people: what comes in a short time comes as one message, and nothing comes twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Notice, Notifier } from '../../runner/core/contracts/notice.ts';

export interface DigestOptions {
  /** How long after a message the next ones are gathered. @default 2000 */
  readonly windowMs?: number;
}

/** Ids that were delivered lately; who asks for one of them again is told so at once. */
const REMEMBERED = 5000;

/** The first is sent at once; those that come within the window after it go together, at its end. */
export function digested(notifier: Notifier, { windowMs = 2000 }: DigestOptions = {}): Notifier {
  const waiting = new Map<string, Notice>();
  const flying = new Map<string, Promise<void>>();
  const delivered = new Set<string>();
  let quietUntil = 0;
  let next: Promise<void> | null = null;

  async function flush(): Promise<void> {
    await sleep(Math.max(0, quietUntil - Date.now()));
    const due = [...waiting.values()];
    const sending = next ?? Promise.resolve();
    for (const { id } of due) flying.set(id, sending);
    waiting.clear();
    next = null;
    quietUntil = Date.now() + windowMs;
    try {
      await notifier.send(due);
      for (const { id } of due) delivered.add(id);
    } finally {
      for (const { id } of due) flying.delete(id);
    }
    for (const id of delivered) {
      if (delivered.size <= REMEMBERED) break;
      delivered.delete(id);
    }
  }

  return {
    name: notifier.name,
    async send(notices) {
      const wanted = notices.filter(({ id }) => !delivered.has(id));
      const fresh = wanted.filter(({ id }) => !flying.has(id));
      const answers = wanted.flatMap(({ id }) => flying.get(id) ?? []);
      for (const notice of fresh) waiting.set(notice.id, notice);
      if (fresh.length > 0) {
        next ??= flush();
        answers.push(next);
      }
      await Promise.all(answers);
    },
  };
}
