/** Runs as executions of the tenant's Cloud Run job. */
import type { protos } from '@google-cloud/run';
import { jobName } from '../../../tenants/naming.ts';
import type { ExecutionStatus, Launcher, LaunchRequest } from '../../core/contracts/launcher.ts';
import { askError, CODE, codeOf, isUnsure, launchError, openClients } from './client.ts';
import { type CloudExecution, failureOf, runOf, stateOf } from './conditions.ts';

export interface CloudRunJobSettings {
  readonly kind: 'cloud-run-job';
  /** `127.0.0.1:8085` of a server for tests, asked without credentials; absent: Google. */
  readonly endpoint?: string;
  /** How long one call may take. @default 20000 */
  readonly callMs?: number;
  /** How far back `find` looks. @default 86400000, a day */
  readonly findWithinMs?: number;
}

/** Cloud Run lists the newest first; so many are looked at, whatever their age. */
const PAGE = 100;
const MOST_PAGES = 20;

export function openCloudRunJobs(settings: CloudRunJobSettings): Launcher {
  const { endpoint, callMs = 20_000, findWithinMs = 86_400_000 } = settings;
  const clients = openClients(endpoint);
  const call = { timeout: callMs };

  async function launch(request: LaunchRequest, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const asked = clients.jobs.runJob({ name: jobOf(request), overrides: overridesOf(request) }, call);
    try {
      const [operation] = await orAborted(asked, signal);
      // The operation lasts as long as the run; what it is about is known from the first.
      const { name } = operation.metadata as CloudExecution;
      if (!name) throw new Error('Cloud Run accepted it without saying the name of the execution');
      return name;
    } catch (error) {
      if (!signal.aborted && isUnsure(error)) {
        const found = await find(request).catch(() => null);
        if (found !== null) return found;
      }
      throw launchError(error, request.runId);
    }
  }

  async function find(request: LaunchRequest): Promise<string | null> {
    const oldest = Date.now() - findWithinMs;
    let pageToken = '';
    for (let page = 0; page < MOST_PAGES; page++) {
      const [executions, , response] = await clients.executions
        .listExecutions({ parent: jobOf(request), pageSize: PAGE, pageToken }, { ...call, autoPaginate: false })
        .catch((error: unknown) => {
          throw launchError(error, request.runId);
        });
      const found = executions.find((execution) => runOf(execution) === request.runId);
      if (found?.name) return found.name;
      const last = executions.at(-1)?.createTime?.seconds;
      pageToken = response?.nextPageToken ?? '';
      if (pageToken === '' || (last !== undefined && last !== null && Number(last) * 1000 < oldest)) return null;
    }
    return null;
  }

  async function status(name: string): Promise<ExecutionStatus> {
    let execution: CloudExecution;
    try {
      [execution] = await clients.executions.getExecution({ name }, call);
    } catch (error) {
      if (codeOf(error) === CODE.notFound) return { state: 'gone', problem: null, logs: null };
      throw askError(error, name);
    }
    const state = stateOf(execution);
    const logs = execution.logUri || null;
    if (state !== 'failed') return { state, problem: null, logs };
    // The exit code is nowhere but at the task; without it the words of the execution must do.
    const tasks = await clients.tasks
      .listTasks({ parent: name, pageSize: 1 }, { ...call, autoPaginate: false })
      .catch(() => null);
    return { state, problem: failureOf(execution, tasks?.[0][0] ?? null), logs };
  }

  async function cancel(name: string): Promise<void> {
    try {
      await clients.executions.cancelExecution({ name }, call);
    } catch (error) {
      // It is over, or was never there.
      const code = codeOf(error);
      if (code !== CODE.notFound && code !== CODE.failedPrecondition) throw askError(error, name);
    }
  }

  return { kind: 'cloud-run-job', launch, find, status, cancel, [Symbol.asyncDispose]: () => clients.close() };
}

function jobOf({ project, region, tenant }: LaunchRequest): string {
  return `projects/${project}/locations/${region}/jobs/${jobName(tenant)}`;
}

/** Environment only: who the job runs as, its image and its arguments belong to the stack. */
function overridesOf({ runId, traceparent }: LaunchRequest): protos.google.cloud.run.v2.RunJobRequest.IOverrides {
  const env = [{ name: 'TRIBUTARY_RUN_ID', value: runId }];
  if (traceparent !== null) env.push({ name: 'TRACEPARENT', value: traceparent });
  return { containerOverrides: [{ env }] };
}

function orAborted<T>(asked: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(new Error('it took too long'));
  signal.addEventListener('abort', abort, { once: true });
  aborted.promise.catch(() => undefined);
  return Promise.race([asked, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
}
