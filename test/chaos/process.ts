/** Child processes that carry out one run each. They start ahead, so that a fault does not wait for Node. */
import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ChildJob, ChildWord } from './child.ts';
import type { RunEnd } from './destination.ts';
import { SECRET_VARIABLE } from './tenant.ts';

/** When the parent kills: so long after the child said this event, or after it got its job. */
export interface Ambush {
  readonly event: string | null;
  readonly afterMs: number;
}

const script = join(import.meta.dirname, 'child.ts');
const HUNG_MS = 60_000;

export class Children implements Disposable {
  readonly #password: string;
  #spare: ChildProcess | null = null;

  constructor(password: string) {
    this.#password = password;
  }

  /** Runs the job to its end, whichever that is. */
  run(job: ChildJob, ambush?: Ambush): Promise<RunEnd> {
    const child = this.#spare ?? this.#spawn();
    this.#spare = this.#spawn();
    return new Promise((resolve, reject) => {
      const events: string[] = [];
      let last: Extract<ChildWord, { status: string }> | null = null;
      let complaint = '';
      let hung = false;
      let killing: NodeJS.Timeout | undefined;
      const kill = () => child.kill('SIGKILL');
      const hunger = setTimeout(() => {
        hung = true;
        kill();
      }, HUNG_MS);
      const arm = (event: string | null) => {
        if (ambush?.event === event) killing ??= setTimeout(kill, ambush.afterMs);
      };
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const word = JSON.parse(line) as ChildWord;
        if ('status' in word) last = word;
        else {
          events.push(word.event);
          arm(word.event);
        }
      });
      child.stderr?.on('data', (text) => {
        complaint += text;
      });
      child.once('error', reject);
      child.once('close', (_, signal) => {
        clearTimeout(hunger);
        clearTimeout(killing);
        const { runId = null, status = null, code = null } = last ?? {};
        const detail = `${last?.detail ?? ''}${complaint}`.trim();
        resolve({ killed: signal === 'SIGKILL' && !hung, hung, events, runId, status, code, detail });
      });
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(`${JSON.stringify(job)}\n`);
      arm(null);
    });
  }

  #spawn(): ChildProcess {
    return spawn(process.execPath, [script], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        [SECRET_VARIABLE]: this.#password,
        NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
      },
    });
  }

  [Symbol.dispose](): void {
    this.#spare?.kill('SIGKILL');
    this.#spare = null;
  }
}
