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

/** Never rejects for what the stack or its program did: that is in the outcome. */
export function runChild(request: StackRequest, listener: Listener): Promise<StackOutcome> {
  const { tenant, stack } = request.target;
  const { onEvent, signal } = listener;
  onEvent({ type: 'stack-start', stack, operation: request.operation });
  return new Promise((done, fail) => {
    // A group of its own: Ctrl-C reaches it once, through its input, and the engine is not hurried to death by a second one.
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'child.ts')],
      {
        stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
        detached: true,
      },
    ) as ChildProcessByStdio<Writable, null, Readable>;
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
