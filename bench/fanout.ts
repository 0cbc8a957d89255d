/** Many sources of one tenant at once through `tributary dev`: each a process, one warehouse file, one machine. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DevScene } from '../test/e2e/dev-scene.ts';
import type { BenchOptions } from './main.ts';
import { median, round, waitForQuiet } from './measure.ts';
import { type Case, describeMachine, type Result, type Target } from './report.ts';

const FANS = [10, 50] as const;
const ROWS = 10_000;
const QUICK_ROWS = 100;
const SECONDS = 600;
const SAMPLE_MS = 250;
/** Of the issue: a run starts within five minutes of its tick. */
const START_SECONDS = 300;

interface Fan {
  readonly sources: number;
  readonly rows: number;
  readonly wall: number;
  readonly cpu: number;
  readonly readySeconds: number;
  /** Seconds from accepted to started, of each run. */
  readonly waits: readonly number[];
  readonly peakMb: number;
  readonly webhookMb: number;
  readonly processes: number;
  readonly failed: readonly string[];
}

export async function benchFanout(options: BenchOptions): Promise<Result> {
  const { say, quick } = options;
  const rows = options.rows ?? (quick ? QUICK_ROWS : ROWS);
  const fans: Fan[] = [];
  const noisy: string[] = [];
  for (const sources of FANS) {
    if (quick && sources !== FANS[0]) continue;
    if (!(await waitForQuiet(quick ? 5 : 60))) noisy.push(`${sources} sources`);
    say(`${sources} sources of ${rows} rows`);
    const fan = await measured(sources, rows);
    fans.push(fan);
    say(described(fan));
  }
  return resultOf(fans, noisy);
}

async function measured(sources: number, rows: number): Promise<Fan> {
  await using scene = await DevScene.start({ sources, rows });
  const tick = new Date().toISOString();
  const top = scene.child.pid ?? 0;
  let over = false;
  const sampling = sample(top, () => over);
  const start = performance.now();
  const calls = await Promise.all(scene.sources.map((source) => scene.trigger(source, tick)));
  const records = await scene.ended(
    calls.map(({ runId }) => runId),
    SECONDS,
  );
  const wall = (performance.now() - start) / 1000;
  over = true;
  const { peakMb, processes } = await sampling;
  return {
    sources,
    rows,
    wall,
    cpu: 0,
    readySeconds: scene.ready?.seconds ?? 0,
    waits: records.map(({ createdAt, startedAt }) => (Date.parse(startedAt) - Date.parse(createdAt)) / 1000),
    peakMb,
    webhookMb: Math.round(pssKb(scene.webhookPid) / 1024),
    processes,
    failed: records.flatMap(({ status, problem }) => (status === 'succeeded' ? [] : [problem?.code ?? status])),
  };
}

/** Most memory that dev, its webhook and the runners held at a time, shared pages divided. */
async function sample(top: number, isOver: () => boolean): Promise<{ peakMb: number; processes: number }> {
  let peak = 0;
  let processes = 0;
  while (!isOver()) {
    const runners = pidsOfRunners();
    const all = [top, ...childrenOf(top), ...runners];
    peak = Math.max(
      peak,
      [...new Set(all)].reduce((sum, pid) => sum + pssKb(pid), 0),
    );
    // Each has a shell that keeps it.
    processes = Math.max(processes, runners.filter(isNode).length);
    await sleep(SAMPLE_MS);
  }
  return { peakMb: Math.round(peak / 1024), processes };
}

function pids(): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** They live in groups of their own: the system tells what environment they were given. */
function pidsOfRunners(): number[] {
  return pids().flatMap((pid) => (read(`/proc/${pid}/environ`).includes('TRIBUTARY_RUN_ID=') ? [Number(pid)] : []));
}

function isNode(pid: number): boolean {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('node');
  } catch {
    return false;
  }
}

function childrenOf(parent: number): number[] {
  const direct = pids().filter((pid) => read(`/proc/${pid}/status`).includes(`\nPPid:\t${parent}\n`));
  return direct.flatMap((pid) => [Number(pid), ...childrenOf(Number(pid))]);
}

function pssKb(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

function described({ sources, wall, waits, peakMb, webhookMb, processes, failed, readySeconds }: Fan): string {
  const ends = failed.length === 0 ? 'all succeeded' : `${failed.length} failed: ${[...new Set(failed)].join(', ')}`;
  return `${sources} sources: ${round(wall)} s, ${ends}; accepted → started p50 ${round(median(waits))} s, max ${round(Math.max(...waits))} s; ${peakMb} MB at most with ${processes} runners at a time, webhook ${webhookMb} MB; dev ready in ${round(readySeconds)} s`;
}

function resultOf(fans: readonly Fan[], noisy: readonly string[]): Result {
  const cases = fans.map(
    (fan): Case => ({
      name: `${fan.sources} sources`,
      wall: round(fan.wall),
      cpu: fan.cpu,
      serverCpu: 0,
      rssMb: fan.peakMb,
      rows: fan.sources * fan.rows,
      rounds: [round(fan.wall)],
      result: fan.failed.length === 0 ? 'exact' : `differs: ${fan.failed.join(', ')}`,
      disturbed: noisy.includes(`${fan.sources} sources`) ? 1 : 0,
      note: `accepted → started p50 ${round(median(fan.waits))} s, max ${round(Math.max(...fan.waits))} s; ${fan.processes} runners at a time; webhook ${fan.webhookMb} MB`,
    }),
  );
  const targets = fans.flatMap((fan): Target[] => {
    const [latest, failed] = [round(Math.max(...fan.waits)), fan.failed.length];
    return [
      { name: `${fan.sources} sources: runs that failed`, want: '0', got: failed, ok: failed === 0 },
      {
        name: `${fan.sources} sources: s to the start of the last`,
        want: `≤ ${START_SECONDS}`,
        got: latest,
        ok: latest <= START_SECONDS,
      },
      {
        name: `${fan.sources} sources: s until dev is ready`,
        want: '≤ 3',
        got: round(fan.readySeconds),
        ok: fan.readySeconds <= 3,
      },
    ];
  });
  return {
    name: 'fanout',
    machine: describeMachine(),
    cases,
    ratios: {},
    targets,
    notes: [
      'All are triggered at one moment over HTTP. Each run is a process; one warehouse file has one writer at a time, so the loads follow one another. Memory is that of dev, its webhook and all runners, shared pages divided; CPU was not measured.',
      ...noisy.map((name) => `${name}: the machine was busy with something else.`),
    ],
  };
}
