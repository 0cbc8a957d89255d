/** Where a run is executed, on how many machines, and why. Pure. */
import { NEVER_DISTRIBUTED } from '../../tenants/distribution.ts';
import type { ConnectionSpec, ExecutionSpec } from '../../tenants/schema/index.ts';
import type { Estimate } from '../core/contracts/source.ts';
import type { Unity } from '../core/contracts/splits.ts';
import { TributaryError } from '../core/errors.ts';
import { type Prediction, predict, predictionText } from './predict.ts';
import type { MeasuredRates } from './rates.ts';

/** Ways beyond this process that it can launch. */
export type ExecutorKind = 'tasks' | 'dataflow';

export interface Decision {
  readonly mode: 'cloud_run' | 'dataflow';
  /**
   * Machines that share the read: tasks of the job with `cloud_run`, at most so many workers with `dataflow`. 1 with
   * `cloud_run`: this process alone.
   */
  readonly tasks: number;
  readonly modeReason: string;
  readonly predictions: readonly Prediction[];
  /** Present where machines share the read. */
  readonly unity: Unity | null;
}

export interface DecisionFacts {
  /** Name of the source, for the reader. */
  readonly source: string;
  readonly execution: ExecutionSpec;
  readonly connection: ConnectionSpec;
  readonly estimate: Pick<Estimate, 'rows' | 'bytes'>;
  /** The warehouse is in this process and takes rows from no other. */
  readonly embedded: boolean;
  readonly executors: readonly ExecutorKind[];
  /** What makes pieces of this read one read; a text: why it cannot be parted. */
  readonly unity: Unity | string;
  readonly measured: MeasuredRates;
}

interface Obstacle {
  readonly reason: string;
  readonly advice?: string;
}

/** A further task is not worth its start for fewer rows. */
export const TASK_ROWS = 1000;

/** Readers of this process; never more than the server shall bear. */
export function readersOf({ readers }: ExecutionSpec, connection: ConnectionSpec): number {
  return Math.min(readers, bearable(connection));
}

/** Whether it matters what the source says of a read in pieces: to ask takes time. */
export function dividing(facts: Omit<DecisionFacts, 'unity' | 'measured'>): boolean {
  const { execution, connection, embedded, executors } = facts;
  if (embedded || executors.length === 0 || Object.hasOwn(NEVER_DISTRIBUTED, connection.kind)) return false;
  return wantsDataflow(facts) || tasksOf(execution, connection, facts.estimate.rows) > 1;
}

/** Whether it matters what earlier runs of the source took. */
export function comparing(facts: Omit<DecisionFacts, 'measured'>): boolean {
  return (
    !facts.embedded && facts.execution.mode === 'auto' && wantsDataflow(facts) && obstacleOf('dataflow', facts) === null
  );
}

/**
 * A wish for Dataflow that cannot be kept is an error, except in front of the embedded warehouse, where the same file
 * runs on a laptop. A wish for tasks is one for speed: what cannot be kept of it is told.
 *
 * @throws MODE_IMPOSSIBLE
 */
export function decide(facts: DecisionFacts): Decision {
  const { source, execution, estimate, embedded, executors, measured } = facts;
  const workers = workersOf(facts);
  const tasks = obstacleOf('tasks', facts) === null ? tasksOf(execution, facts.connection, estimate.rows) : 1;
  // On a laptop nothing is rented, and nothing compared.
  const predictions = embedded
    ? []
    : predict({
        ...{ estimate, measured, tasks, kind: facts.connection.kind },
        readers: readersOf(execution, facts.connection),
        workers: executors.includes('dataflow') ? workers : null,
      });
  const told = sizeText(facts);
  const stay = (why: string) => onCloudRun(facts, tasks, predictions, why);
  if (embedded) return stay(`${told}; on this machine the run stays in one process`);
  if (!wantsDataflow(facts)) return stay(told);
  const obstacle = obstacleOf('dataflow', facts) ?? tooDear(execution, predictions);
  if (obstacle !== null && execution.mode === 'dataflow')
    throw new TributaryError('MODE_IMPOSSIBLE', { source, mode: 'dataflow', ...obstacle });
  if (obstacle !== null) return stay(`${told}; not dataflow: ${obstacle.reason}`);
  const compared = [told, ...predictions.map(predictionText)].join('; ');
  if (execution.mode === 'auto' && aloneIsSooner(predictions, measured)) return stay(compared);
  return { mode: 'dataflow', tasks: workers, predictions, ...together(`dataflow: ${compared}`, facts.unity) };
}

