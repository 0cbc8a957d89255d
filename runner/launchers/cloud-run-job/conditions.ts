/** What Cloud Run says of an execution → how it is, and why it failed. Pure. */
import type { protos } from '@google-cloud/run';
import type { ExecutionState } from '../../core/contracts/launcher.ts';
import { type Problem, TributaryError } from '../../core/errors.ts';

export type CloudExecution = protos.google.cloud.run.v2.IExecution;
export type CloudTask = protos.google.cloud.run.v2.ITask;

/** Says of the end of an execution: false once any of its tasks has failed for good. */
const COMPLETED = 'Completed';

/** Reasons for which its container never ran, and the same would happen again. */
const NO_CONTAINER: ReadonlySet<string> = new Set([
  'CONTAINER_MISSING',
  'CONTAINER_PERMISSION_DENIED',
  'CONTAINER_IMAGE_UNAUTHORIZED',
  'CONTAINER_IMAGE_AUTHORIZATION_CHECK_FAILED',
]);
const NO_ACCESS: ReadonlySet<string> = new Set([
  'ENCRYPTION_KEY_PERMISSION_DENIED',
  'ENCRYPTION_KEY_CHECK_FAILED',
  'SECRETS_ACCESS_CHECK_FAILED',
  'VPC_NETWORK_NOT_FOUND',
]);

export function stateOf(execution: CloudExecution): ExecutionState {
  const completed = conditionOf(execution, COMPLETED);
  const reason = completed?.executionReason;
  if (completed?.state === 'CONDITION_SUCCEEDED') return 'succeeded';
  if (completed?.state === 'CONDITION_FAILED') {
    const cancelled = reason === 'CANCELLED' || reason === 'DELETED' || (execution.cancelledCount ?? 0) > 0;
    return cancelled ? 'cancelled' : 'failed';
  }
  if ((execution.runningCount ?? 0) > 0) return 'running';
  // Between an attempt and the next one nothing runs, but something has.
  const begun = (execution.retriedCount ?? 0) > 0 || (execution.failedCount ?? 0) > 0;
  return begun ? 'running' : 'starting';
}

/** Why it failed. @param task the one that failed, where it is known */
export function failureOf(execution: CloudExecution, task: CloudTask | null): Problem {
  const name = shortName(execution.name ?? '');
  const failed = (execution.conditions ?? []).filter(({ state }) => state === 'CONDITION_FAILED');
  const reasons = failed.map(({ reason }) => `${reason ?? ''}`);
  const said = [...failed.map(({ message }) => message ?? ''), task?.lastAttemptResult?.status?.message ?? ''];
  const text = said.find((message) => message !== '') ?? '';
  const facts = { execution: name, logs: execution.logUri || undefined };
  const problem = (code: ConstructorParameters<typeof TributaryError>[0], reason: string) =>
    new TributaryError(code, { ...facts, reason: sentence(reason) }).problem;

  if (reasons.some((reason) => NO_CONTAINER.has(reason))) return problem('RUNNER_MISSING', text);
  if (reasons.some((reason) => NO_ACCESS.has(reason))) {
    return new TributaryError('LAUNCH_REFUSED', { launcher: 'Cloud Run', run: name, reason: sentence(text) }).problem;
  }
  const memory = said.find((message) => /memory limit/i.test(message));
  if (memory !== undefined) return problem('RUNNER_OUT_OF_MEMORY', memory);
  const timeout = said.find((message) => /timeout was reached|deadline/i.test(message));
  if (timeout !== undefined) return problem('RUNNER_TIMED_OUT', timeout);
  const { exitCode, termSignal } = task?.lastAttemptResult ?? {};
  if (exitCode) return problem('RUNNER_FAILED', `it ended with exit code ${exitCode}`);
  if (termSignal) return problem('RUNNER_FAILED', `it ended by signal ${termSignal}`);
  return problem('RUNNER_FAILED', text || 'Cloud Run does not say why');
}

/** The run that an execution carries out; one that only reads splits for a run carries none out. */
export function runOf(execution: CloudExecution): string | null {
  return variableOf(execution, 'TRIBUTARY_SPLITS') === null ? variableOf(execution, 'TRIBUTARY_RUN_ID') : null;
}

/** What an execution reads splits for; `null`: it does not. */
export function splitsOf(execution: CloudExecution): { readonly runId: string; readonly work: string } | null {
  const [runId, work] = [variableOf(execution, 'TRIBUTARY_RUN_ID'), variableOf(execution, 'TRIBUTARY_SPLITS')];
  return runId === null || work === null ? null : { runId, work };
}

/** Somebody asked it to end, and it has not yet. */
export function isCancelling(execution: CloudExecution): boolean {
  return conditionOf(execution, COMPLETED)?.executionReason === 'CANCELLING';
}

function variableOf(execution: CloudExecution, wanted: string): string | null {
  const variables = (execution.template?.containers ?? []).flatMap(({ env }) => env ?? []);
  return variables.findLast(({ name }) => name === wanted)?.value || null;
}

function conditionOf({ conditions }: CloudExecution, type: string) {
  return conditions?.find((condition) => condition.type === type);
}

function shortName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** The catalogue's sentence has its own full stop. */
function sentence(text: string): string {
  return text.trim().replace(/\.$/, '').slice(0, 500);
}
