import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { thisProcess } from '../../../runner/core/owner.ts';
import { type ChildProcessSettings, openChildProcesses } from '../../../runner/launchers/child-process/index.ts';
import { launcherSettings, openLauncher } from '../../../runner/launchers/registry.ts';
import {
  begunOf,
  exists,
  launcherSuite,
  RUNNER,
  refusedWith,
  requestOf,
  seenBy,
  until,
  untilState,
} from '../../contracts/launcher.ts';

const never = new AbortController().signal;

/** Ends what a test has left running: every group that was begun in the folder. */
function endAll(folder: string): void {
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    const said = join(folder, file.replace(/json$/, 'process'));
    // One that has not begun is not allowed to any more.
    if (!existsSync(said)) writeFileSync(said, 'void');
    const [, pid] = /^(\d+) .*\n$/.exec(readFileSync(said, 'utf8')) ?? [];
    if (pid === undefined || Number(pid) === process.pid) continue;
    try {
      process.kill(-Number(pid), 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}

launcherSuite('child process', async (seen) => {
  let command: ChildProcessSettings['command'] = RUNNER;
  return {
    open: () =>
      openChildProcesses({ kind: 'child-process', command, folder: join(seen, 'state'), environment: { SEEN: seen } }),
    breakProgram: () => {
      command = [join(seen, 'no-such-program')];
    },
    async [Symbol.asyncDispose]() {
      endAll(join(seen, 'state'));
    },
  };
});

describe('child process', () => {
  let seen: string;
  let folder: string;

  beforeEach(() => {
    seen = mkdtempSync(join(tmpdir(), 'tributary-processes-'));
    folder = join(seen, 'state');
  });

  afterEach(() => {
    endAll(folder);
    rmSync(seen, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    delete process.env.TRIBUTARY_SECRET_CANARY;
  });

  const settings = (over: Partial<ChildProcessSettings> = {}): ChildProcessSettings => ({
    ...{ kind: 'child-process', command: RUNNER, folder, environment: { SEEN: seen }, ...over },
  });
  const open = (over: Partial<ChildProcessSettings> = {}) => openChildProcesses(settings(over));

  test('the same run again is the one that runs', async () => {
    const request = requestOf('wait');
    const [one, other] = [open(), open()];
    const first = await one.launch(request, never);
    expect(await other.launch(request, never)).toBe(first);
    await seenBy(seen, request);
    expect(begunOf(seen, request)).toBe(1);
  });

  test('of many that launch the same run at the same moment, one process begins', async () => {
    const request = requestOf('wait');
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => open().launch(request, never)));
    const names = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    expect(new Set(names).size).toBe(1);
    await seenBy(seen, request);
    await untilState(open(), names[0] ?? '', 'running');
    expect(begunOf(seen, request)).toBe(1);
  });

  test('a run whose process has ended is launched anew, and the newest is found', async () => {
    const launcher = open();
    const request = requestOf('exit3');
    const first = await launcher.launch(request, never);
    await untilState(launcher, first, 'failed');
    const second = await launcher.launch(request, never);
    expect(second).not.toBe(first);
    expect(await launcher.find(request)).toBe(second);
    await untilState(launcher, second, 'failed');
    expect(begunOf(seen, request)).toBe(2);
  });

  test('kill -9 of the webhook: its run goes on, and the next webhook learns how it ended', async () => {
    const request = requestOf('wait');
    const program = `import { openChildProcesses } from ${JSON.stringify(new URL('../../../runner/launchers/child-process/index.ts', import.meta.url).href)};
      const name = await openChildProcesses(${JSON.stringify(settings())}).launch(${JSON.stringify(request)}, new AbortController().signal);
      console.log(name); setInterval(() => {}, 1000);`;
    const webhook = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [name] = await once(webhook.stdout.setEncoding('utf8'), 'data');
    webhook.kill('SIGKILL');
    await once(webhook, 'exit');

    const { pid } = await seenBy(seen, request);
    const launcher = open();
    const execution = await launcher.find(request);
    expect(execution).toBe(`${name}`.trim());
    await untilState(launcher, execution ?? '', 'running');
    expect(await launcher.launch(request, never)).toBe(execution);
    expect(begunOf(seen, request)).toBe(1);
    process.kill(pid, 'SIGTERM');
    await untilState(launcher, execution ?? '', 'failed');
    expect((await launcher.status(execution ?? '')).problem?.detail).toContain('exit code 130');
  });

  test('its shell killed alone: the runner that is left is seen, and can be cancelled', async () => {
    const launcher = open();
    const request = requestOf('wait');
    const execution = await launcher.launch(request, never);
    const { pid } = await seenBy(seen, request);
    const shell = Number(readFileSync(join(folder, `${execution}.process`), 'utf8').split(' ')[0]);
    process.kill(shell, 'SIGKILL');
    await until(() => !exists(shell), 'the shell to end');
    expect((await launcher.status(execution)).state).toBe('running');
    expect(await launcher.launch(request, never)).toBe(execution);
    await launcher.cancel(execution);
    await until(() => !exists(pid), 'the runner to end');
    await untilState(launcher, execution, 'cancelled');
  });

  test('a runner that does not listen is killed after the grace', async () => {
    const launcher = open({ graceMs: 50 });
    const request = requestOf('stubborn');
    const execution = await launcher.launch(request, never);
    const { pid } = await seenBy(seen, request);
    await launcher.cancel(execution);
    await untilState(launcher, execution, 'cancelled');
    await until(() => !exists(pid), 'the runner to end');
  });

  test('launched by a process that died before the runner began: it never will, and the run is launched anew', async () => {
    const launcher = open();
    const request = requestOf('exit0');
    const by = { host: 'its-name-before', pid: 2 ** 22 + 1, started: '', namespace: '' };
    const { namespace } = thisProcess();
    const record = { ...request, by: { ...by, namespace }, createdAt: '2026-01-01T00:00:00.000Z' };
    writeFileSync(join(folder, `${request.runId}~1.json`), JSON.stringify(record));
    expect(await launcher.find(request)).toBeNull();
    expect((await launcher.status(`${request.runId}~1`)).state).toBe('gone');
    expect(readFileSync(join(folder, `${request.runId}~1.process`), 'utf8')).toBe('void');
    const again = await launcher.launch(request, never);
    expect(again).toBe(`${request.runId}~2`);
    await untilState(launcher, again, 'succeeded');
  });

  test('a number that now belongs to another process is not mistaken for the runner, nor killed', async () => {
    const launcher = open();
    const request = requestOf('exit0');
    const record = { ...request, by: thisProcess(), createdAt: '2026-01-01T00:00:00.000Z' };
    writeFileSync(join(folder, `${request.runId}~1.json`), JSON.stringify(record));
    writeFileSync(join(folder, `${request.runId}~1.process`), `${process.pid} another-boot:1\n`);
    expect((await launcher.status(`${request.runId}~1`)).state).toBe('failed');
    await launcher.cancel(`${request.runId}~1`);
  });

  test('what ran in a container that is gone has ended', async () => {
    const launcher = open();
    const { runId } = requestOf('wait');
    const by = { ...thisProcess(), namespace: 'pid:[1]' };
    writeFileSync(join(folder, `${runId}~1.json`), JSON.stringify({ runId, by, createdAt: new Date().toISOString() }));
    writeFileSync(join(folder, `${runId}~1.process`), `${process.pid} ${by.started}\n`);
    expect((await launcher.status(`${runId}~1`)).problem?.detail).toContain('it was killed');
    await launcher.cancel(`${runId}~1`);
  });

  test('no more than so many at once; one that ends makes room', async () => {
    const launcher = open({ maxProcesses: 2 });
    const requests = [requestOf('wait'), requestOf('wait'), requestOf('exit0')] as const;
    const first = await launcher.launch(requests[0], never);
    await launcher.launch(requests[1], never);
    const problem = await refusedWith(launcher.launch(requests[2], never), 'LAUNCHER_BUSY');
    expect(problem.retryable).toBe(true);
    expect(await launcher.launch(requests[0], never)).toBe(first);
    await seenBy(seen, requests[0]);
    await launcher.cancel(first);
    await untilState(launcher, first, 'cancelled');
    await untilState(launcher, await launcher.launch(requests[2], never), 'succeeded');
  });

  test('what a runner writes lies in its log, which only the owner reads', async () => {
    const launcher = open();
    const request = requestOf('exit0');
    const execution = await launcher.launch(request, never);
    await untilState(launcher, execution, 'succeeded');
    const { logs } = await launcher.status(execution);
    expect(readFileSync(fileURLToPath(logs ?? ''), 'utf8')).toBe(`hello from ${request.runId}\n`);
    expect(statSync(fileURLToPath(logs ?? '')).mode & 0o077).toBe(0);
  });

  test('names that are wanted are passed on, the settings win over them, and the run over both', async () => {
    process.env.TRIBUTARY_SECRET_CANARY = 'canary';
    const launcher = open({
      inherit: ['TRIBUTARY_SECRET_*'],
      environment: {
        SEEN: seen,
        TRIBUTARY_RUN_ID: 'another',
        TRIBUTARY_WEBHOOK_URL: 'http://127.0.0.1:1',
        LANG: 'mine',
      },
    });
    const request = requestOf('exit0');
    await launcher.launch(request, never);
    expect((await seenBy(seen, request)).environment).toMatchObject({
      TRIBUTARY_SECRET_CANARY: 'canary',
      TRIBUTARY_RUN_ID: request.runId,
      TRIBUTARY_WEBHOOK_URL: 'http://127.0.0.1:1',
      LANG: 'mine',
    });
  });

  test('the oldest that have ended are forgotten, none that lives', async () => {
    const launcher = open();
    const living = requestOf('wait');
    const execution = await launcher.launch(living, never);
    const ended: string[] = [];
    for (let n = 0; n < 3; n++) {
      ended.push(await launcher.launch(requestOf('exit0'), never));
      await untilState(launcher, ended[n] ?? '', 'succeeded');
    }
    const later = open({ keep: 2 });
    expect((await later.status(execution)).state).not.toBe('gone');
    expect((await later.status(ended[0] ?? '')).state).toBe('gone');
    expect((await later.status(ended[2] ?? '')).state).toBe('succeeded');
  });

  test('an id that is no id reaches no file', async () => {
    const launcher = open();
    const request = requestOf('exit0', { runId: '../../outside' });
    await expect(launcher.launch(request, never)).rejects.toThrow('no id of a run');
    expect((await launcher.status('../../outside~1')).state).toBe('gone');
  });

  test('a folder that cannot be made says so', () => {
    writeFileSync(join(seen, 'file'), '');
    expect(() => open({ folder: join(seen, 'file', 'state') })).toThrow();
  });
});

describe('settings', () => {
  const local = () => ({ command: RUNNER, folder: '/nowhere', environment: {} });

  test('of the environment', () => {
    expect(launcherSettings({ TRIBUTARY_LAUNCHER: 'cloud-run' }, local)).toEqual({ kind: 'cloud-run-job' });
    const emulated = { TRIBUTARY_LAUNCHER: 'cloud-run', CLOUD_RUN_EMULATOR_HOST: '127.0.0.1:1' };
    expect(launcherSettings(emulated, local)).toEqual({ kind: 'cloud-run-job', endpoint: '127.0.0.1:1' });
    const limited = { TRIBUTARY_LAUNCHER: 'child-process', TRIBUTARY_MAX_PROCESSES: '3' };
    expect(launcherSettings(limited, local)).toEqual({ kind: 'child-process', ...local(), maxProcesses: 3 });
  });

  test.each([
    [{}, 'not set'],
    [{ TRIBUTARY_LAUNCHER: 'cron' }, '"cron"'],
    [{ TRIBUTARY_LAUNCHER: 'child-process', TRIBUTARY_MAX_PROCESSES: '0' }, 'TRIBUTARY_MAX_PROCESSES'],
    [{ TRIBUTARY_LAUNCHER: 'child-process', TRIBUTARY_MAX_PROCESSES: 'many' }, 'TRIBUTARY_MAX_PROCESSES'],
  ])('%j is refused', (environment, said) => {
    expect(() => launcherSettings(environment, local)).toThrow(said);
  });

  test('the registry opens each kind', async () => {
    await using launcher = await openLauncher({ kind: 'cloud-run-job', endpoint: '127.0.0.1:1' });
    expect(launcher.kind).toBe('cloud-run-job');
  });
});
