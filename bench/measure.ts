/**
 * Runs one command and says what it cost: wall, CPU of all its processes, peak memory of the tree,
 * CPU of the servers beside it, and what everything else on the machine took meanwhile.
 *
 * CPU comes from the kernel's own account of a waited process tree (bash's `time`), not from samples;
 * memory is sampled, because no kernel figure covers a tree.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** `discard` writes to /dev/null, as a raw limit must. */
  readonly stdout?: 'collect' | 'discard';
  /** Command lines of the processes whose memory counts; default: all of the tree. */
  readonly own?: RegExp;
}

export interface Measured {
  /** Seconds, of the whole process. */
  readonly wall: number;
  /** Seconds, user + system, of the command and everything it waited for. */
  readonly cpu: number;
  readonly serverCpu: number;
  /** CPU seconds that neither the command nor the server used: the noise of this round. */
  readonly otherCpu: number;
  readonly rssMb: number;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const SAMPLE_EVERY_MS = 40;
const TREE_EVERY = 5;
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const pageSize = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));

const SCRIPT = `TIMEFORMAT='%3R %3U %3S'; { time "$@" 2>&4 3>&- 4>&- ; } 4>&2 2>&3`;

const running = new Set<ChildProcess>();

/** Ends what is still being measured; for an interrupted bench. */
export function stopMeasured(): void {
  for (const child of running) for (const pid of treeOf(child.pid ?? -1)) tryKill(pid);
}

/** @param servers processes whose CPU, with that of their children, is the server's */
export async function measure(command: Command, servers: readonly number[] = []): Promise<Measured> {
  const serverBefore = serverSeconds(servers);
  const machineBefore = machineTicks();
  const child = spawn('bash', ['-c', SCRIPT, 'measure', ...command.argv], {
    cwd: command.cwd,
    env: { ...process.env, ...command.env },
    stdio: ['ignore', command.stdout === 'discard' ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  running.add(child);
  const collected = [child.stdout, child.stderr, child.stdio[3]].map(collect);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  const peak = samplePeak(child.pid ?? -1, ended, command.own);
  const exitCode = await ended;
  running.delete(child);
  const rssMb = await peak;
  const [stdout, stderr, times] = collected.map((text) => text());
  const [wall = 0, user = 0, system = 0] = (times ?? '').trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
  // The server's backend is reaped a moment after the client left.
  if (servers.length > 0) await sleep(300);
  const serverCpu = serverSeconds(servers) - serverBefore;
  const busy = (machineTicks().busy - machineBefore.busy) / ticksPerSecond;
  const cpu = round(user + system);
  return {
    wall,
    cpu,
    serverCpu: round(serverCpu),
    otherCpu: round(Math.max(0, busy - cpu - serverCpu)),
    rssMb,
    exitCode,
    stdout: stdout ?? '',
    stderr: stderr ?? '',
  };
}

/** Waits until the machine does nothing else, at most `limit` seconds. `false`: it never calmed down. */
export async function waitForQuiet(limit: number): Promise<boolean> {
  const until = Date.now() + limit * 1000;
  do {
    const before = machineTicks();
    await sleep(1200);
    const after = machineTicks();
    if ((after.busy - before.busy) / Math.max(1, after.all - before.all) < 0.12) return true;
  } while (Date.now() < until);
  return false;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

/** The parent of a process, or `undefined` when it is gone. */
export function parentOf(pid: number): number | undefined {
  return stat(pid)?.parent;
}

async function samplePeak(root: number, ended: Promise<unknown>, own?: RegExp): Promise<number> {
  let over = false;
  const finish = () => {
    over = true;
  };
  ended.then(finish, finish);
  let peak = 0;
  let tree: number[] = [];
  for (let turn = 0; !over; turn++) {
    if (turn < TREE_EVERY || turn % TREE_EVERY === 0) tree = treeOf(root);
    let sum = 0;
    // The first one is the bash that measures.
    for (const pid of tree)
      if (pid !== root && (own === undefined || own.test(commandLine(pid)))) sum += residentBytes(pid);
    peak = Math.max(peak, sum);
    await sleep(SAMPLE_EVERY_MS);
  }
  return Math.round(peak / 1e6);
}

function collect(stream: unknown): () => string {
  const chunks: Buffer[] = [];
  if (stream && typeof stream === 'object' && 'on' in stream) {
    (stream as NodeJS.ReadableStream).on('data', (chunk: Buffer) => chunks.push(chunk));
  }
  return () => Buffer.concat(chunks).toString();
}

interface Stat {
  readonly parent: number;
  readonly own: number;
  readonly reaped: number;
}

function stat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [user, system, childUser, childSystem] = fields.slice(11, 15).map(Number);
    return {
      parent: Number(fields[1]),
      own: (user ?? 0) + (system ?? 0),
      reaped: (childUser ?? 0) + (childSystem ?? 0),
    };
  } catch {
    return undefined;
  }
}

function allStats(): Map<number, Stat> {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const found = stat(pid);
    if (found) stats.set(pid, found);
  }
  return stats;
}

function treeOf(root: number): number[] {
  const stats = allStats();
  const tree = new Set([root]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const [pid, { parent }] of stats) {
      if (tree.has(parent) && !tree.has(pid)) {
        tree.add(pid);
        grown = true;
      }
    }
  }
  return [...tree];
}

function serverSeconds(servers: readonly number[]): number {
  if (servers.length === 0) return 0;
  let ticks = 0;
  for (const [pid, { parent, own, reaped }] of allStats()) {
    if (servers.includes(pid) || servers.includes(parent)) ticks += own + reaped;
  }
  return ticks / ticksPerSecond;
}

function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * pageSize;
  } catch {
    return 0;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

function machineTicks(): { busy: number; all: number } {
  const line = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0] ?? '';
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, tick) => sum + tick, 0);
  return { all, busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0) };
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // Gone already.
  }
}
