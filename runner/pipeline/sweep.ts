/** The second read of a run that follows deletes: the keys of the whole source, in the same snapshot. */
import type { SourceSpec } from '../../tenants/schema/index.ts';
import type { ReadSpec } from '../core/contracts/source.ts';
import type { StageSpec } from '../core/contracts/warehouse.ts';
import { batchLayout } from '../core/vectors.ts';
import { keyOf, stagedColumns } from './columns.ts';
import type { Plan } from './plan.ts';

/** `null` where nothing has to be swept: another strategy, deletes ignored, or the first load. */
export function keySweep(
  plan: Plan,
  spec: SourceSpec,
  stage: StageSpec,
  { late: _, ...read }: ReadSpec,
): { readonly read: ReadSpec; readonly stage: StageSpec } | null {
  const { load } = spec;
  if (load.strategy !== 'transactional' || load.mode !== 'merge' || load.deletes === 'ignore' || plan.before === null)
    return null;
  const key = keyOf(spec);
  const columns = plan.columns.filter((column) => key.includes(column.read.source));
  const layout = batchLayout(plan.snapshot.vectors(columns.map((column) => column.read)));
  return {
    read: { ...read, columns: columns.map((column) => column.read), window: null, nullCursors: false, layout },
    stage: { ...stage, columns: stagedColumns(columns, layout.columns), layout, keysOnly: true },
  };
}
