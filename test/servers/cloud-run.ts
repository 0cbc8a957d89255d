/**
 * Cloud Run's API of jobs and executions: a real gRPC server, whose executions are processes of this machine. Jobs are put
 * into it; their image is a command.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { type ContainerProcess, startContainer } from './cloud-run-container.ts';
import { type GrpcServer, serveGrpc, serviceOf } from './grpc.ts';

export interface CloudRunJob {
  /** `null`: its image is not there. */
  readonly command: readonly [string, ...string[]] | null;
  /** All that the process sees, beside what an execution overrides and Cloud Run adds. */
  readonly environment: Readonly<Record<string, string>>;
  /** @default 0 */
  readonly maxRetries?: number;
  /** Of one attempt. @default 4 hours */
  readonly timeoutMs?: number;
}

export interface CloudRunCall {
  /** As in `RunJob`. */
  readonly method: string;
  readonly name: string;
  /** Whose port was called; `null`: the open one. */
  readonly caller: string | null;
  /** Whether a RunJob brings overrides: another permission. */
  readonly overrides: boolean;
}

export interface CloudRunExecution {
  /** `projects/p/locations/l/jobs/j/executions/e` */
  readonly name: string;
  /** TRIBUTARY_RUN_ID of it. */
  readonly runId: string | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly attempts: number;
  readonly pid: number | null;
  /** What it wrote so far. */
  log(): string;
}

export interface CloudRunServer extends AsyncDisposable {
  /** As in `127.0.0.1:50051`; plain text, no credentials. */
  readonly host: string;
  readonly calls: readonly CloudRunCall[];
  /** What IAM says; default: everybody may everything. */
  allows: (call: CloudRunCall) => boolean;
  /** The next calls fail so, one each, before anything happens; a code of gRPC, as in `14` of UNAVAILABLE. */
  readonly failures: { readonly code: number; readonly message: string; readonly method?: string }[];
  /** So many of the next RunJob are carried out, and their answer is lost. */
  loseAnswers: number;
  /** Most executions of a page. */
  pageSize: number;
  /** While true, accepted executions wait for resources. */
  hold: boolean;
  /** A port of its own for somebody: the clients bring no credentials, so the port says who calls. */
  gate(caller: string): Promise<string>;
  /** @param name `projects/p/locations/l/jobs/j`; one that exists is replaced. */
  put(name: string, job: CloudRunJob): void;
  remove(name: string): void;
  jobs(): readonly string[];
  /** Oldest first. */
  executions(): readonly CloudRunExecution[];
  /** Lets everything begin that is held. */
  release(): void;
  /** Ends an execution as one that took too much memory. */
  outOfMemory(execution: string): void;
  /** Cloud Run forgets an execution; its process ends. */
  vanish(execution: string): void;
  /** Resolves once nothing runs. */
  idle(): Promise<void>;
}

interface Running {
  readonly name: string;
  readonly job: string;
  readonly uid: string;
  readonly spec: CloudRunJob;
  readonly environment: Record<string, string>;
  readonly created: Date;
  readonly changes: Date[];
  state: CloudRunExecution['state'];
  attempts: number;
  process: ContainerProcess | null;
  output: string;
  /** Why its process was ended from outside. */
  doom: 'cancelled' | 'memory' | 'timeout' | 'vanished' | null;
  failure: { readonly condition: object; readonly result: object } | null;
  cancelling: boolean;
  done: Promise<void>;
}

type Asked = Readonly<Record<string, unknown>> & { readonly name?: string; readonly parent?: string };

class Refusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const PERMISSIONS: Readonly<Record<string, string>> = {
  RunJob: 'run.jobs.run',
  GetJob: 'run.jobs.get',
  GetExecution: 'run.executions.get',
  ListExecutions: 'run.executions.list',
  CancelExecution: 'run.executions.cancel',
  ListTasks: 'run.tasks.list',
  GetOperation: 'run.operations.get',
};

