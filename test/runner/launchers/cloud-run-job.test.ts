import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { failureOf, stateOf } from '../../../runner/launchers/cloud-run-job/conditions.ts';
import { type CloudRunJobSettings, openCloudRunJobs } from '../../../runner/launchers/cloud-run-job/index.ts';
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
import { type CloudRunServer, startCloudRun } from '../../servers/cloud-run.ts';

const JOB = 'projects/acme-data/locations/europe-west1/jobs/tributary-acme-run';
const never = new AbortController().signal;
const environmentOf = (seen: string) => ({ SEEN: seen, TRIBUTARY_TENANT: 'acme' });

launcherSuite('Cloud Run job', async (seen) => {
  const run = await startCloudRun();
  run.put(JOB, { command: RUNNER, environment: environmentOf(seen) });
  return {
    open: () => openCloudRunJobs({ kind: 'cloud-run-job', endpoint: run.host }),
    breakProgram: () => run.put(JOB, { command: null, environment: {} }),
    [Symbol.asyncDispose]: () => run[Symbol.asyncDispose](),
  };
});

describe('Cloud Run job', () => {
  let seen: string;
  let run: CloudRunServer;

  beforeEach(async () => {
    seen = mkdtempSync(join(tmpdir(), 'tributary-cloud-run-'));
    run = await startCloudRun();
    run.put(JOB, { command: RUNNER, environment: environmentOf(seen) });
  });

  afterEach(async () => {
    await run[Symbol.asyncDispose]();
    rmSync(seen, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });

  const open = (over: Partial<CloudRunJobSettings> = {}) =>
    openCloudRunJobs({ kind: 'cloud-run-job', endpoint: run.host, ...over });

  test('an execution is named before it has ended, and only its environment is overridden', async () => {
    await using launcher = open();
    run.hold = true;
    const request = requestOf('exit0');
    const execution = await launcher.launch(request, never);
    expect(execution).toMatch(new RegExp(`^${JOB}/executions/tributary-acme-run-`));
    expect(run.calls).toEqual([{ method: 'RunJob', name: JOB, caller: null, overrides: true }]);
    expect(Object.keys(run.executions()[0]?.environment ?? {}).sort()).toEqual([
      ...['CLOUD_RUN_EXECUTION', 'CLOUD_RUN_JOB', 'CLOUD_RUN_TASK_COUNT', 'CLOUD_RUN_TASK_INDEX'],
      ...['SEEN', 'TRACEPARENT', 'TRIBUTARY_RUN_ID', 'TRIBUTARY_TENANT'],
    ]);
    expect((await launcher.status(execution)).state).toBe('starting');
    run.release();
    await untilState(launcher, execution, 'succeeded');
  });

  test('one that still waits for resources is cancelled before it begins', async () => {
    await using launcher = open();
    run.hold = true;
    const request = requestOf('exit0');
    const execution = await launcher.launch(request, never);
    await launcher.cancel(execution);
    await untilState(launcher, execution, 'cancelled');
    expect(begunOf(seen, request)).toBe(0);
  });

  test('the answer lost: the execution that was begun is the answer, and there is one', async () => {
    await using launcher = open();
    run.loseAnswers = 1;
    const request = requestOf('exit0');
    const execution = await launcher.launch(request, never);
    expect(run.executions().map(({ name }) => name)).toEqual([execution]);
    expect(await launcher.find(request)).toBe(execution);
  });

  test('the answer lost and Cloud Run gone: it may be tried again, and find knows better by then', async () => {
    await using launcher = open();
    run.loseAnswers = 1;
    run.failures.push({ method: 'ListExecutions', code: status.UNAVAILABLE, message: 'gone' });
    const request = requestOf('exit0');
    const problem = await refusedWith(launcher.launch(request, never), 'LAUNCH_FAILED');
    expect(problem.retryable).toBe(true);
    expect(await launcher.find(request)).toBe(run.executions()[0]?.name);
    expect(run.executions()).toHaveLength(1);
  });

  test.each([
    ['UNAVAILABLE', status.UNAVAILABLE, 'LAUNCH_FAILED'],
    ['RESOURCE_EXHAUSTED', status.RESOURCE_EXHAUSTED, 'LAUNCH_FAILED'],
    ['DEADLINE_EXCEEDED', status.DEADLINE_EXCEEDED, 'LAUNCH_FAILED'],
    ['INTERNAL', status.INTERNAL, 'LAUNCH_FAILED'],
    ['ABORTED', status.ABORTED, 'LAUNCH_FAILED'],
    ['FAILED_PRECONDITION', status.FAILED_PRECONDITION, 'LAUNCH_FAILED'],
    ['INVALID_ARGUMENT', status.INVALID_ARGUMENT, 'LAUNCH_REFUSED'],
    ['UNAUTHENTICATED', status.UNAUTHENTICATED, 'LAUNCH_FAILED'],
  ])('%s', async (name, code, wanted) => {
    await using launcher = open();
    run.failures.push({ method: 'RunJob', code, message: `${name} it is.` });
    const problem = await refusedWith(launcher.launch(requestOf('exit0'), never), wanted);
    expect(problem.detail).toContain(`${name} it is.`);
    expect(run.executions()).toEqual([]);
    expect(run.calls.filter(({ method }) => method === 'RunJob')).toHaveLength(1);
  });

  test('no permission: what to grant, and nothing was started', async () => {
    await using launcher = open();
    run.allows = ({ overrides }) => !overrides;
    const problem = await refusedWith(launcher.launch(requestOf('exit0'), never), 'LAUNCH_REFUSED');
    expect(problem.detail).toContain('run.jobs.runWithOverrides');
    expect(problem.fix).toContain('roles/run.jobsExecutorWithOverrides');
    expect(run.executions()).toEqual([]);
  });

  test('no job: the stack has to be brought up', async () => {
    await using launcher = open();
    run.remove(JOB);
    const problem = await refusedWith(launcher.launch(requestOf('exit0'), never), 'LAUNCH_REFUSED');
    expect(problem.fix).toContain('tributary up');
  });

  test('a tenant only reaches its own job', async () => {
    await using launcher = open();
    await refusedWith(launcher.launch(requestOf('exit0', { tenant: 'other' }), never), 'LAUNCH_REFUSED');
    expect(run.calls[0]?.name).toBe(JOB.replace('acme-run', 'other-run'));
  });

  test('given up while it is asked: it may be tried again', async () => {
    await using launcher = open();
    const abort = new AbortController();
    const launching = launcher.launch(requestOf('exit0'), abort.signal);
    abort.abort();
    await refusedWith(launching, 'LAUNCH_FAILED');
  });

  test('nobody listens', async () => {
    await using launcher = open({ endpoint: '127.0.0.1:1', callMs: 300 });
    await refusedWith(launcher.launch(requestOf('exit0'), never), 'LAUNCH_FAILED');
    await refusedWith(launcher.status(`${JOB}/executions/e`), 'LAUNCHER_UNREACHABLE');
    await refusedWith(launcher.cancel(`${JOB}/executions/e`), 'LAUNCHER_UNREACHABLE');
  });

  test('too little memory', async () => {
    await using launcher = open();
    const request = requestOf('wait');
    const execution = await launcher.launch(request, never);
    await seenBy(seen, request);
    run.outOfMemory(execution);
    await untilState(launcher, execution, 'failed');
    const { problem } = await launcher.status(execution);
    expect(problem).toMatchObject({ code: 'RUNNER_OUT_OF_MEMORY', retryable: false });
    expect(problem?.detail).toContain('Memory limit of 512 MiB exceeded with 541 MiB used');
  });

  test('too long', async () => {
    await using launcher = open();
    run.put(JOB, { command: RUNNER, environment: environmentOf(seen), timeoutMs: 200 });
    const execution = await launcher.launch(requestOf('stubborn'), never);
    await untilState(launcher, execution, 'failed');
    const { problem } = await launcher.status(execution);
    expect(problem).toMatchObject({ code: 'RUNNER_TIMED_OUT', retryable: false });
  });

  test('Cloud Run tries a failed runner again by itself; until then it has not failed', async () => {
    await using launcher = open();
    run.put(JOB, { command: RUNNER, environment: environmentOf(seen), maxRetries: 1 });
    const request = requestOf('exit3');
    const execution = await launcher.launch(request, never);
    await untilState(launcher, execution, 'failed');
    expect(begunOf(seen, request)).toBe(2);
  });

  test('an execution that Cloud Run has forgotten is gone', async () => {
    await using launcher = open();
    const request = requestOf('wait');
    const execution = await launcher.launch(request, never);
    await seenBy(seen, request);
    run.vanish(execution);
    expect(await launcher.status(execution)).toEqual({ state: 'gone', problem: null, logs: null });
    expect(await launcher.find(request)).toBeNull();
  });

  test('without the right to see tasks the words of the execution do', async () => {
    await using launcher = open();
    run.allows = ({ method }) => method !== 'ListTasks';
    const execution = await launcher.launch(requestOf('exit3'), never);
    await untilState(launcher, execution, 'failed');
    const { problem } = await launcher.status(execution);
    expect(problem?.code).toBe('RUNNER_FAILED');
    expect(problem?.detail).toContain('The container exited with an error.');
  });

  test('find looks through all pages of a day', async () => {
    await using launcher = open();
    run.hold = true;
    run.pageSize = 2;
    const requests = Array.from({ length: 5 }, () => requestOf('exit0'));
    const names: string[] = [];
    for (const request of requests) names.push(await launcher.launch(request, never));
    for (const [n, request] of requests.entries()) expect(await launcher.find(request)).toBe(names[n]);
    await using shortSighted = open({ findWithinMs: -60_000 });
    expect(await shortSighted.find(requests[0] as never)).toBeNull();
    expect(await shortSighted.find(requests[4] as never)).toBe(names[4]);
  });

  test('of a cancelled execution no process is left', async () => {
    await using launcher = open();
    const request = requestOf('wait');
    const execution = await launcher.launch(request, never);
    const { pid } = await seenBy(seen, request);
    await launcher.cancel(execution);
    await until(() => !run.executions().some(({ state }) => state === 'running'), 'the execution to end');
    await until(() => !exists(pid), 'its process to end');
  });
});

describe('what Cloud Run says', () => {
  const failed = (reason: object, message = '') => ({
    name: `${JOB}/executions/tributary-acme-run-x`,
    conditions: [{ type: 'Completed', state: 'CONDITION_FAILED' as const, message, ...reason }],
  });

  test.each([
    ['CONTAINER_MISSING', 'RUNNER_MISSING'],
    ['CONTAINER_PERMISSION_DENIED', 'RUNNER_MISSING'],
    ['CONTAINER_IMAGE_UNAUTHORIZED', 'RUNNER_MISSING'],
    ['ENCRYPTION_KEY_PERMISSION_DENIED', 'LAUNCH_REFUSED'],
    ['VPC_NETWORK_NOT_FOUND', 'LAUNCH_REFUSED'],
    ['INTERNAL', 'RUNNER_FAILED'],
  ] as const)('%s is %s', (reason, code) => {
    expect(failureOf(failed({ reason }, 'What happened.'), null)).toMatchObject({
      code,
      detail: expect.stringContaining('What happened.'),
    });
  });

  test('no word at all', () => {
    expect(failureOf(failed({}), null).detail).toContain('does not say why');
    expect(stateOf({})).toBe('starting');
    expect(stateOf(failed({ executionReason: 'CANCELLED' }))).toBe('cancelled');
    expect(stateOf({ conditions: [], retriedCount: 1 })).toBe('running');
  });
});
