/**
 * Cloud Run's API of jobs and executions: a real gRPC server, whose executions are processes of this machine. Jobs are put
 * into it; their image is a command.
 */
import { type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import {
  type CloudExecution,
  carryOut,
  described,
  endExecution,
  newExecution,
  tasksOf,
} from './cloud-run-execution.ts';
import { type GrpcServer, serveGrpc, serviceOf } from './grpc.ts';

export interface CloudRunJob {
  /** `null`: its image is not there. */
  readonly command: readonly [string, ...string[]] | null;
  /** All that the process sees, beside what an execution overrides and Cloud Run adds. */
  readonly environment: Readonly<Record<string, string>>;
  /** @default 1 */
  readonly taskCount?: number;
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
  /** Of its first task. */
  readonly attempts: number;
  /** Of its first task. */
  readonly pid: number | null;
  readonly tasks: number;
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
  /** Another process has started an execution, a second ago. */
  start(job: string, environment: Readonly<Record<string, string>>): void;
  /** Somebody cancels an execution in the console. */
  cancel(execution: string): void;
  /** Cloud Run forgets an execution; its process ends. */
  vanish(execution: string): void;
  /** Resolves once nothing runs. */
  idle(): Promise<void>;
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

/** @example await using run = await startCloudRun(); run.put('projects/p/locations/l/jobs/j', { command: ['node', 'x.ts'], environment: {} }); */
export async function startCloudRun(): Promise<CloudRunServer> {
  const jobs = new Map<string, CloudRunJob>();
  const executions = new Map<string, CloudExecution>();
  const calls: CloudRunCall[] = [];
  const gates: GrpcServer[] = [];
  const services = {
    jobs: serviceOf(PACKAGE, 'google.cloud.run.v2.Jobs'),
    executions: serviceOf(PACKAGE, 'google.cloud.run.v2.Executions'),
    tasks: serviceOf(PACKAGE, 'google.cloud.run.v2.Tasks'),
    operations: serviceOf(PACKAGE, 'google.longrunning.Operations'),
  };
  let released = Promise.withResolvers<void>();

  const operationOf = (execution: CloudExecution) => {
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

  function executionOf(name: string): CloudExecution {
    const execution = executions.get(name);
    if (execution === undefined) throw new Refusal(status.NOT_FOUND, `Execution '${name}' does not exist.`);
    return execution;
  }

  function runJob(job: string, asked: Asked): CloudExecution {
    const overrides = (asked.overrides ?? {}) as Overrides;
    return begin(job, overridden(overrides), overrides.taskCount || jobOf(job).taskCount || 1);
  }

  function begin(job: string, environment: Readonly<Record<string, string>>, tasks: number, at = new Date()) {
    const execution = newExecution(job, jobOf(job), environment, tasks, at);
    executions.set(execution.name, execution);
    const held = async () => {
      while (server.hold && execution.doom === null) await released.promise;
    };
    execution.done = carryOut(execution, held);
    return execution;
  }

  function end(execution: CloudExecution, why: NonNullable<CloudExecution['doom']>): void {
    endExecution(execution, why);
    released.resolve();
    released = Promise.withResolvers();
  }

  function cancel(execution: CloudExecution): void {
    execution.cancelling = true;
    end(execution, 'cancelled');
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
      cancel(execution);
      return operationOf(execution);
    },
    ListTasks: ({ parent = '', pageSize }) => ({
      tasks: tasksOf(executionOf(parent)).slice(0, Number(pageSize) || 100),
    }),
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
        ...{ attempts: execution.tasks[0]?.attempts ?? 0, pid: execution.tasks[0]?.process?.pid ?? null },
        tasks: execution.tasks.length,
        runId: execution.environment.TRIBUTARY_RUN_ID ?? null,
        log: () => execution.output,
      })),
    release() {
      server.hold = false;
      released.resolve();
      released = Promise.withResolvers();
    },
    outOfMemory: (name) => end(executionOf(name), 'memory'),
    start: (job, environment) => void begin(job, environment, 1, new Date(Date.now() - 1000)),
    cancel: (name) => cancel(executionOf(name)),
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

interface Overrides {
  readonly containerOverrides?: readonly { readonly env?: readonly { name: string; value?: string }[] }[];
  readonly taskCount?: number;
}

function hasOverrides(asked: Asked): boolean {
  const { containerOverrides = [], taskCount = 0 } = (asked.overrides ?? {}) as Overrides;
  return containerOverrides.length > 0 || taskCount > 0;
}

function overridden({ containerOverrides = [] }: Overrides): Record<string, string> {
  const variables = containerOverrides.flatMap(({ env }) => env ?? []);
  return Object.fromEntries(variables.map(({ name, value }) => [name, value ?? '']));
}
