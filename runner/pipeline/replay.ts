/** Where a run takes its rows from quarantine instead of the source. */
import type { SourceSpec } from '../../tenants/schema/index.ts';
import type { ReadSummary } from '../core/contracts/source.ts';
import type { QualityTest, Restaged, RestagePolicy, StageSpec, Warehouse } from '../core/contracts/warehouse.ts';
import { makePlan, type Plan, type PlanRequest } from './plan.ts';
import { stageSpec } from './stage-spec.ts';

/** Stages the quarantined rows by the columns of the plan, and tells of them as a read would. */
export async function restage(
  warehouse: Warehouse,
  plan: Plan,
  stage: StageSpec,
): Promise<{ summary: ReadSummary; staged: Restaged }> {
  const staged = await warehouse.restage(stage, policyOf(plan));
  const { rows, uncastable, nullified } = staged;
  return { summary: { extracted: rows + uncastable, rejected: 0, nullified, bytes: 0 }, staged };
}

const MASKED = { null: '', redact: '\\*\\*\\*', sha256: '[0-9a-f]{64}', 'hmac-sha256': '[0-9a-f]{64}' } as const;

function policyOf({ columns }: Plan): RestagePolicy {
  const open = columns.filter(({ read }) => read.mask === undefined && read.unrepresentable === 'nullify');
  const masked = columns.flatMap(({ read: { mask }, column }) =>
    mask === undefined ? [] : [[column.name, MASKED[mask]] as const],
  );
  return { nullify: open.map(({ column }) => column.name), masked: Object.fromEntries(masked) };
}

const SINGLE_VALUES = new Set(['not_null', 'accepted_values', 'range']);

/** Tests of single values: several versions of a row may be staged, and how fresh or how many they are says nothing. */
export function replayTests(tests: readonly QualityTest[]): QualityTest[] {
  return tests.filter(({ test }) => SINGLE_VALUES.has(test));
}

/** How many rows a replay would find, and how many of them fit now. */
export interface ReplayPreview {
  readonly plan: Plan;
  readonly quarantined: number;
  readonly fit: number;
  readonly frequentReason: string | null;
}

/** Types the quarantined rows as a replay would, and drops them again; no lease is taken. The caller disposes the plan. */
export async function previewReplay(
  request: PlanRequest & { readonly runId: string; readonly spec: SourceSpec },
  signal: AbortSignal,
): Promise<ReplayPreview> {
  const { tenant, sourceName, spec, warehouse, runId } = request;
  const plan = await makePlan({ ...request, replay: true }, signal);
  if (plan.state === null) return { plan, quarantined: 0, fit: 0, frequentReason: null };
  const startedAt = new Date().toISOString();
  const run = { tenant: tenant.tenant, source: sourceName, runId, fencingToken: 0, startedAt };
  try {
    const { summary, staged } = await restage(warehouse, plan, stageSpec(plan, run, spec));
    return { plan, quarantined: summary.extracted, fit: staged.rows, frequentReason: staged.frequentReason };
  } finally {
    await warehouse.discard(run, plan.target);
  }
}
