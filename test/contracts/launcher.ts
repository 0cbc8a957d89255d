/** What every launcher keeps to. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ExecutionState, Launcher, LaunchRequest } from '../../runner/core/contracts/launcher.ts';
import { type Problem, problemOf } from '../../runner/core/errors.ts';

/** The program that is launched; give it SEEN, the folder that it writes to. */
export const RUNNER = [process.execPath, join(import.meta.dirname, 'launcher-runner.ts')] as const;

export interface LauncherPlatform extends AsyncDisposable {
  /** Another launcher on the same platform, as after a restart. */
  open(): Launcher;
  /** From here on the program of the runner is missing. */
  breakProgram(): void;
}

/** What the id of a run makes the program do. */
export type Does = 'exit0' | 'exit3' | 'wait' | 'stubborn';

export function requestOf(does: Does, over: Partial<LaunchRequest> = {}): LaunchRequest {
  return {
    runId: `20261124t090000_${randomBytes(4).toString('hex')}_${does}`,
    tenant: 'acme',
    source: 'orders',
    kind: 'run',
    project: 'acme-data',
    region: 'europe-west1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    ...over,
  };
}

export interface Seen {
  readonly pid: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** What the runner of a run saw, as soon as it is there. */
export async function seenBy(folder: string, { runId }: LaunchRequest): Promise<Seen> {
  const file = join(folder, `${runId}.json`);
  await until(() => existsSync(file), `${runId} to begin`);
  return JSON.parse(readFileSync(file, 'utf8')) as Seen;
}

/** Processes that began for a run. */
export function begunOf(folder: string, { runId }: LaunchRequest): number {
  const file = join(folder, `${runId}.begun`);
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0;
}

export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 45_000; Date.now() < end; await sleep(25)) if (await holds()) return;
  throw new Error(`waited in vain for ${what}`);
}

export async function untilState(launcher: Launcher, execution: string, wanted: ExecutionState): Promise<void> {
  let state: ExecutionState | null = null;
  await until(async () => {
    ({ state } = await launcher.status(execution));
    return state === wanted;
  }, `${wanted} of ${execution}`).catch((error: Error) => {
    throw new Error(`${error.message}; it is ${state}`);
  });
}

export async function refusedWith(attempt: Promise<unknown>, code: string): Promise<Problem> {
  const problem = await attempt.then(
    () => {
      throw new Error(`It should have been refused with ${code}.`);
    },
    (error: unknown) => problemOf(error),
  );
  expect(problem).toMatchObject({ code });
  return problem;
}

/** @param start the platform, whose runner writes to this folder */
export function launcherSuite(name: string, start: (seen: string) => Promise<LauncherPlatform>): void {
  describe(`${name}: launcher`, () => {
    const never = new AbortController().signal;
    let folder: string;
    let platform: LauncherPlatform;
    let launcher: Launcher;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'tributary-launcher-'));
      platform = await start(folder);
      launcher = platform.open();
    });

    afterEach(async () => {
      await launcher[Symbol.asyncDispose]();
      await platform[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
      delete process.env.CANARY_OF_THE_WEBHOOK;
      delete process.env.TRIBUTARY_SECRET_CANARY;
    });

    async function restart(): Promise<void> {
      await launcher[Symbol.asyncDispose]();
      launcher = platform.open();
    }

    test('a launched run knows which one it is, ends, and is found', async () => {
      const request = requestOf('exit0');
      const execution = await launcher.launch(request, never);
      const { environment } = await seenBy(folder, request);
      expect(environment).toMatchObject({
        TRIBUTARY_RUN_ID: request.runId,
        TRIBUTARY_TENANT: 'acme',
        TRACEPARENT: request.traceparent,
      });
      await untilState(launcher, execution, 'succeeded');
      const { problem, logs } = await launcher.status(execution);
      expect(problem).toBeNull();
      expect(logs).toMatch(/^(?:file|https):\/\//);
      expect(await launcher.find(request)).toBe(execution);
    });

    test('without a trace there is none', async () => {
      const request = requestOf('exit0', { traceparent: null });
      await launcher.launch(request, never);
      expect((await seenBy(folder, request)).environment).not.toHaveProperty('TRACEPARENT');
    });

    test('a runner sees nothing of the environment of the webhook that it need not have', async () => {
      process.env.CANARY_OF_THE_WEBHOOK = 'canary';
      process.env.TRIBUTARY_SECRET_CANARY = 'canary';
      const request = requestOf('exit0');
      await launcher.launch(request, never);
      expect(JSON.stringify((await seenBy(folder, request)).environment)).not.toContain('canary');
    });

    test('what was never launched is nowhere', async () => {
      const request = requestOf('exit0');
      expect(await launcher.find(request)).toBeNull();
      const execution = await launcher.launch(request, never);
      const unknown = execution.replace(/.$/, (last) => (last === '9' ? '8' : '9'));
      expect(await launcher.status(unknown)).toEqual({ state: 'gone', problem: null, logs: null });
      await expect(launcher.cancel(unknown)).resolves.toBeUndefined();
    });

    test('two runs are two executions', async () => {
      const requests = [requestOf('wait'), requestOf('wait')];
      const executions = await Promise.all(requests.map((request) => launcher.launch(request, never)));
      expect(new Set(executions).size).toBe(2);
      expect(await Promise.all(requests.map((request) => launcher.find(request)))).toEqual(executions);
    });

    test('a run outlives its launcher; the next one finds it, looks after it and cancels it', async () => {
      const request = requestOf('wait');
      const execution = await launcher.launch(request, never);
      const { pid } = await seenBy(folder, request);
      await restart();
      expect(() => process.kill(pid, 0)).not.toThrow();
      expect(await launcher.find(request)).toBe(execution);
      await untilState(launcher, execution, 'running');
      await launcher.cancel(execution);
      await launcher.cancel(execution);
      await untilState(launcher, execution, 'cancelled');
      await until(() => !exists(pid), 'its process to end');
      await launcher.cancel(execution);
      expect((await launcher.status(execution)).state).toBe('cancelled');
    });

    test('how a run ended is known after a restart', async () => {
      const request = requestOf('exit3');
      const execution = await launcher.launch(request, never);
      await restart();
      await untilState(launcher, execution, 'failed');
      const { problem } = await launcher.status(execution);
      expect(problem).toMatchObject({ code: 'RUNNER_FAILED', retryable: true });
      expect(problem?.detail).toContain('exit code 3');
      await launcher.cancel(execution);
      expect((await launcher.status(execution)).state).toBe('failed');
    });

    test('a runner that is killed has failed', async () => {
      const request = requestOf('wait');
      const execution = await launcher.launch(request, never);
      process.kill((await seenBy(folder, request)).pid, 'SIGKILL');
      await untilState(launcher, execution, 'failed');
      const { problem } = await launcher.status(execution);
      expect(problem?.code).toBe('RUNNER_FAILED');
      expect(problem?.detail).toContain('signal 9');
    });

    test('a program that is missing is named as that', async () => {
      platform.breakProgram();
      await restart();
      const execution = await launcher.launch(requestOf('exit0'), never);
      await untilState(launcher, execution, 'failed');
      expect((await launcher.status(execution)).problem).toMatchObject({ code: 'RUNNER_MISSING', retryable: false });
    });

    test('a call that was given up launches nothing', async () => {
      const request = requestOf('exit0');
      await expect(launcher.launch(request, AbortSignal.abort())).rejects.toBeDefined();
      expect(await launcher.find(request)).toBeNull();
    });
  });
}

export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
