import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SplitJob, SplitProgress } from '../../../runner/core/contracts/splits.ts';
import { systemClock } from '../../../runner/core/retry.ts';
import { openCloudRunJobs } from '../../../runner/launchers/cloud-run-job/index.ts';
import { openCloudRunTasks } from '../../../runner/launchers/cloud-run-job/tasks.ts';
import { refusedWith, requestOf, until } from '../../contracts/launcher.ts';
import { jobOf, QUICK, SPLITS, splitExecutorSuite, WORKER } from '../../contracts/split-executor.ts';
import { type CloudRunServer, startCloudRun } from '../../servers/cloud-run.ts';

const JOB = 'projects/acme-data/locations/europe-west1/jobs/tributary-acme-run';

splitExecutorSuite('Tasks of Cloud Run', async (seen) => {
  const run = await startCloudRun();
  run.put(JOB, { command: WORKER, environment: { SEEN: seen, SPLITS: `${SPLITS}` } });
  return {
    kind: 'tasks',
    environment: {
      CLOUD_RUN_EMULATOR_HOST: run.host,
      TRIBUTARY_PROJECT: 'acme-data',
      TRIBUTARY_REGION: 'europe-west1',
    },
    jobs: () =>
      run.executions().map(({ name, state }) => ({ job: name, active: ['pending', 'running'].includes(state) })),
    cancel: (job) => run.cancel(job),
    vanish: (job) => run.vanish(job),
    loseAnswer: () => {
      run.loseAnswers = 1;
    },
    goAway: (questions) => {
      for (let n = 0; n < questions; n++) run.failures.push({ method: 'GetExecution', code: 14, message: 'away' });
    },
    beStubborn: () =>
      run.put(JOB, { command: WORKER, environment: { SEEN: seen, SPLITS: `${SPLITS}`, STUBBORN: '1' } }),
    [Symbol.asyncDispose]: () => run[Symbol.asyncDispose](),
  };
});

