/** Keeps a program running: starts it again when it dies, later and later, and ends it when it is asked to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SupervisorOptions {
  readonly program: readonly [string, ...string[]];
  readonly environment: NodeJS.ProcessEnv;
  /** A line that it wrote; JSON is parsed. */
  readonly onLine: (line: string | Readonly<Record<string, unknown>>) => void;
  /** @param restartMs until it is started again; `null`: it is not. */
  readonly onDeath: (death: {
    readonly code: number | null;
    readonly signal: string | null;
    readonly restartMs: number | null;
  }) => void;
  /** Whether the line says that it works. */
  readonly isReady: (line: Readonly<Record<string, unknown>>) => boolean;
}

export interface Supervised {
  /** Resolves when it ended for good: it was stopped, or died before it had ever worked. */
  readonly ended: Promise<void>;
  readonly pid: () => number | null;
  /** Asks it to end. */
  stop(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): void;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** One that lived so long died of something new. */
const LONG_LIFE_MS = 30_000;

export function supervise(options: SupervisorOptions): Supervised {
  const stopped = new AbortController();
  let child: ChildProcess | null = null;
  let worked = false;

  async function live(): Promise<void> {
    let wait = FIRST_WAIT_MS;
    for (;;) {
      const start = Date.now();
      const { code, signal } = await once();
      if (Date.now() - start > LONG_LIFE_MS) wait = FIRST_WAIT_MS;
      const again = worked && !stopped.signal.aborted;
      options.onDeath({ code, signal, restartMs: again ? wait : null });
      if (!again) return;
      await sleep(wait, undefined, { signal: stopped.signal }).catch(() => {});
      if (stopped.signal.aborted) return;
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }

  /** A group of its own: Ctrl-C in the terminal is for the supervisor, which says in what order things end. */
  function once(): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    const [command, ...words] = options.program;
    const started = spawn(command, words, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
      env: options.environment,
    });
    child = started;
    for (const stream of [started.stdout, started.stderr])
      if (stream !== null) createInterface({ input: stream }).on('line', heard);
    return new Promise((done) => {
      started.once('error', (error) => {
        options.onLine(error.message);
        done({ code: null, signal: null });
      });
      started.once('close', (code, signal) => done({ code, signal }));
    });
  }

  function heard(text: string): void {
    const line = parsed(text);
    if (typeof line !== 'string' && options.isReady(line)) worked = true;
    options.onLine(line);
  }

  return {
    ended: live(),
    pid: () => child?.pid ?? null,
    stop: (signal) => {
      stopped.abort();
      if (child?.exitCode === null && child.signalCode === null) child.kill(signal);
    },
  };
}

function parsed(text: string): string | Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : text;
  } catch {
    return text;
  }
}
