/** What a commit costs, before anything is changed. */
import type { SourceSpec } from '../../tenants/schema/index.ts';
import type { Estimate } from '../core/contracts/source.ts';
import type { CommitSpec, CostEstimate, RunIdentity, Warehouse } from '../core/contracts/warehouse.ts';
import { type Problem, TributaryError } from '../core/errors.ts';
import { commitSpec } from './commit-spec.ts';
import type { Plan } from './plan.ts';
import { stageSpec } from './stage-spec.ts';

/** The most that a run may cost; the smaller one counts. */
export interface CostCaps {
  /** `execution.maxBytesBilled`. */
  readonly bytes?: number | undefined;
  /** `--max-cost`. */
  readonly usd?: number | undefined;
}

/** A merge that reads its whole table is worth a word from here on: at 96 runs a day about 18 USD a month. */
export const UNPRUNED_MATTERS_BYTES = 1e9;

/** The cost of the run that the plan is of; `null` where nothing is billed. */
export function planCost(
  warehouse: Warehouse,
  plan: Plan,
  run: RunIdentity,
  spec: SourceSpec,
  backfill = false,
): Promise<CostEstimate | null> {
  const { rows, bytes } = plan.estimate;
  const read = { extracted: rows ?? 0, rejected: 0, nullified: 0, bytes: bytes ?? 0 };
  const usual = { read, seconds: {}, command: '', yes: false, backfill, replay: false, maxBytesBilled: null };
  return warehouse.cost(commitSpec(plan, stageSpec(plan, run, spec), spec, usual));
}

/** Why a person should look at the estimate; `null` where it is as it should be. */
export function costWarning({ bytes, unpruned }: CostEstimate): string | null {
  return unpruned !== null && bytes >= UNPRUNED_MATTERS_BYTES ? `each run reads the whole table: ${unpruned}` : null;
}

/**
 * The cap as bytes, for the warehouse to hold itself; `null` where there is none.
 *
 * @param price of the same commit; says what a byte costs.
 */
export function cappedBytes(caps: CostCaps, price: CostEstimate | null): number | null {
  const { bytes = Number.POSITIVE_INFINITY, usd } = caps;
  const affordable =
    usd === undefined || price === null || price.usd === 0
      ? Number.POSITIVE_INFINITY
      : Math.floor((usd / price.usd) * price.bytes);
  const least = Math.min(bytes, affordable);
  return Number.isFinite(least) ? least : null;
}

/** The brake that the commit would meet; `null` where it may run. */
export function costProblem(
  estimate: CostEstimate | null,
  caps: CostCaps,
  { target, command }: Pick<CommitSpec, 'target' | 'command'>,
): Problem | null {
  if (estimate === null) return null;
  const { bytes, usd, unpruned } = estimate;
  const overBytes = caps.bytes !== undefined && bytes > caps.bytes;
  if (!overBytes && (caps.usd === undefined || usd <= caps.usd)) return null;
  const whole = unpruned === null ? '' : `; it reads the whole table: ${unpruned}`;
  return new TributaryError('BRAKE_COST', {
    table: `${target.dataset}.${target.table}`,
    reason: `the commit would be billed about ${gigabytes(bytes)}, $${money(usd)}${whole}`,
    limit: overBytes ? gigabytes(caps.bytes ?? 0) : `$${caps.usd}`,
    command,
  }).problem;
}

/** The brake that reading the source would meet, before it is begun; `null` where it may run. */
export function readProblem(
  { price }: Estimate,
  { usd }: Pick<CostCaps, 'usd'>,
  { target, command }: Pick<CommitSpec, 'target' | 'command'>,
): Problem | null {
  if (price === undefined || usd === undefined || price.usd <= usd) return null;
  return new TributaryError('BRAKE_COST', {
    table: `${target.dataset}.${target.table}`,
    reason: `reading the source would be charged up to $${money(price.usd)}: ${price.what}`,
    limit: `$${usd}`,
    command,
  }).problem;
}

function gigabytes(bytes: number): string {
  return bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function money(usd: number): string {
  return usd < 0.01 ? usd.toPrecision(2) : usd.toFixed(2);
}