function onCloudRun(facts: DecisionFacts, tasks: number, predictions: readonly Prediction[], why: string): Decision {
  const { execution, estimate, connection, embedded } = facts;
  const mode = 'cloud_run';
  if (tasks > 1) return { mode, tasks, predictions, ...together(`cloud_run, ${tasks} tasks: ${why}`, facts.unity) };
  const missed = embedded || tasksOf(execution, connection, estimate.rows) === 1 ? null : obstacleOf('tasks', facts);
  const but = missed === null ? '' : `; one task, not ${execution.tasks}: ${missed.reason}`;
  return { mode, tasks: 1, modeReason: `cloud_run: ${why}${but}`, predictions, unity: null };
}

function together(reason: string, unity: Unity | string): Pick<Decision, 'modeReason' | 'unity'> {
  if (typeof unity === 'string') throw new TributaryError('INTERNAL', { message: `divided although ${unity}` });
  return { modeReason: `${reason}; one read by ${unity.by}: ${unity.reason}`, unity };
}

function wantsDataflow({ execution, estimate }: Pick<DecisionFacts, 'execution' | 'estimate'>): boolean {
  const { mode, dataflowAtRows } = execution;
  return mode === 'dataflow' || (mode === 'auto' && estimate.rows !== null && estimate.rows >= dataflowAtRows);
}

function obstacleOf(kind: ExecutorKind, facts: Omit<DecisionFacts, 'measured'>): Obstacle | null {
  const never = NEVER_DISTRIBUTED[facts.connection.kind];
  if (never !== undefined) return { reason: never };
  if (facts.embedded) return { reason: 'the warehouse is in this process' };
  if (!facts.executors.includes(kind)) return MISSING[kind];
  return typeof facts.unity === 'string' ? { reason: facts.unity } : null;
}

const MISSING: Readonly<Record<ExecutorKind, Obstacle>> = {
  tasks: { reason: 'this process may not start the job of the tenant' },
  dataflow: {
    reason: 'no Dataflow template is provisioned for this process',
    advice:
      'Give the platform a dataflowImage and bring the tenant up (tributary up <tenant>), or write execution: {mode: auto}; the rows are the same.',
  },
};

function tooDear({ maxCostUsd }: ExecutionSpec, predictions: readonly Prediction[]): Obstacle | null {
  const usd = predictions.find(({ mode }) => mode === 'dataflow')?.usd;
  if (maxCostUsd === undefined || usd === undefined || usd <= maxCostUsd) return null;
  const reason = `the job is predicted to cost $${usd.toFixed(2)}, over execution.maxCostUsd of $${maxCostUsd}`;
  return { reason, advice: 'Raise execution.maxCostUsd, or write execution: {mode: auto}; the rows are the same.' };
}

/** By the threshold a source goes to Dataflow until its own runs say that it need not. */
function aloneIsSooner(predictions: readonly Prediction[], measured: MeasuredRates): boolean {
  const of = (mode: Prediction['mode']) => predictions.find((prediction) => prediction.mode === mode)?.seconds;
  const [alone, dataflow] = [of('cloud_run'), of('dataflow')];
  return Object.keys(measured).length > 0 && alone !== undefined && dataflow !== undefined && alone <= dataflow;
}

function tasksOf({ tasks }: ExecutionSpec, connection: ConnectionSpec, rows: number | null): number {
  const worthwhile = rows === null ? tasks : Math.max(1, Math.ceil(rows / TASK_ROWS));
  return Math.min(tasks, worthwhile, bearable(connection));
}

function workersOf({ execution, connection }: Pick<DecisionFacts, 'execution' | 'connection'>): number {
  return Math.min(execution.maxWorkers, bearable(connection));
}

/** Connections that the server shall bear; the machines of a read have one each. */
function bearable(connection: ConnectionSpec): number {
  const protect = 'protect' in connection ? connection.protect : undefined;
  return protect?.connections ?? Number.POSITIVE_INFINITY;
}

function sizeText({ execution: { mode, dataflowAtRows }, estimate: { rows } }: DecisionFacts): string {
  const about = rows === null ? 'nobody knows how many rows' : `about ${grouped(rows)} rows`;
  if (mode !== 'auto') return `${mode} is set, ${about}`;
  if (rows === null) return about;
  return `${about}, ${rows >= dataflowAtRows ? 'at or over' : 'under'} ${grouped(dataflowAtRows)}`;
}

function grouped(amount: number): string {
  return amount.toLocaleString('en-US');
}