describe('Tasks of Cloud Run', () => {
  let seen: string;
  let run: CloudRunServer;

  beforeEach(async () => {
    seen = mkdtempSync(join(tmpdir(), 'tributary-tasks-'));
    run = await startCloudRun();
    put();
  });

  afterEach(async () => {
    await run[Symbol.asyncDispose]();
    rmSync(seen, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });

  const put = (over: object = {}) =>
    run.put(JOB, { command: WORKER, environment: { SEEN: seen, SPLITS: `${SPLITS}` }, ...over });

  async function execute(job: SplitJob): Promise<readonly SplitProgress[]> {
    const place = { project: 'acme-data', region: 'europe-west1', endpoint: run.host };
    await using executor = openCloudRunTasks({ kind: 'tasks', ...place, ...QUICK });
    const progress: SplitProgress[] = [];
    const signal = new AbortController().signal;
    await executor.execute(job, { signal, onProgress: (each) => progress.push(each) });
    return progress;
  }

  test('its environment says which work, and there are as many tasks as the source bears', async () => {
    await execute({ ...jobOf('read'), workers: 3, traceparent: '00-trace-span-01' });
    await execute({ ...jobOf('read'), workers: 99 });
    const [first, second] = run.executions();
    expect(first?.environment).toMatchObject({
      TRIBUTARY_RUN_ID: expect.stringMatching(/_read$/),
      TRIBUTARY_SPLITS: expect.stringMatching(/^gs:.*\/4\/splits\/work\.json$/),
      TRACEPARENT: '00-trace-span-01',
      CLOUD_RUN_TASK_COUNT: '3',
    });
    expect(first?.tasks).toBe(3);
    expect(second?.tasks).toBe(SPLITS);
  });

  test('who looks for the runner of a run does not find its tasks', async () => {
    const job = jobOf('read');
    await execute(job);
    await using launcher = openCloudRunJobs({ kind: 'cloud-run-job', endpoint: run.host });
    expect(await launcher.find(requestOf('exit0', { runId: job.run.runId }))).toBeNull();
  });

  test('another process launches the same at the same moment: the older one goes on, the other is ended', async () => {
    const job = jobOf('wait');
    run.allows = ({ method }) => {
      const variables = { TRIBUTARY_RUN_ID: job.run.runId, TRIBUTARY_SPLITS: job.work };
      if (method === 'RunJob') run.start(JOB, variables);
      return true;
    };
    const executing = execute(job);
    await until(() => run.executions().some(({ state }) => state === 'cancelled'), 'one to be ended');
    writeFileSync(join(seen, `${job.run.runId}.go`), '');
    await executing;
    expect(run.executions().map(({ state }) => state)).toEqual(['succeeded', 'cancelled']);
  });

  test('stopped while it waits to ask again: what was launched in the meantime is ended', async () => {
    const job = jobOf('wait');
    const abort = new AbortController();
    const sleep = async (milliseconds: number) => {
      if (abort.signal.aborted) return await systemClock.sleep(milliseconds);
      run.start(JOB, { TRIBUTARY_RUN_ID: job.run.runId, TRIBUTARY_SPLITS: job.work });
      abort.abort(new Error('stop'));
      abort.signal.throwIfAborted();
    };
    run.failures.push({ method: 'RunJob', code: status.UNAVAILABLE, message: 'away' });
    const place = { project: 'acme-data', region: 'europe-west1', endpoint: run.host };
    const clock = { ...systemClock, sleep };
    await using executor = openCloudRunTasks({ kind: 'tasks', ...place, ...QUICK, clock });
    await expect(executor.execute(job, { signal: abort.signal, onProgress() {} })).rejects.toThrow('stop');
    await run.idle();
    expect(run.executions().map(({ state }) => state)).toEqual(['cancelled']);
  });

  test('it is found on whatever page it is', async () => {
    run.pageSize = 1;
    const job = jobOf('read');
    await execute(job);
    await execute(jobOf('read'));
    await execute(job);
    expect(run.executions()).toHaveLength(2);
  });

  test('a task that Cloud Run tried again is a warning, told once', async () => {
    put({ maxRetries: 1 });
    await using executor = openCloudRunTasks({
      ...{ kind: 'tasks', project: 'acme-data', region: 'europe-west1', endpoint: run.host, ...QUICK },
    });
    const warnings: string[] = [];
    const onProgress = ({ warning }: SplitProgress) => void (warning && warnings.push(warning));
    const { signal } = new AbortController();
    await refusedWith(executor.execute({ ...jobOf('exit3'), workers: 1 }, { signal, onProgress }), 'RUNNER_FAILED');
    expect(warnings).toEqual([expect.stringContaining('a task was tried again')]);
  });

  test('too little memory, too long, no image', async () => {
    const running = execute(jobOf('wait'));
    await until(() => run.executions()[0]?.state === 'running', 'the job to run');
    run.outOfMemory(run.executions()[0]?.name ?? '');
    await refusedWith(running, 'RUNNER_OUT_OF_MEMORY');
    put({ timeoutMs: 100 });
    await refusedWith(execute(jobOf('wait')), 'RUNNER_TIMED_OUT');
    put({ command: null });
    await refusedWith(execute(jobOf('read')), 'RUNNER_MISSING');
  });

  test('no permission, no job: nothing is started, and not tried again', async () => {
    run.allows = ({ overrides }) => !overrides;
    const problem = await refusedWith(execute(jobOf('read')), 'LAUNCH_REFUSED');
    expect(problem.fix).toContain('roles/run.jobsExecutorWithOverrides');
    expect(run.calls.filter(({ method }) => method === 'RunJob')).toHaveLength(1);
    run.allows = () => true;
    run.remove(JOB);
    await refusedWith(execute(jobOf('read')), 'LAUNCHER_UNREACHABLE');
    expect(run.executions()).toEqual([]);
  });

  test('Cloud Run is busy for a while: it is asked again', async () => {
    for (let n = 0; n < 2; n++) {
      run.failures.push({ method: 'RunJob', code: status.RESOURCE_EXHAUSTED, message: 'quota of executions' });
    }
    await execute(jobOf('read'));
    expect(run.executions()).toHaveLength(1);
    for (let n = 0; n < QUICK.budget.attempts; n++) {
      run.failures.push({ method: 'RunJob', code: status.RESOURCE_EXHAUSTED, message: 'quota of executions' });
    }
    const problem = await refusedWith(execute(jobOf('read')), 'LAUNCH_FAILED');
    expect(problem).toMatchObject({ retryable: true, detail: expect.stringContaining('quota of executions') });
  });
});
