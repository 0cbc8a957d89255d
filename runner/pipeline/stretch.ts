/** A stretch of the cursor that is loaded again, and how the warehouse knows its rows. Pure. */
import type { Window } from '../core/contracts/source.ts';
import { TributaryError } from '../core/errors.ts';
import type { LogicalKind } from '../core/types.ts';
import type { Strategy } from '../strategies/strategy.ts';
import type { MappedColumn } from './columns.ts';

/** `from <= cursor < to`, as a person writes them. */
export interface Stretch {
  readonly from: string;
  readonly to: string;
}

const COMPARABLE: ReadonlySet<LogicalKind> = new Set(['INT64', 'DATE', 'DATETIME', 'TIMESTAMP']);
const VALUE = /^(?:-?\d+|\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d(?::?\d\d)?)?)?)$/;

/** The window by its name in the warehouse; `null` where the table's column is not what the source compared. */
export function stretchOf(window: Window | null, columns: readonly MappedColumn[]): Window | null {
  const cursor = columns.find(({ read }) => read.source === window?.column);
  if (window === null || cursor === undefined || cursor.cast || !COMPARABLE.has(cursor.column.type.kind)) return null;
  return { ...window, column: cursor.column.name };
}

/** @throws USAGE where the stretch cannot be loaded again so that its rows are there once. */
export function backfillWindow(
  strategy: Strategy,
  cursor: string | undefined,
  { from, to }: Stretch,
  columns: readonly MappedColumn[],
): Window {
  if (cursor === undefined)
    throw new TributaryError('USAGE', {
      reason: 'A backfill needs a source with a cursor; this one loads whole snapshots.',
      advice: 'Run the source: tributary run',
    });
  for (const [option, value] of Object.entries({ from, to })) {
    if (!VALUE.test(value))
      throw new TributaryError('USAGE', {
        reason: `--${option} ${value} is no value of the cursor ${cursor}.`,
        advice: 'Write a whole number, 2026-01-31, or 2026-01-31 12:00:00+00 (without a zone: UTC).',
      });
  }
  const window = { column: cursor, from, to };
  if (strategy.name === 'transactional/append' && stretchOf(window, columns) === null)
    throw new TributaryError('USAGE', {
      reason: `The table has no ${cursor} as the source has it (left out, masked or of another type), so the rows of the stretch cannot be told from the others.`,
      advice: 'Take it out of columns.exclude, columns.mask and columns.types, or load by mode: merge.',
    });
  return window;
}
