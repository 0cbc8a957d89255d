/** An execution of a Cloud Run job: its tasks are processes of this machine, each with its attempts. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { CloudRunJob } from './cloud-run.ts';
import { type ContainerProcess, startContainer } from './cloud-run-container.ts';

export interface CloudTask {
  state: 'pending' | 'running' | 'succeeded' | 'failed';
  attempts: number;
  process: ContainerProcess | null;
  /** How its last attempt ended; 128 and more: by a signal. */
  code: number;
}

export interface CloudExecution {
  readonly name: string;
  readonly job: string;
  readonly uid: string;
  readonly spec: CloudRunJob;
  readonly environment: Readonly<Record<string, string>>;
  readonly created: Date;
  readonly tasks: readonly CloudTask[];
  state: 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  output: string;
  /** Why its processes were ended from outside. */
  doom: 'cancelled' | 'memory' | 'timeout' | 'vanished' | null;
  failure: { readonly condition: object; readonly result: object } | null;
  cancelling: boolean;
  done: Promise<void>;
}

const HOURS = 3_600_000;
const CANCEL_GRACE_MS = 10_000;

export function newExecution(
  job: string,
  spec: CloudRunJob,
  overridden: Readonly<Record<string, string>>,
  taskCount: number,
  created: Date,
): CloudExecution {
  const id = `${job.split('/').at(-1)}-${randomBytes(3).toString('hex')}`;
  const given = { CLOUD_RUN_JOB: job.split('/').at(-1) ?? '', CLOUD_RUN_EXECUTION: id };
  return {
    ...{ name: `${job}/executions/${id}`, job, spec, uid: randomUUID(), created, state: 'pending' },
    ...{ output: '', doom: null, failure: null, cancelling: false, done: Promise.resolve() },
    environment: {
      ...{ ...spec.environment, ...overridden, ...given },
      ...{ CLOUD_RUN_TASK_INDEX: '0', CLOUD_RUN_TASK_COUNT: `${taskCount}` },
    },
    tasks: Array.from({ length: taskCount }, () => ({ state: 'pending', attempts: 0, process: null, code: 0 })),
  };
}

/** @param held resolves once there are resources, or it was ended */
export async function carryOut(execution: CloudExecution, held: () => Promise<void>): Promise<void> {
  await held();
  const { command } = execution.spec;
  if (command === null) return fail(execution, { reason: 'CONTAINER_MISSING' }, `Image 'runner' not found.`, {});
  if (execution.doom === null) execution.state = 'running';
  await Promise.all(execution.tasks.map((_, index) => carryOutTask(execution, index, command)));
  const failed = execution.tasks.findIndex(({ state }) => state !== 'succeeded');
  if (failed < 0 && execution.doom === null) execution.state = 'succeeded';
  else failedBy(execution, Math.max(0, failed));
}

async function carryOutTask(
  execution: CloudExecution,
  index: number,
  command: readonly [string, ...string[]],
): Promise<void> {
  const { spec, environment } = execution;
  const task = execution.tasks[index] as CloudTask;
  for (let attempt = 0; execution.doom === null && attempt <= (spec.maxRetries ?? 0); attempt++) {
    task.attempts = attempt + 1;
    task.state = 'running';
    const given = { CLOUD_RUN_TASK_INDEX: `${index}`, CLOUD_RUN_TASK_ATTEMPT: `${attempt}` };
    const process = startContainer(command, { ...environment, ...given }, (text) => {
      execution.output += text;
    });
    task.process = process;
    const limit = setTimeout(() => endExecution(execution, 'timeout'), spec.timeoutMs ?? 4 * HOURS);
    task.code = await process.ended;
    clearTimeout(limit);
    task.process = null;
    task.state = task.code === 0 ? 'succeeded' : 'failed';
    if (task.code === 0) return;
  }
}

