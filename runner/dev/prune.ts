/** What Firestore forgets by itself, a laptop's run store is told to. */
import { RUN_STORE_DAYS } from '../../tenants/run-store-layout.ts';
import { type Problem, problemOf } from '../core/errors.ts';
import { openSqliteStore } from '../stores/sqlite.ts';

export interface Forgetting {
  readonly file: string;
  readonly onForgot: (runs: number) => void;
  /** The next try is a day later. */
  readonly onFailure: (problem: Problem) => void;
  readonly now?: () => number;
  /** @default a day */
  readonly everyMs?: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Forgets runs that ended long ago, now and each day. Ends with what it returns; it keeps no process alive. */
export function forgetDaily({ file, onForgot, onFailure, now = Date.now, everyMs = DAY_MS }: Forgetting): Disposable {
  const forget = async () => {
    try {
      await using store = openSqliteStore(file);
      const runs = await store.prune(new Date(now() - RUN_STORE_DAYS.runs * DAY_MS).toISOString());
      if (runs > 0) onForgot(runs);
    } catch (error) {
      onFailure(problemOf(error));
    }
  };
  void forget();
  const timer = setInterval(forget, everyMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
