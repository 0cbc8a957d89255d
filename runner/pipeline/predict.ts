/** What each way of executing a run would take. Pure. */
import type { ConnectionKind } from '../../tenants/schema/index.ts';
import type { Estimate } from '../core/contracts/source.ts';
import {
  CONTAINER_SECOND_USD,
  type MeasuredRates,
  READER_RATES,
  SCALING,
  START_SECONDS,
  WORKER_SECOND_USD,
} from './rates.ts';

/** What a way of executing the run would take. */
export interface Prediction {
  readonly mode: 'cloud_run' | 'dataflow';
  /** Machines that read at the same time. */
  readonly tasks: number;
  /** Until the last row is read, start included. */
  readonly seconds: number;
  /** Machines alone; what the source and the warehouse charge is the same either way. */
  readonly usd: number;
  /** Whether the source's own runs say so, or the defaults of rates.ts. */
  readonly basis: 'measured' | 'default';
}

export interface PredictionFacts {
  readonly kind: ConnectionKind;
  readonly estimate: Pick<Estimate, 'rows' | 'bytes'>;
  readonly measured: MeasuredRates;
  /** Of this process. */
  readonly readers: number;
  /** Of the job; 1: this process alone. */
  readonly tasks: number;
  /** `null`: no Dataflow here. */
  readonly workers: number | null;
}

/** Empty where nobody knows how much is read. */
export function predict(facts: PredictionFacts): Prediction[] {
  const { tasks, readers, workers, measured } = facts;
  const start = tasks > 1 ? START_SECONDS.tasks : START_SECONDS.process;
  const alone = readSeconds(facts, tasks > 1 ? tasks : readers, measured.cloud_run);
  if (alone === null) return [];
  const machines = tasks > 1 ? tasks + 1 : 1;
  const here: Prediction = {
    ...{ mode: 'cloud_run', tasks, basis: alone.basis },
    ...{ seconds: start + alone.seconds, usd: (start + alone.seconds) * machines * CONTAINER_SECOND_USD },
  };
  const far = workers === null ? null : readSeconds(facts, workers, measured.dataflow);
  if (workers === null || far === null) return [here];
  const seconds = START_SECONDS.dataflow + far.seconds;
  // Until the workers are there one machine launches them; the runner watches all the time.
  const rented = START_SECONDS.dataflow + workers * far.seconds;
  const usd = rented * WORKER_SECOND_USD + seconds * CONTAINER_SECOND_USD;
  return [here, { mode: 'dataflow', tasks: workers, seconds, usd, basis: far.basis }];
}

/** @example 'cloud_run 2,100 s ($0.18) by its own runs' */
export function predictionText({ mode, seconds, usd, basis }: Prediction): string {
  const how = basis === 'measured' ? 'by its own runs' : 'by defaults';
  return `${mode} ${Math.ceil(seconds).toLocaleString('en-US')} s ($${usd.toFixed(2)}) ${how}`;
}

function readSeconds(
  { kind, estimate: { rows, bytes } }: PredictionFacts,
  width: number,
  measured: number | undefined,
): Pick<Prediction, 'seconds' | 'basis'> | null {
  if (measured !== undefined && rows !== null) return { seconds: rows / measured, basis: 'measured' };
  if (rows === null && bytes === null) return null;
  const rate = READER_RATES[kind];
  const one = Math.max((rows ?? 0) / rate.rows, (bytes ?? 0) / rate.bytes);
  return { seconds: one / (1 + (width - 1) * SCALING), basis: 'default' };
}