const PACKAGE = '@google-cloud/run';
const HOURS = 3_600_000;
const CANCEL_GRACE_MS = 10_000;

/** @example await using run = await startCloudRun(); run.put('projects/p/locations/l/jobs/j', { command: ['node', 'x.ts'], environment: {} }); */
export async function startCloudRun(): Promise<CloudRunServer> {
  const jobs = new Map<string, CloudRunJob>();
  const executions = new Map<string, Running>();
  const calls: CloudRunCall[] = [];
  const gates: GrpcServer[] = [];
  const services = {
    jobs: serviceOf(PACKAGE, 'google.cloud.run.v2.Jobs'),
    executions: serviceOf(PACKAGE, 'google.cloud.run.v2.Executions'),
    tasks: serviceOf(PACKAGE, 'google.cloud.run.v2.Tasks'),
    operations: serviceOf(PACKAGE, 'google.longrunning.Operations'),
  };
  let released = Promise.withResolvers<void>();

  const operationOf = (execution: Running) => {
    const value = services.executions.GetExecution?.responseSerialize(described(execution));
    const any = { type_url: 'type.googleapis.com/google.cloud.run.v2.Execution', value };
    const done = !['pending', 'running'].includes(execution.state);
    const name = `${execution.name.split('/jobs/')[0]}/operations/${execution.uid}`;
    if (!done) return { name, done, metadata: any };
    if (execution.state === 'succeeded') return { name, done, metadata: any, response: any };
    return { name, done, metadata: any, error: { code: status.ABORTED, message: 'The execution failed.' } };
  };

  function jobOf(name: string): CloudRunJob {
    const job = jobs.get(name);
    if (job === undefined)
      throw new Refusal(
        status.NOT_FOUND,
        `Resource '${name.split('/').at(-1)}' of kind 'JOB' in region '${name.split('/')[3]}' in project '${name.split('/')[1]}' does not exist.`,
      );
    return job;
  }

  function executionOf(name: string): Running {
    const execution = executions.get(name);
    if (execution === undefined) throw new Refusal(status.NOT_FOUND, `Execution '${name}' does not exist.`);
    return execution;
  }

  function runJob(job: string, asked: Asked): Running {
    const spec = jobOf(job);
    const id = `${job.split('/').at(-1)}-${randomBytes(3).toString('hex')}`;
    const name = `${job}/executions/${id}`;
    const given = {
      CLOUD_RUN_JOB: job.split('/').at(-1) ?? '',
      CLOUD_RUN_EXECUTION: id,
      CLOUD_RUN_TASK_INDEX: '0',
      CLOUD_RUN_TASK_COUNT: '1',
    };
    const execution: Running = {
      ...{ name, job, spec, uid: randomUUID(), created: new Date(), changes: [], state: 'pending', attempts: 0 },
      ...{ process: null, output: '', doom: null, failure: null, cancelling: false, done: Promise.resolve() },
      environment: { ...spec.environment, ...overridden(asked), ...given },
    };
    executions.set(name, execution);
    execution.done = carryOut(execution);
    return execution;
  }

  async function carryOut(execution: Running): Promise<void> {
    const { spec, environment } = execution;
    while (server.hold && execution.doom === null) await released.promise;
    const { command } = spec;
    if (command === null) return fail(execution, { reason: 'CONTAINER_MISSING' }, `Image 'runner' not found.`, {});
    for (let attempt = 0; execution.doom === null; attempt++) {
      execution.attempts = attempt + 1;
      execution.state = 'running';
      const process = startContainer(command, { ...environment, CLOUD_RUN_TASK_ATTEMPT: `${attempt}` }, (text) => {
        execution.output += text;
      });
      execution.process = process;
      const limit = setTimeout(() => end(execution, 'timeout'), spec.timeoutMs ?? 4 * HOURS);
      const code = await process.ended;
      clearTimeout(limit);
      execution.process = null;
      if (code === 0 && execution.doom === null) {
        execution.state = 'succeeded';
        return;
      }
      if (execution.doom !== null || attempt >= (spec.maxRetries ?? 0)) return failed(execution, code);
    }
    failed(execution, 0);
  }

  function failed(execution: Running, code: number): void {
    const task = `Task ${execution.name.split('/').at(-1)}-task0 failed with message: `;
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

  function fail(execution: Running, reason: object, message: string, result: object): void {
    execution.state = 'failed';
    execution.failure = { condition: { type: 'Completed', state: 'CONDITION_FAILED', message, ...reason }, result };
  }

  function end(execution: Running, why: NonNullable<Running['doom']>): void {
    if (!['pending', 'running'].includes(execution.state)) return;
    execution.doom ??= why;
    if (why !== 'cancelled') execution.process?.kill('SIGKILL');
    else if (execution.process !== null) {
      execution.process.kill('SIGTERM');
      setTimeout(() => execution.process?.kill('SIGKILL'), CANCEL_GRACE_MS).unref();
    }
    released.resolve();
    released = Promise.withResolvers();
  }

  const methods: Readonly<Record<string, (asked: Asked) => unknown>> = {
    RunJob: (asked) => operationOf(runJob(asked.name ?? '', asked)),
    GetJob: ({ name = '' }) => {
      jobOf(name);
      return { name };
    },
    GetExecution: ({ name = '' }) => described(executionOf(name)),
    ListExecutions: ({ parent = '', pageSize, pageToken }) => {
      jobOf(parent);
      const all = [...executions.values()].filter(({ job }) => job === parent).reverse();
      const from = Number(pageToken || 0);
      const to = from + Math.min(Number(pageSize) || 100, server.pageSize);
      return { executions: all.slice(from, to).map(described), nextPageToken: to < all.length ? `${to}` : '' };
    },
    CancelExecution: ({ name = '' }) => {
      const execution = executionOf(name);
      if (!['pending', 'running'].includes(execution.state)) {
        throw new Refusal(status.FAILED_PRECONDITION, 'The execution has already completed and cannot be cancelled.');
      }
      execution.cancelling = true;
      end(execution, 'cancelled');
      return operationOf(execution);
    },
    ListTasks: ({ parent = '' }) => {
      const execution = executionOf(parent);
      const name = `${parent}/tasks/${parent.split('/').at(-1)}-task0`;
      return { tasks: [{ name, execution: parent, job: execution.job, lastAttemptResult: execution.failure?.result }] };
    },
    GetOperation: ({ name = '' }) => {
      const found = [...executions.values()].find(({ uid }) => name.endsWith(`/operations/${uid}`));
      if (found === undefined) throw new Refusal(status.NOT_FOUND, `Operation '${name}' does not exist.`);
      return operationOf(found);
    },
  };

  const open = async (caller: string | null): Promise<string> => {
    const handlers = Object.entries(methods).map(([method, answer]) => {
      const handle = ({ request }: ServerUnaryCall<Asked, unknown>, callback: sendUnaryData<unknown>) => {
        const call = { method, name: request.name || request.parent || '', caller, overrides: hasOverrides(request) };
        calls.push(call);
        try {
          const next = server.failures.findIndex((failure) => (failure.method ?? method) === method);
          const failure = next < 0 ? undefined : server.failures.splice(next, 1)[0];
          if (failure !== undefined) throw new Refusal(failure.code, failure.message);
          if (!server.allows(call)) {
            const permission = call.overrides ? 'run.jobs.runWithOverrides' : PERMISSIONS[method];
            const what = `Permission '${permission}' denied on resource '${call.name}' (or resource may not exist).`;
            throw new Refusal(status.PERMISSION_DENIED, what);
          }
          const value = answer(request);
          if (method === 'RunJob' && server.loseAnswers > 0) {
            server.loseAnswers--;
            throw new Refusal(status.UNAVAILABLE, 'The connection broke.');
          }
          callback(null, value);
        } catch (error) {
          const { code = status.INTERNAL, message } = error as Refusal;
          callback({ code, details: message });
        }
      };
      return [method, handle] as const;
    });
    const all = Object.fromEntries(handlers);
    const gate = await serveGrpc(
      ...Object.values(services).map((service) => ({
        service,
        methods: Object.fromEntries(Object.entries(all).filter(([name]) => Object.hasOwn(service, name))),
      })),
    );
    gates.push(gate);
    return gate.host;
  };

  const server: CloudRunServer = {
    host: '',
    calls,
    allows: () => true,
    failures: [],
    loseAnswers: 0,
    pageSize: 100,
    hold: false,
    gate: open,
    put: (name, job) => void jobs.set(name, job),
    remove: (name) => void jobs.delete(name),
    jobs: () => [...jobs.keys()].sort(),
    executions: () =>
      [...executions.values()].map((execution) => ({
        ...{ name: execution.name, environment: execution.environment, state: execution.state },
        ...{ attempts: execution.attempts, pid: execution.process?.pid ?? null },
        runId: execution.environment.TRIBUTARY_RUN_ID ?? null,
        log: () => execution.output,
      })),
    release() {
      server.hold = false;
      released.resolve();
      released = Promise.withResolvers();
    },
    outOfMemory: (name) => end(executionOf(name), 'memory'),
    vanish(name) {
      end(executionOf(name), 'vanished');
      executions.delete(name);
    },
    idle: async () => void (await Promise.all([...executions.values()].map(({ done }) => done))),
    async [Symbol.asyncDispose]() {
      for (const gate of gates) gate.close();
      const left = [...executions.values()];
      for (const execution of left) end(execution, 'vanished');
      await Promise.all(left.map(({ done }) => done));
    },
  };
  return Object.assign(server, { host: await open(null) });
}

/** An execution as the API has it. */
function described(execution: Running): object {
  const { name, uid, job, state, created, failure, environment, attempts } = execution;
  const begun = state !== 'pending' && attempts > 0;
  const succeeded = (type: string, message: string) => ({ type, state: 'CONDITION_SUCCEEDED', message });
  const waiting = (type: string) => ({ type, state: 'CONDITION_PENDING' });
  const cancelling = execution.cancelling ? { executionReason: 'CANCELLING' } : {};
  const completed =
    state === 'succeeded'
      ? succeeded('Completed', 'Execution completed successfully.')
      : (failure?.condition ?? { type: 'Completed', state: 'CONDITION_RECONCILING', ...cancelling });
  const time = (date: Date) => ({ seconds: Math.floor(date.getTime() / 1000), nanos: (date.getTime() % 1000) * 1e6 });
  return {
    ...{ name, uid, job, createTime: time(created), taskCount: 1, parallelism: 1 },
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
    runningCount: state === 'running' ? 1 : 0,
    succeededCount: state === 'succeeded' ? 1 : 0,
    failedCount: state === 'failed' ? 1 : 0,
    cancelledCount: state === 'cancelled' ? 1 : 0,
    retriedCount: attempts > 1 ? 1 : 0,
    logUri: `https://console.cloud.google.com/logs/viewer?project=${name.split('/')[1]}&execution=${name.split('/').at(-1)}`,
  };
}

interface Overrides {
  readonly containerOverrides?: readonly { readonly env?: readonly { name: string; value?: string }[] }[];
}

function hasOverrides(asked: Asked): boolean {
  return ((asked.overrides as Overrides | null)?.containerOverrides ?? []).length > 0;
}

function overridden(asked: Asked): Record<string, string> {
  const variables = ((asked.overrides as Overrides | null)?.containerOverrides ?? []).flatMap(({ env }) => env ?? []);
  return Object.fromEntries(variables.map(({ name, value }) => [name, value ?? '']));
}
