/** A server of another language as a child that never outlives this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServerCommand {
  /** For messages and for the name of the folder. */
  readonly name: string;
  readonly run: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  /** How long it may take to become ready; default 60 s. */
  readonly seconds?: number;
  /** Asked until it says true. */
  readonly ready: (child: Started) => boolean | Promise<boolean>;
}

export interface Started {
  /** Of the server itself. */
  readonly pid: number;
  readonly folder: string;
  /** What it wrote so far. */
  log(): Promise<string>;
}

export interface ChildServer extends Started, AsyncDisposable {
  /** Ends it at once and removes its folder. */
  stop(): Promise<void>;
}

/** The shell that starts it ends it when its own input ends: that is when this process is gone, however it went. */
const KEEPER = `folder=$1; shift; exec 3<&0
  "$@" </dev/null 3<&- & child=$!; echo $child >"$folder/pid"
  (cat <&3 >/dev/null; kill -KILL $child) 2>/dev/null & keeper=$!
  wait $child; code=$?; kill $keeper 2>/dev/null; rm -rf "$folder"; exit $code`;

/** A new folder in memory where the system has such a place: it is quicker, and nothing in it must last. */
export function newFolder(name: string): Promise<string> {
  return mkdtemp(join(memoryFolder(), `tributary-${name}-`));
}

function memoryFolder(): string {
  try {
    return readFileSync('/proc/mounts', 'utf8').includes(' /dev/shm tmpfs rw') ? '/dev/shm' : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** A port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer().on('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => done(port));
    });
  });
}

/** @param folder is removed when the server ends; for its log and its data */
export async function startChild(command: ServerCommand, folder: string): Promise<ChildServer> {
  const logFile = join(folder, 'log');
  const output = openSync(logFile, 'a');
  const written = openSync(logFile, 'r');
  const child = spawn('/bin/sh', ['-c', KEEPER, command.name, folder, ...command.run], {
    stdio: ['pipe', output, output],
    detached: true,
    cwd: folder,
    env: { ...process.env, ...command.environment },
  });
  closeSync(output);
  child.stdin?.on('error', () => {});
  const gone = new Promise<void>((done) => child.once('close', () => done()));
  const log = () => readFile(logFile, 'utf8').catch(() => '');
  try {
    for (const end = Date.now() + (command.seconds ?? 60) * 1000; Date.now() < end; await sleep(20)) {
      const pid = Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => '0'));
      if (child.exitCode !== null) throw new Error(`exit ${child.exitCode}`);
      if (pid > 0 && (await command.ready({ pid, folder, log }))) return handle({ child, gone, pid, folder, log });
    }
    throw new Error('not ready in time');
  } catch (error) {
    child.stdin?.end();
    await gone;
    rmSync(folder, { recursive: true, force: true });
    const said = readFileSync(written, 'utf8');
    throw new Error(`${command.name} did not start: ${(error as Error).message}\n${said}`, { cause: error });
  } finally {
    closeSync(written);
  }
}

interface Running extends Started {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
}

function handle({ child, gone, pid, folder, log }: Running): ChildServer {
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  let stopping: Promise<void> | undefined;
  const end = async () => {
    child.ref();
    child.stdin?.end();
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  const stop = () => (stopping ??= end());
  return { pid, folder, log, stop, [Symbol.asyncDispose]: stop };
}
