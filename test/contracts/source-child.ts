/** Another process that opens a source through the registry and reads an object into nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { BatchChannel } from '../../runner/core/channel.ts';
import type { ObjectRef } from '../../runner/core/contracts/source.ts';
import { batchLayout } from '../../runner/core/vectors.ts';
import { openSource } from '../../runner/sources/registry.ts';
import { drain } from './drain.ts';
import type { Elsewhere } from './source-fixture.ts';
import { columnsOf } from './source-reading.ts';

export interface ChildTask {
  readonly object: ObjectRef;
  readonly columns: readonly string[];
  /** Keeps what it reads; only to see that a measure of its memory notices. */
  readonly keep?: boolean;
  /** Takes no batch, so that the read never ends. */
  readonly stall?: boolean;
}

export interface ChildAnswer {
  readonly rows: number;
  /** Most memory that the process ever held at a time, in MB. */
  readonly peakMb: number;
}

const SECRET = 'TRIBUTARY_SUITE_SECRET';

/** The process, and what it prints in the end; it prints `reading` once rows flow. Its parameters hold no secret. */
export function startReader(
  { connection, source, secret, environment }: Elsewhere,
  task: ChildTask,
): { child: ChildProcess; reading: Promise<void>; answer: Promise<ChildAnswer> } {
  const child = spawn(process.execPath, [import.meta.filename, JSON.stringify({ connection, source, task })], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment, ...(secret === undefined ? {} : { [SECRET]: secret }) },
  });
  let said = '';
  let failed = '';
  child.stderr?.on('data', (data) => {
    failed += data;
  });
  let flows: () => void;
  const reading = new Promise<void>((resolve) => {
    flows = resolve;
  });
  const answer = new Promise<ChildAnswer>((resolve, reject) => {
    child.stdout?.on('data', (data) => {
      said += data;
      if (said.includes('reading\n')) flows();
    });
    child.once('close', (code) => {
      flows();
      if (code === 0) resolve(JSON.parse(said.split('reading\n').at(-1) ?? '') as ChildAnswer);
      else reject(new Error(`the reader ended with ${code}: ${failed}`));
    });
  });
  answer.catch(() => undefined);
  return { child, reading, answer };
}

async function main(text: string): Promise<void> {
  const { connection, source, task } = JSON.parse(text) as Pick<Elsewhere, 'connection' | 'source'> & {
    task: ChildTask;
  };
  const secrets = { get: async () => process.env[SECRET] ?? '' };
  await using opened = await openSource({
    tenant: 'acme',
    name: 'main',
    connection,
    secrets,
    ...(source === undefined ? {} : { source }),
  });
  const never = new AbortController().signal;
  const columns = await columnsOf(opened, task.object, task.columns);
  const { snapshot } = await opened.open({ object: task.object }, never);
  await using _ = snapshot;
  const channel = new BatchChannel(1);
  const layout = batchLayout(snapshot.vectors(columns));
  const waiting = setInterval(() => {
    if (channel.progress.rows === 0) return;
    process.stdout.write('reading\n');
    clearInterval(waiting);
  }, 5);
  const spec = { object: task.object, columns, window: null, nullCursors: false, layout, maxRejected: 0 };
  const reading = snapshot.read(spec, channel.outlets, never);
  if (task.stall === true) await reading;
  const [{ rows, problem }] = await Promise.all([drain(channel.inlet, task.keep), reading]);
  clearInterval(waiting);
  if (problem !== undefined) throw new Error(problem.detail);
  process.stdout.write(`reading\n${JSON.stringify({ rows, peakMb: peakMb() } satisfies ChildAnswer)}\n`);
}

/** From the system's own account of this process. */
function peakMb(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024);
}

if (process.argv[1] === import.meta.filename) await main(process.argv[2] ?? '');
