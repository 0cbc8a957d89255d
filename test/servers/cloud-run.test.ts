import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { openCloudRunJobs } from '../../runner/launchers/cloud-run-job/index.ts';
import { exists, refusedWith, requestOf, until } from '../contracts/launcher.ts';
import { startCloudRun } from './cloud-run.ts';

const JOB = 'projects/acme-data/locations/europe-west1/jobs/tributary-acme-run';
const never = new AbortController().signal;

test('the port says who calls, and what they may do is asked for each call', async () => {
  await using run = await startCloudRun();
  run.put(JOB, { command: ['/bin/true'], environment: {} });
  run.allows = ({ caller, method }) => caller === 'webhook' || method === 'ListExecutions';
  await using mine = openCloudRunJobs({ kind: 'cloud-run-job', endpoint: await run.gate('webhook') });
  await using theirs = openCloudRunJobs({ kind: 'cloud-run-job', endpoint: await run.gate('somebody') });
  const request = requestOf('exit0');
  await refusedWith(theirs.launch(request, never), 'LAUNCH_REFUSED');
  const execution = await mine.launch(request, never);
  expect(await theirs.find(request)).toBe(execution);
  await refusedWith(theirs.status(execution), 'LAUNCHER_UNREACHABLE');
  expect(run.calls.map(({ caller, method }) => `${caller} ${method}`)).toEqual([
    'somebody RunJob',
    'webhook RunJob',
    'somebody ListExecutions',
    'somebody GetExecution',
  ]);
});

test('a process sees its job and its execution, and nothing of this one', async () => {
  process.env.CANARY_OF_THIS_PROCESS = 'canary';
  try {
    await using run = await startCloudRun();
    run.put(JOB, { command: ['/usr/bin/env'], environment: { GREETING: 'hello' } });
    await using launcher = openCloudRunJobs({ kind: 'cloud-run-job', endpoint: run.host });
    const request = requestOf('exit0');
    await launcher.launch(request, never);
    await run.idle();
    const [execution] = run.executions();
    expect(execution).toMatchObject({ state: 'succeeded', runId: request.runId, attempts: 1, pid: null });
    const log = execution?.log() ?? '';
    for (const line of ['GREETING=hello', `TRIBUTARY_RUN_ID=${request.runId}`, 'CLOUD_RUN_TASK_ATTEMPT=0'])
      expect(log).toContain(`${line}\n`);
    expect(log).not.toContain('canary');
  } finally {
    delete process.env.CANARY_OF_THIS_PROCESS;
  }
});

test('a failure for one method waits for that method', async () => {
  await using run = await startCloudRun();
  run.put(JOB, { command: ['/bin/true'], environment: {} });
  run.failures.push({ method: 'GetExecution', code: status.UNAVAILABLE, message: 'away' });
  await using launcher = openCloudRunJobs({ kind: 'cloud-run-job', endpoint: run.host });
  const execution = await launcher.launch(requestOf('exit0'), never);
  await refusedWith(launcher.status(execution), 'LAUNCHER_UNREACHABLE');
  await run.idle();
  expect((await launcher.status(execution)).state).toBe('succeeded');
});

test('no process outlives the server, however that ends', async () => {
  const module = new URL('./cloud-run-container.ts', import.meta.url).href;
  const program = `import { startContainer } from ${JSON.stringify(module)};
    startContainer(['/bin/sh', '-c', 'echo $$; exec sleep 300'], {}, (text) => process.stdout.write(text));`;
  const server = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = await once(server.stdout.setEncoding('utf8'), 'data');
  const pid = Number(`${text}`.trim());
  expect(exists(pid)).toBe(true);
  server.kill('SIGKILL');
  await until(() => !exists(pid), 'the process to end');
});
