/**
 * One stack in a process of its own: a stray rejection of a program, its memory and its crash stay in here.
 * Standard input: the request as one line, then answers; file 3: events and the outcome, one line each.
 * When the input ends, the process that asked is gone: the engine is told to stop in an orderly way.
 */
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ActiveRun, ChildLine, StackRequest } from './contract.ts';
import { operate } from './operate.ts';

const channel = createWriteStream('', { fd: 3 });
channel.on('error', () => {});
const write = (line: ChildLine) => channel.write(`${JSON.stringify(line)}\n`);

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());

// While the one who asks still looks at the backend. An error of it is the program's to report.
import('../tenant.ts').catch(() => {});

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = await lines.next();
if (!first.done) {
  const answers: ((runs: readonly ActiveRun[]) => void)[] = [];
  const listen = async () => {
    for (let next = await lines.next(); !next.done; next = await lines.next())
      answers.shift()?.((JSON.parse(next.value) as { readonly drained: readonly ActiveRun[] }).drained);
    stop.abort();
  };
  void listen();
  const outcome = await operate(JSON.parse(first.value) as StackRequest, {
    tell: (event) => write({ event }),
    activeRuns: () => {
      write({ ask: 'drained' });
      return new Promise((done) => answers.push(done));
    },
    signal: stop.signal,
  });
  write({ outcome });
}
channel.end(() => process.exit(0));
