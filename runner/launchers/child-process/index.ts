/** Runs as processes of this machine. They outlive whoever launched them. */
import { pathToFileURL } from 'node:url';
import type { ExecutionStatus, Launcher, LaunchRequest } from '../../core/contracts/launcher.ts';
import { TributaryError } from '../../core/errors.ts';
import { type Execution, Executions } from './executions.ts';
import { startKept } from './keeper.ts';

export interface ChildProcessSettings {
  readonly kind: 'child-process';
  /** The runner. @example ['/usr/bin/node', '/app/runner/main.ts'] */
  readonly command: readonly [string, ...string[]];
  /** Holds a few small files and the log of each execution; made where it is missing. */
  readonly folder: string;
  /** What every runner gets beside its run: address and audience of the webhook, the warehouse. No secret. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables of this process that a runner gets too, beside those every program needs; `NAME*` is all that begin so. */
  readonly inherit?: readonly string[];
  /** How many may run at once. @default 16 */
  readonly maxProcesses?: number;
  /** How long a cancelled runner has to end by itself. @default 30000 */
  readonly graceMs?: number;
  /** How many executions are remembered. @default 1000 */
  readonly keep?: number;
}

/** What a program needs to work on this machine: paths, language, proxies and certificates, where Google's login lies. */
const ALWAYS: readonly string[] = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'LANG', 'LC_*', 'TZ'],
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'],
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
  ...['GOOGLE_APPLICATION_CREDENTIALS', 'CLOUDSDK_CONFIG'],
];

/** The runner's own exit code, as the command line has it. */
const INTERRUPTED = 130;
/** Exit codes of the shell where the program could not be started. */
const NOT_STARTED = new Set([126, 127]);

export function openChildProcesses(settings: ChildProcessSettings): Launcher {
  const { maxProcesses = 16, graceMs = 30_000, keep = 1000 } = settings;
  const executions = new Executions(settings.folder);
  executions.prune(keep);

  async function launch(request: LaunchRequest, signal: AbortSignal): Promise<string> {
    const { runId } = request;
    signal.throwIfAborted();
    const last = executions.newest(runId);
    if (last !== null && ['starting', 'alive'].includes(executions.lifeOf(last).type)) return last.name;
    const limit = maxProcesses;
    if (executions.living().length >= limit) {
      throw new TributaryError('LAUNCHER_BUSY', { launcher: 'child-process', run: runId, limit });
    }
    const execution = executions.take(request);
    if (execution === null) {
      const reason = 'another process launches it at this moment';
      throw new TributaryError('LAUNCH_FAILED', { launcher: 'child-process', run: runId, reason });
    }
    try {
      const environment = environmentOf(settings, request);
      await startKept({ base: execution.base, command: settings.command, environment });
    } catch (error) {
      executions.forget(execution);
      throw failure(runId, error as NodeJS.ErrnoException);
    }
    executions.prune(keep);
    return execution.name;
  }

  async function status(name: string): Promise<ExecutionStatus> {
    const execution = executions.read(name);
    if (execution === null) return { state: 'gone', problem: null, logs: null };
    const life = executions.lifeOf(execution);
    const logs = pathToFileURL(`${execution.base}.log`).href;
    if (life.type === 'never-began') {
      return { state: executions.wasCancelled(execution) ? 'cancelled' : 'gone', problem: null, logs };
    }
    if (life.type === 'starting') return { state: 'starting', problem: null, logs };
    if (life.type === 'alive') return { state: 'running', problem: null, logs };
    if (life.code === 0) return { state: 'succeeded', problem: null, logs };
    if (executions.wasCancelled(execution)) return { state: 'cancelled', problem: null, logs };
    return { state: 'failed', problem: problemOf(execution, life.code), logs };
  }

  async function cancel(name: string): Promise<void> {
    const execution = executions.read(name);
    if (execution === null) return;
    if (!['starting', 'alive'].includes(executions.lifeOf(execution).type)) return;
    executions.cancel(execution);
    const life = executions.lifeOf(execution);
    if (life.type !== 'alive') return;
    signalGroup(life.pid, 'SIGTERM');
    setTimeout(() => {
      const later = executions.lifeOf(execution);
      if (later.type === 'alive') signalGroup(later.pid, 'SIGKILL');
    }, graceMs).unref();
  }

  return {
    kind: 'child-process',
    launch,
    find: async ({ runId }) => {
      const newest = executions.newest(runId);
      return newest === null || executions.lifeOf(newest).type === 'never-began' ? null : newest.name;
    },
    status,
    cancel,
    async [Symbol.asyncDispose]() {},
  };
}

function environmentOf(settings: ChildProcessSettings, request: LaunchRequest): Record<string, string> {
  const wanted = [...ALWAYS, ...(settings.inherit ?? [])];
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && wanted.some((pattern) => matches(pattern, entry[0])),
  );
  return {
    ...Object.fromEntries(inherited),
    ...settings.environment,
    TRIBUTARY_TENANT: request.tenant,
    TRIBUTARY_PROJECT: request.project,
    TRIBUTARY_REGION: request.region,
    TRIBUTARY_RUN_ID: request.runId,
    ...(request.traceparent === null ? {} : { TRACEPARENT: request.traceparent }),
  };
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function problemOf({ name, base }: Execution, code: number | null) {
  const facts = { execution: name, logs: `${base}.log` };
  if (code === null) return new TributaryError('RUNNER_FAILED', { ...facts, reason: 'it was killed' }).problem;
  if (NOT_STARTED.has(code)) {
    return new TributaryError('RUNNER_MISSING', { ...facts, reason: 'its program cannot be started' }).problem;
  }
  const bySignal = code > 128 && code !== INTERRUPTED;
  const reason = bySignal ? `it ended by signal ${code - 128}` : `it ended with exit code ${code}`;
  return new TributaryError('RUNNER_FAILED', { ...facts, reason }).problem;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The machine has no room for a process now; anything else stays as it is. */
function failure(run: string, cause: NodeJS.ErrnoException): TributaryError {
  const passing = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ENOSPC'].includes(cause.code ?? '');
  const facts = {
    launcher: 'child-process',
    run,
    reason: `the process cannot be started (${cause.code ?? cause.message})`,
  };
  const advice = 'Look at the folder of the launcher and at /bin/sh on this machine.';
  return passing
    ? new TributaryError('LAUNCH_FAILED', facts, { cause })
    : new TributaryError('LAUNCH_REFUSED', { ...facts, advice }, { cause });
}
