/** Stops a commit that takes too many rows away. It looks after the change, inside the transaction: nothing is read twice. */

import { quoteText } from '../../bigquery/sql.ts';
import type { CommitSpec } from '../../core/contracts/warehouse.ts';
import { COUNT } from './changes/change-tables.ts';

/** What the script of a commit raises on purpose. */
export type Raised =
  | { readonly code: 'LEASE_LOST' | 'CONFLICT' }
  | { readonly code: 'BRAKE_DELETES'; readonly gone: number; readonly before: number };

const MARK = 'TRIBUTARY';

export const RAISE_LEASE_LOST = `RAISE USING MESSAGE = ${quoteText(`${MARK}:LEASE_LOST`)};`;
export const RAISE_CONFLICT = `RAISE USING MESSAGE = ${quoteText(`${MARK}:CONFLICT`)};`;

/** Reads what a job failed with; `null` where the failure is BigQuery's own. */
export function raisedOf(message: string): Raised | null {
  const found = new RegExp(`${MARK}:(LEASE_LOST|CONFLICT|BRAKE_DELETES:(\\d+):(\\d+))`).exec(message);
  if (found === null) return null;
  if (found[2] === undefined) return { code: found[1] === 'CONFLICT' ? 'CONFLICT' : 'LEASE_LOST' };
  return { code: 'BRAKE_DELETES', gone: Number(found[2]), before: Number(found[3]) };
}

/** Which rows the brake is over, for a person: nothing, or ` (2026-01-01 ≤ at < 2026-02-01)`. */
export function brakeAmong({ change }: Pick<CommitSpec, 'change'>): string {
  if (change.kind !== 'append' || change.stretch === undefined) return '';
  const { column, from, to } = change.stretch;
  return ` (${from === null ? '' : `${from} ≤ `}${column} < ${to})`;
}

/** Statements for after the change of a table that was there. */
export function brake({ change, allowMassDelete }: CommitSpec, staged: number): readonly string[] {
  if (allowMassDelete) return [];
  const losses = lossesOf(change, staged);
  if (losses === null) return [];
  const { gone, before } = losses;
  const message = `FORMAT(${quoteText(`${MARK}:BRAKE_DELETES:%d:%d`)}, ${gone}, ${before})`;
  return [`IF ${gone} > ${before} * @max_delete_ratio THEN RAISE USING MESSAGE = ${message}; END IF`];
}

function lossesOf(change: CommitSpec['change'], staged: number): { gone: string; before: string } | null {
  if (change.kind === 'merge' && change.deletes !== 'ignore') return { gone: COUNT.deleted, before: COUNT.before };
  if (change.kind !== 'append' || change.stretch === undefined) return null;
  return { gone: `(${COUNT.deleted} - ${staged})`, before: COUNT.deleted };
}
