/** How staged rows change a table: the statements of each strategy, inside the commit's transaction. */
import type { TableChange } from '../../../core/contracts/warehouse.ts';
import { append } from './append.ts';
import type { ChangeTables, Step } from './change-tables.ts';
import { merge } from './merge.ts';
import { partition } from './partition.ts';
import { replace } from './replace.ts';

export function changeSteps(change: TableChange, tables: ChangeTables): readonly Step[] {
  switch (change.kind) {
    case 'append':
      return append(change, tables);
    case 'merge':
      return merge(change, tables);
    case 'partition':
      return partition(change, tables);
    case 'replace':
      return replace(tables);
  }
}