function failedBy(execution: CloudExecution, index: number): void {
  const code = execution.tasks[index]?.code ?? 0;
  const task = `Task ${execution.name.split('/').at(-1)}-task${index} failed with message: `;
  const signal = code > 128 ? code - 128 : 0;
  const result = signal === 0 ? { exitCode: code } : { termSignal: signal };
  const reason = { executionReason: 'NON_ZERO_EXIT_CODE' };
  if (execution.doom === 'cancelled') {
    execution.state = 'cancelled';
    const message = 'Execution was cancelled.';
    const condition = { type: 'Completed', state: 'CONDITION_FAILED', executionReason: 'CANCELLED', message };
    execution.failure = { condition, result: {} };
  } else if (execution.doom === 'memory') {
    const words =
      'Memory limit of 512 MiB exceeded with 541 MiB used. Consider increasing the memory limit, see https://cloud.google.com/run/docs/configuring/memory-limits';
    fail(execution, reason, `${task}${words}`, { termSignal: 9, status: { code: 8, message: words } });
  } else if (execution.doom === 'timeout') {
    const words = 'The configured timeout was reached.';
    fail(execution, reason, `${task}${words}`, { termSignal: 9, status: { code: 4, message: words } });
  } else {
    const words = signal === 0 ? 'The container exited with an error.' : `Container terminated on signal ${signal}.`;
    fail(execution, reason, `${task}${words}`, { ...result, status: { code: 2, message: words } });
  }
}

function fail(execution: CloudExecution, reason: object, message: string, result: object): void {
  execution.state = 'failed';
  execution.failure = { condition: { type: 'Completed', state: 'CONDITION_FAILED', message, ...reason }, result };
}

export function endExecution(execution: CloudExecution, why: NonNullable<CloudExecution['doom']>): void {
  if (!['pending', 'running'].includes(execution.state)) return;
  execution.doom ??= why;
  for (const task of execution.tasks) {
    if (why !== 'cancelled') task.process?.kill('SIGKILL');
    else if (task.process !== null) {
      task.process.kill('SIGTERM');
      setTimeout(() => task.process?.kill('SIGKILL'), CANCEL_GRACE_MS).unref();
    }
  }
}

export function tasksOf({ name, job, tasks, failure }: CloudExecution): readonly object[] {
  const failed = tasks.findIndex(({ state }) => state !== 'succeeded');
  return tasks.map((_, index) => ({
    ...{ name: `${name}/tasks/${name.split('/').at(-1)}-task${index}`, execution: name, job, index },
    ...(index === failed ? { lastAttemptResult: failure?.result } : {}),
  }));
}

/** An execution as the API has it. */
export function described(execution: CloudExecution): object {
  const { name, uid, job, state, created, failure, environment, tasks } = execution;
  const begun = state !== 'pending' && tasks.some(({ attempts }) => attempts > 0);
  const succeeded = (type: string, message: string) => ({ type, state: 'CONDITION_SUCCEEDED', message });
  const waiting = (type: string) => ({ type, state: 'CONDITION_PENDING' });
  const cancelling = execution.cancelling ? { executionReason: 'CANCELLING' } : {};
  const completed =
    state === 'succeeded'
      ? succeeded('Completed', 'Execution completed successfully.')
      : (failure?.condition ?? { type: 'Completed', state: 'CONDITION_RECONCILING', ...cancelling });
  const time = (date: Date) => ({ seconds: Math.floor(date.getTime() / 1000), nanos: (date.getTime() % 1000) * 1e6 });
  const count = (wanted: string) => tasks.filter((task) => task.state === wanted).length;
  return {
    ...{ name, uid, job, createTime: time(created), taskCount: tasks.length, parallelism: tasks.length },
    template: {
      containers: [
        { image: 'runner', env: Object.entries(environment).map(([variable, value]) => ({ name: variable, value })) },
      ],
    },
    conditions: [
      completed,
      begun ? succeeded('ResourcesAvailable', 'Provisioned imported containers.') : waiting('ResourcesAvailable'),
      begun ? succeeded('Started', 'Started deployed execution.') : waiting('Started'),
    ],
    runningCount: count('running'),
    succeededCount: count('succeeded'),
    failedCount: state === 'failed' ? count('failed') : 0,
    cancelledCount: state === 'cancelled' ? tasks.length - count('succeeded') : 0,
    retriedCount: tasks.filter(({ attempts }) => attempts > 1).length,
    logUri: `https://console.cloud.google.com/logs/viewer?project=${name.split('/')[1]}&execution=${name.split('/').at(-1)}`,
  };
}
