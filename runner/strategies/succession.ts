/** Whether a strategy can go on with a table that another one loaded. Pure. */
import type { LoadState, TableRef, TableShape } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';
import type { Strategy } from './strategy.ts';

/**
 * Refuses a switch that would lose history or double rows.
 *
 * @throws STRATEGY_SWITCHED
 */
export function checkSuccession(
  strategy: Strategy,
  target: TableRef,
  before: TableShape | null,
  state: LoadState | null,
): void {
  if (before === null) return;
  const dated = before.columns.some(({ name }) => name === '_snapshot_date');
  const why = obstacle(strategy, dated, state);
  if (why === null) return;
  throw new TributaryError('STRATEGY_SWITCHED', {
    table: `${target.dataset}.${target.table}`,
    before: dated ? 'catalog/daily' : (state?.strategy ?? 'another strategy'),
    now: strategy.name,
    why,
  });
}

function obstacle(strategy: Strategy, dated: boolean, state: LoadState | null): string | null {
  if (dated && !strategy.dated)
    return strategy.whole ? 'it would drop the snapshots of all days' : 'its rows are snapshots of days';
  if (!dated && strategy.dated) return 'its rows belong to no day';
  if (strategy.name === 'transactional/append' && state?.strategy === 'catalog/replace')
    return 'every row that is there would be appended once more';
  return null;
}
