import type { TableChange } from '../core/contracts/warehouse.ts';

/**
 * The change of an incremental strategy for rows that come late, from quarantine: older than what the table has, or there
 * already. A sweep of deletes is left to the next run.
 *
 * @example replayed({ kind: 'append' }) // { kind: 'append', mayRepeat: true }
 */
export function replayed(change: TableChange): TableChange {
  if (change.kind === 'append')
    return { kind: 'append', mayRepeat: true, ...(change.key === undefined ? {} : { key: change.key }) };
  if (change.kind === 'merge')
    return { ...change, keyIsUnique: false, mayRepeat: false, mayBeOlder: true, deletes: 'ignore' };
  return change;
}
