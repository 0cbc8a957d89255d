/** What a load strategy decides; the pipeline asks, the warehouse carries out. Pure. */
import type { UpperBound, Window } from '../core/contracts/source.ts';
import type { LoadState, TableChange } from '../core/contracts/warehouse.ts';

export interface StrategyFacts {
  /** Output names. */
  readonly key: readonly string[];
  readonly cursor: string | null;
  /** The source's key is contained in `key`. */
  readonly keyIsUnique: boolean;
  /** Whether the cursor column can be NULL and such rows are loaded. */
  readonly nullCursors: boolean;
  readonly snapshotDate: string;
  /** What was read, where the table can be asked for it: by the cursor's name and type in the warehouse. */
  readonly stretch: Window | null;
  /** The stretch is loaded again, by a person's wish. */
  readonly again: boolean;
}

export interface Strategy {
  /** As it stands in the run record: `transactional/merge`. */
  readonly name: string;
  /** The stretch of the cursor to read; `null` reads everything. `column` is the source's name. */
  window(column: string | null, state: LoadState | null, bound: UpperBound | null): Window | null;
  change(facts: StrategyFacts): TableChange;
  /** Whether each row carries the date of its snapshot. */
  readonly dated: boolean;
  /** Whether an empty or shrunken result is suspicious. */
  readonly whole: boolean;
}
