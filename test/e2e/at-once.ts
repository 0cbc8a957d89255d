/** Many sources of one tenant run at once, each as the process of its own that it is in production. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectRef } from '../../runner/core/contracts/source.ts';
import { type Elsewhere, spelled } from '../contracts/source-fixture.ts';
import { type Ended, startCommand } from '../faults/command.ts';

export interface SourceAtOnce {
  /** Kind of its connection, which is the connection's name too. */
  readonly kind: string;
  readonly elsewhere: Elsewhere;
  readonly object: ObjectRef;
  readonly rows: number;
  readonly execution?: { readonly readers: number };
}

export interface RunAtOnce {
  readonly source: string;
  readonly kind: string;
  readonly ended: Ended;
  /** Most memory that its process held at a time, MB. */
  readonly peakMb: number;
  /** Milliseconds from the start of all to its end. */
  readonly ms: number;
  /** Share of its rows that it had read when the first run of its kind had read all of its own. */
  readonly shareAtFirst: number;
  /** Milliseconds from the start of all to its first row. */
  readonly firstRowMs: number;
}

export interface AllAtOnce {
  readonly runs: readonly RunAtOnce[];
  /** Most memory that all processes held at a time, MB: what they share counted once. */
  readonly peakMb: number;
  readonly ms: number;
}

/** What docs/cli.md advises where many runs share a small machine. */
const SMALL_MACHINE = { TRIBUTARY_MEMORY: '64MB', MALLOC_ARENA_MAX: '1', NODE_OPTIONS: '--max-semi-space-size=1' };
const SAMPLE_MS = 100;
const SECONDS = 240;

export async function runAtOnce(sources: readonly SourceAtOnce[]): Promise<AllAtOnce> {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-at-once-'));
  const named = sources.map((source, i) => ({ ...source, name: `${source.kind}-${i + 1}` }));
  try {
    await mkdir(join(folder, 'tenants'));
    await writeFile(join(folder, 'tenants', 'acme.yaml'), JSON.stringify(tenantOf(named)));
    const start = performance.now();
    const read = new Map(named.map(({ name }) => [name, 0]));
    const firstRow = new Map<string, number>();
    const shares = new Map<string, number>();
    const started = named.map(({ name, kind, rows, elsewhere }) => {
      const run = startCommand({
        folder,
        words: ['run', 'acme', name, '--json', '--warehouse', `duckdb:${join(folder, `${name}.duckdb`)}`],
        environment: { ...SMALL_MACHINE, ...elsewhere.environment, ...secretsOf(elsewhere) },
        seconds: SECONDS,
        onEvent: ({ type, data }) => {
          const seen = type === 'progress' ? Number((data as { rows?: number }).rows ?? 0) : 0;
          if (seen === 0) return;
          if (!firstRow.has(name)) firstRow.set(name, performance.now() - start);
          read.set(name, Math.max(read.get(name) ?? 0, seen));
          if (seen < rows || shares.has(name)) return;
          // The first of a kind that has read all says where the others of it are.
          for (const other of named)
            if (other.kind === kind && !shares.has(other.name))
              shares.set(other.name, (read.get(other.name) ?? 0) / other.rows);
        },
      });
      const ended = run.ended.then((end) => ({ end, ms: performance.now() - start }));
      return { name, kind, pid: run.child.pid ?? 0, ended };
    });
    const all = Promise.all(started.map(({ ended }) => ended));
    const peak = peakOf(
      started.map(({ pid }) => pid),
      all,
    );
    const ends = await all;
    const peaks = await peak;
    const runs = started.map(({ name, kind }, i): RunAtOnce => {
      const { end, ms } = ends[i] as (typeof ends)[number];
      const [share, first] = [shares.get(name) ?? 1, firstRow.get(name) ?? ms];
      return { source: name, kind, ended: end, peakMb: peaks.each[i] ?? 0, ms, shareAtFirst: share, firstRowMs: first };
    });
    return { runs, peakMb: peaks.all, ms: performance.now() - start };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function tenantOf(named: readonly (SourceAtOnce & { readonly name: string })[]): unknown {
  const connections = Object.fromEntries(named.map(({ kind, elsewhere }) => [kind, elsewhere.connection]));
  const sources = named.map(({ name, kind, object, elsewhere, execution }) => {
    const load = { strategy: 'catalog' };
    return [
      name,
      { ...elsewhere.source, connection: kind, ...spelled(object), load, ...(execution ? { execution } : {}) },
    ];
  });
  return { tenant: 'acme', connections, sources: Object.fromEntries(sources) };
}

function secretsOf({ connection, secret }: Elsewhere): Record<string, string> {
  const name = 'secret' in connection ? connection.secret : undefined;
  if (secret === undefined || name === undefined) return {};
  return { [`TRIBUTARY_SECRET_${name.toUpperCase().replaceAll('-', '_')}`]: secret };
}

async function peakOf(
  pids: readonly number[],
  until: Promise<unknown>,
): Promise<{ readonly all: number; readonly each: readonly number[] }> {
  let over = false;
  const finish = () => {
    over = true;
  };
  until.then(finish, finish);
  let all = 0;
  let each = pids.map(() => 0);
  while (!over) {
    const now = pids.map(proportionalKb);
    all = Math.max(
      all,
      now.reduce((sum, kb) => sum + kb, 0),
    );
    each = each.map((kb, i) => Math.max(kb, now[i] ?? 0));
    await sleep(SAMPLE_MS);
  }
  const inMb = (kb: number) => Math.round(kb / 1024);
  return { all: inMb(all), each: each.map(inMb) };
}

/** Memory of a process, each page divided by how many share it; 0 once it is gone. */
function proportionalKb(pid: number): number {
  const path = `/proc/${pid}/smaps_rollup`;
  if (!existsSync(path)) return 0;
  try {
    return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
