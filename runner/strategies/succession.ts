/** Whether a strategy can go on with a table that another one loaded. Pure. */
import type { LoadState, TableRef, TableShape } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';
import type { Strategy } from './strategy.ts';

/** What a strategy finds. */
export interface Predecessor {
  readonly target: TableRef;
  readonly before: TableShape | null;
  readonly state: LoadState | null;
  /** Several rows have one of a key that is new to the table; see {@link isNewKey}. */
  readonly repeats: boolean;
}

/** Whether the strategy merges by a key that the last run did not, so that the table may have several rows of it. */
export function isNewKey(strategy: Strategy, key: readonly string[], state: LoadState | null): boolean {
  if (strategy.name !== 'transactional/merge') return false;
  return [...(state?.key ?? [])].sort().join('\0') !== [...key].sort().join('\0');
}

/**
 * Refuses a switch that would lose history or double rows.
 *
 * @throws STRATEGY_SWITCHED
 */
export function checkSuccession(strategy: Strategy, key: readonly string[], found: Predecessor): void {
  const { target, before, state } = found;
  if (before === null) return;
  const names = new Set(before.columns.map(({ name }) => name));
  const why = obstacle(strategy, key, found, names);
  if (why === null) return;
  throw new TributaryError('STRATEGY_SWITCHED', {
    table: `${target.dataset}.${target.table}`,
    before: names.has(DAY) ? 'catalog/daily' : (state?.strategy ?? 'another strategy'),
    now: strategy.name,
    why,
  });
}

const DAY = '_snapshot_date';

function obstacle(
  strategy: Strategy,
  key: readonly string[],
  { state, repeats }: Predecessor,
  names: ReadonlySet<string>,
): string | null {
  const dated = names.has(DAY);
  if (dated && !strategy.dated)
    return strategy.whole ? 'it would drop the snapshots of all days' : 'its rows are snapshots of days';
  if (!dated && strategy.dated) return 'its rows belong to no day';
  if (strategy.name === 'transactional/append' && state?.strategy === 'catalog/replace')
    return 'every row that is there would be appended once more';
  if (!isNewKey(strategy, key, state)) return null;
  const missing = key.find((name) => !names.has(name));
  if (missing !== undefined) return `its rows have no ${missing} to be found by`;
  return repeats ? `several of its rows have the same ${key.join(', ')}, and all but one would be lost` : null;
}
