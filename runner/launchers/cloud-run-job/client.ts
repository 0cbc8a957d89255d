/** Cloud Run's API of jobs, and what its refusals mean. */
import { v2 } from '@google-cloud/run';
import { credentials } from '@grpc/grpc-js';
import { TributaryError } from '../../core/errors.ts';

export interface Clients {
  readonly jobs: v2.JobsClient;
  readonly executions: v2.ExecutionsClient;
  readonly tasks: v2.TasksClient;
  close(): Promise<void>;
}

/** @param endpoint `127.0.0.1:8085` of a server for tests, asked without credentials; absent: Google. */
export function openClients(endpoint: string | undefined): Clients {
  const options = endpoint === undefined ? { libName: 'tributary' } : emulated(endpoint);
  const jobs = new v2.JobsClient(options as never);
  const executions = new v2.ExecutionsClient(options as never);
  const tasks = new v2.TasksClient(options as never);
  return {
    jobs,
    executions,
    tasks,
    async close() {
      // A client that was never used has nothing to close, and says so by an error.
      await Promise.allSettled([jobs.close(), executions.close(), tasks.close()]);
    },
  };
}

function emulated(endpoint: string): object {
  const [apiEndpoint = '127.0.0.1', port] = endpoint.split(':');
  // Without a client the library would look for a login of Google on this machine, and for its metadata server.
  const authClient = { universeDomain: 'googleapis.com' };
  return { apiEndpoint, port: Number(port), sslCreds: credentials.createInsecure(), projectId: 'emulator', authClient };
}

/** Codes of gRPC. */
export const CODE = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadline: 4,
  notFound: 5,
  permissionDenied: 7,
  exhausted: 8,
  failedPrecondition: 9,
  internal: 13,
  unavailable: 14,
} as const;

/** After these nobody knows whether the call was carried out. */
const UNSURE: ReadonlySet<number> = new Set([
  CODE.cancelled,
  CODE.unknown,
  CODE.deadline,
  CODE.internal,
  CODE.unavailable,
]);
/** A job that is being changed is not ready, and a token may be missing for a moment: both pass. */
const FINAL: ReadonlySet<number> = new Set([CODE.invalidArgument, CODE.notFound, CODE.permissionDenied]);

const ADVICE: Readonly<Record<number, string>> = {
  [CODE.permissionDenied]:
    'Grant the webhook’s account (for tasks, the runner’s) roles/run.jobsExecutorWithOverrides and roles/run.viewer on the job: tributary up <tenant> does it.',
};

export function codeOf(error: unknown): number | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'number' ? code : null;
}

export function isUnsure(error: unknown): boolean {
  const code = codeOf(error);
  return code === null || UNSURE.has(code);
}

export function launchError(error: unknown, run: string): TributaryError {
  if (TributaryError.is(error)) return error;
  const code = codeOf(error);
  const facts = { launcher: 'Cloud Run', run, reason: reasonOf(error) };
  if (code === null || !FINAL.has(code)) return new TributaryError('LAUNCH_FAILED', facts, { cause: error });
  return new TributaryError('LAUNCH_REFUSED', { ...facts, advice: ADVICE[code] }, { cause: error });
}

/** An execution could not be asked for, or be cancelled. */
export function askError(error: unknown, execution: string): TributaryError {
  const facts = { launcher: 'Cloud Run', execution, reason: reasonOf(error) };
  return new TributaryError('LAUNCHER_UNREACHABLE', facts, { cause: error });
}

function reasonOf(error: unknown): string {
  const { details, message } = error as { details?: string; message?: string };
  return `${details || message || error}`.replace(/\.$/, '').slice(0, 500);
}
