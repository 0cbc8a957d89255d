/** A plan in words. */
import type { CostEstimate, TableDesign } from '../core/contracts/warehouse.ts';
import { typeName } from '../core/types.ts';
import { costWarning } from '../pipeline/cost.ts';
import type { Plan } from '../pipeline/plan.ts';
import { predictionText } from '../pipeline/predict.ts';
import { bytesText, rowsText, usdText } from './text.ts';

/** What a plan says, without the connection that holds it. */
export type PlanFacts = Omit<Plan, typeof Symbol.asyncDispose>;

export function planText(made: PlanFacts, cost: CostEstimate | null): string {
  const { strategy, window, bound, estimate, modeReason, schemaChanges, target, before, nullRows, columns } = made;
  const lines = [
    `${strategy.name} into ${target.dataset}.${target.table} (${before === null ? 'new' : `${rowsText(before.rows)} rows now`})`,
    window === null
      ? 'reads everything'
      : `window  ${window.from ?? 'from the beginning'} ≤ ${window.column} < ${window.to}`,
    ...(bound === null ? [] : [`bound   ${bound.proof}: ${bound.reason}`]),
    `reads   about ${rowsText(estimate.rows)} rows, ${bytesText(estimate.bytes)}, ${columns.length} columns`,
    ...(estimate.price === undefined ? [] : [`pays    at most ${usdText(estimate.price.usd)}: ${estimate.price.what}`]),
    ...(estimate.way === undefined ? [] : [`way     ${estimate.way}`]),
    ...(nullRows === 0 ? [] : [`        and ${rowsText(nullRows)} rows without a cursor value, each time`]),
    ...designLines(made.design),
    `mode    ${modeReason}`,
    ...predictionLines(made),
    ...costLines(cost),
    ...schemaChanges.map(
      (change) =>
        `schema  ${change.kind} ${change.kind === 'add' ? `${change.column.name} ${typeName(change.column.type)}` : change.column}`,
    ),
    'contract holds',
  ];
  return `${lines.join('\n')}\n`;
}

function designLines({
  partitionBy,
  clusterBy,
  requirePartitionFilter,
  partitionExpirationDays,
}: TableDesign): string[] {
  const parts = [
    ...(partitionBy === undefined ? [] : [`partitioned by ${partitionBy.by} of ${partitionBy.column}`]),
    ...(partitionExpirationDays === undefined ? [] : [`kept for ${partitionExpirationDays} days`]),
    ...(requirePartitionFilter ? ['queries need a filter'] : []),
    ...(clusterBy.length === 0 ? [] : [`clustered by ${clusterBy.join(', ')}`]),
  ];
  return parts.length === 0 ? [] : [`lies    ${parts.join(', ')}`];
}

/** What no reason has told. */
function predictionLines({ predictions, modeReason }: PlanFacts): string[] {
  return predictions
    .map(predictionText)
    .filter((text) => !modeReason.includes(text))
    .map((text) => `        ${text}`);
}

function costLines(cost: CostEstimate | null): string[] {
  if (cost === null) return [];
  const warning = costWarning(cost);
  return [
    `costs   about ${bytesText(cost.bytes)}, ${usdText(cost.usd)}`,
    ...(warning === null ? [] : [`      ! ${warning}`]),
  ];
}
