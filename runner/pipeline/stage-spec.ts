/** What a run stages, from its plan. */
import type { SourceSpec } from '../../tenants/schema/index.ts';
import type { RunIdentity, StageSpec } from '../core/contracts/warehouse.ts';
import { stagedColumns } from './columns.ts';
import { type Plan, rowBytes } from './plan.ts';

export function stageSpec(plan: Plan, run: RunIdentity, { schedule, quarantine }: SourceSpec): StageSpec {
  return {
    run,
    target: plan.target,
    columns: stagedColumns(plan.columns, plan.layout.columns),
    layout: plan.layout,
    rowBytes: rowBytes(plan),
    maxRejected: quarantine.maxRows,
    ...(plan.strategy.dated ? { snapshotDate: localDate(run.startedAt, schedule?.timeZone ?? 'UTC') } : {}),
  };
}

/** The date at that moment where the schedule lives. */
function localDate(at: string, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(
    new Date(at),
  );
}
