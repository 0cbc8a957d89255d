/** The child process of one stack, from outside. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ActiveRun, ChildLine, ProvisionEvent, StackOutcome, StackRequest } from './contract.ts';

export interface Listener {
  readonly onEvent: (event: ProvisionEvent) => void;
  readonly activeRuns: () => Promise<readonly ActiveRun[]>;
  readonly signal: AbortSignal;
}

/** What a crashed child may say in an error. */
const LAST_WORDS = 2000;

type Child = ChildProcessByStdio<Writable, null, Readable>;

/** Children that load their program while the backend is still being asked; those that are not needed just end. */
export class Nursery implements Disposable {
  readonly #idle: Child[];

  constructor(children: number) {
    this.#idle = Array.from({ length: children }, startChild);
  }

  /** Never rejects for what the stack or its program did: that is in the outcome. */
  run(request: StackRequest, listener: Listener): Promise<StackOutcome> {
    return runChild(this.#idle.pop() ?? startChild(), request, listener);
  }

  [Symbol.dispose](): void {
    for (const child of this.#idle) child.stdin.end();
  }
}

/** In a group of its own: Ctrl-C reaches it once, through its input, and the engine is not hurried by a second one. */
function startChild(): Child {
  const file = join(import.meta.dirname, 'child.ts');
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    detached: true,
  }) as Child;
}

function runChild(child: Child, request: StackRequest, listener: Listener): Promise<StackOutcome> {
  const { tenant, stack } = request.target;
  const { onEvent, signal } = listener;
  onEvent({ type: 'stack-start', stack, operation: request.operation });
  return new Promise((done, fail) => {
    let words = '';
    let outcome: StackOutcome | undefined;
    const stop = () => child.stdin.end();
    signal.addEventListener('abort', stop, { once: true });
    child.stdin.on('error', () => {});
    child.stdin.write(`${JSON.stringify(request)}\n`);
    if (signal.aborted) stop();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-LAST_WORDS);
    });
    createInterface({ input: child.stdio[3] as Readable }).on('line', (text) => {
      const line = JSON.parse(text) as ChildLine;
      if ('event' in line) onEvent(line.event);
      else if ('outcome' in line) outcome = line.outcome;
      else void listener.activeRuns().then((drained) => child.stdin.write(`${JSON.stringify({ drained })}\n`), fail);
    });
    child.once('error', fail);
    child.once('close', (code) => {
      signal.removeEventListener('abort', stop);
      const reason = words.trim().split('\n').at(-1) ?? '';
      const ended = outcome ?? {
        tenant,
        stack,
        operation: request.operation,
        seconds: 0,
        done: {},
        failure: {
          code: 'STACK_ENGINE_FAILED' as const,
          facts: { tenant, stack, resource: 'the stack', reason: `its process ended with ${code}: ${reason}`, done: 0 },
        },
      };
      onEvent({ type: 'stack-end', stack, outcome: ended });
      done(ended);
    });
  });
}
