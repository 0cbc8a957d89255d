/**
 * The pipeline of Dataflow on this machine, each worker a process of its own. Beam's local runner neither tries a bundle again
 * nor notices that a worker is gone: here the job is then started once more, as Dataflow gives the bundle to another worker.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Problem } from '../../runner/core/errors.ts';
import { findBeam } from '../runner/dataflow/beam/installed.ts';
import { root } from '../setup/ways.ts';

export interface BeamJobOptions {
  /** `gs://bucket/acme/orders/<run id>/<token>/splits/work.json` */
  readonly work: string;
  /** Worker processes; default: what the work says. */
  readonly workers?: number;
  /** Of the workers and their extractors, beside this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The extractor; default: the runner's own, from its sources. */
  readonly extractor?: readonly [string, ...string[]];
  /** How often lost workers may be made up for; default 3, as on Dataflow. */
  readonly restarts?: number;
}

export interface BeamEnd {
  readonly state: 'done' | 'failed' | 'cancelled';
  /** Of the namespace `tributary`; only of a job that is done. */
  readonly counters: Readonly<Record<string, number>>;
  /** Of the split that failed. */
  readonly problem: (Problem & { readonly split: string }) | null;
  /** Times that a worker was lost. */
  readonly restarts: number;
}

export interface BeamJob extends AsyncDisposable {
  wait(): Promise<BeamEnd>;
  /** Ends it and all of its workers at once. */
  kill(): Promise<void>;
  log(): string;
  /** Process ids of its workers as they are now. */
  workers(): readonly number[];
}

/** All of it ends when its input ends: that is when this process is gone, however it went. */
const KEEPER = `exec 3<&0; "$@" </dev/null 3<&- & child=$!
  (cat <&3 >/dev/null; kill -KILL 0) & wait $child; exit $?`;
const PIPELINE = join(root, 'runner/dataflow/pipeline.py');
const LOST = /Worker subprocess exited with return code (?!0\b)/;

export const extractorHere = [process.execPath, join(root, 'runner/main.ts')] as const;

export function startBeamJob(options: BeamJobOptions): BeamJob {
  const { environment, extractor = extractorHere, restarts: most = 3 } = options;
  const python = findBeam();
  if (python === null) throw new Error('No Apache Beam here: npm run setup -- --yes');
  const parts = ['--work', options.work, ...(options.workers === undefined ? [] : [`--workers=${options.workers}`])];
  const env = {
    ...process.env,
    PYTHONDONTWRITEBYTECODE: '1',
    TRIBUTARY_EXTRACTOR: JSON.stringify(extractor),
    ...environment,
  };
  let log = '';
  let current: ChildProcess | undefined;
  let killed = false;

  const attempt = (): Promise<{ code: number | null; said: string; lost: boolean }> =>
    new Promise((done, fail) => {
      const from = log.length;
      let said = '';
      const command = [python, PIPELINE, ...parts, '--runner=FnApiRunner'];
      const child = spawn('/bin/sh', ['-c', KEEPER, 'beam', ...command], { env, detached: true, cwd: root });
      current = child;
      let lost = false;
      child.stdin.on('error', () => {});
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (lost || !LOST.test(log.slice(from))) return;
        lost = true;
        endGroup(child);
      });
      child.once('error', fail);
      child.once('exit', (code) => {
        endGroup(child);
        child.once('close', () => done({ code, said, lost }));
      });
    });

  const whole = async (): Promise<BeamEnd> => {
    for (let restarts = 0; ; restarts++) {
      const { code, said, lost } = await attempt();
      const counters = (/^\{"counters": .*\}$/m.exec(said)?.[0] ?? null) as string | null;
      if (killed) return { state: 'cancelled', counters: {}, problem: null, restarts };
      if (code === 0 && counters !== null) {
        return { state: 'done', counters: JSON.parse(counters).counters, problem: null, restarts };
      }
      if (!lost || restarts === most) return { state: 'failed', counters: {}, problem: problemIn(log), restarts };
    }
  };

  const ended = whole();
  const kill = async () => {
    killed = true;
    if (current !== undefined) endGroup(current);
    await ended;
  };
  return {
    wait: () => ended,
    kill,
    log: () => log,
    workers: () => (current === undefined ? [] : workersOf(current)),
    [Symbol.asyncDispose]: kill,
  };
}

function problemIn(log: string): BeamEnd['problem'] {
  const [, json] = /TRIBUTARY_PROBLEM (\{.*?\})(?:\n|\\n|$| \[while running)/.exec(log) ?? [];
  return json === undefined ? null : JSON.parse(json);
}

function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All gone.
  }
}

function workersOf({ pid }: ChildProcess): readonly number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,pgid=,args='], { encoding: 'utf8' }).split('\n');
  return lines
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+) -m apache_beam\.runners\.worker\.sdk_worker_main/.exec(line))
    .filter((found) => found !== null && Number(found[2]) === pid && !found[3]?.endsWith('sh'))
    .map((found) => Number(found?.[1]));
}
