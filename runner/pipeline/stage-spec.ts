/** What a run stages, from its plan. */
import type { SourceSpec } from '../../tenants/schema/index.ts';
import type { RunIdentity, StageSpec } from '../core/contracts/warehouse.ts';
import { stagedColumns } from './columns.ts';
import { CARRIER } from './late.ts';
import { type Plan, rowBytes } from './plan.ts';

export function stageSpec(plan: Plan, run: RunIdentity, { quarantine }: SourceSpec): StageSpec {
  const columns = stagedColumns(plan.columns, plan.layout.columns);
  return {
    run,
    target: plan.target,
    columns: plan.late === null ? columns : [...columns, CARRIER],
    layout: plan.layout,
    rowBytes: rowBytes(plan),
    maxRejected: quarantine.maxRows,
    ...(plan.snapshotDate === null ? {} : { snapshotDate: plan.snapshotDate }),
  };
}
