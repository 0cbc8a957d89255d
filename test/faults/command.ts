/** `tributary` as a process of its own: what it says and how it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RunEvent } from '../../runner/core/contracts/run-store.ts';
import type { Problem } from '../../runner/core/errors.ts';

const cli = join(import.meta.dirname, '..', '..', 'runner', 'cli.js');

export interface CommandOptions {
  readonly folder: string;
  /** After `tributary`; with `--json` events are seen. */
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Put before the command: `setpriv …`. */
  readonly through?: readonly string[];
  /** It is killed after so many; default 50. */
  readonly seconds?: number;
  readonly onEvent?: (event: RunEvent) => void;
}

export interface Ended {
  /** `null` where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The document on stdout. */
  readonly json: {
    readonly runId?: string;
    readonly status?: string;
    readonly rows?: Readonly<Record<string, number>>;
    readonly problem?: Problem;
  };
  /** It was killed because it took too long. */
  readonly hung: boolean;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the first event of which this is true. */
  event(wanted: (event: RunEvent) => boolean): Promise<RunEvent>;
}

export function startCommand(options: CommandOptions): Started {
  const { folder, words, environment = {}, through = [], seconds = 50, onEvent } = options;
  const [program = process.execPath, ...rest] = [...through, process.execPath, cli, ...words];
  const child = spawn(program, rest, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let hung = false;
  const hunger = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, seconds * 1000);
  let stdout = '';
  let stderr = '';
  const events: RunEvent[] = [];
  const waiting = new Set<(event: RunEvent) => void>();
  child.stdout?.on('data', (text) => {
    stdout += text;
  });
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    stderr += `${line}\n`;
    if (!line.startsWith('{"runId"')) return;
    const event = JSON.parse(line) as RunEvent;
    events.push(event);
    onEvent?.(event);
    for (const tell of waiting) tell(event);
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(hunger);
      resolve({ code, stdout, stderr, json: documentOf(stdout), hung });
    });
  });
  const event = (wanted: (event: RunEvent) => boolean) => {
    const before = events.find(wanted);
    if (before !== undefined) return Promise.resolve(before);
    const coming = new Promise<RunEvent>((resolve) => {
      waiting.add((one) => {
        if (wanted(one)) resolve(one);
      });
    });
    const never = ended.then(({ code, stderr: text }): never => {
      throw new Error(`the run ended with ${code} before: ${text}`);
    });
    return Promise.race([coming, never]);
  };
  return { child, ended, event };
}

/** One that was killed while it spoke left no document. */
function documentOf(stdout: string): Ended['json'] {
  try {
    return JSON.parse(stdout) as Ended['json'];
  } catch {
    return {};
  }
}
