/** How far a window may reach without missing a writer in flight. */
import type { ObjectRef, UpperBound } from '../../../core/contracts/source.ts';
import { TributaryError } from '../../../core/errors.ts';
import type { Session } from '../connect.ts';
import { CURSOR_TYPE } from '../types.ts';
import { integerBound } from './integer.ts';
import { blindness, replicaOf, secondsBehind, throwIfStopped } from './replica.ts';
import { timeBound } from './time.ts';
import { listWriters, outwait, type Writer } from './writers.ts';

export interface BoundOptions {
  /** Distance kept from the clock where nothing better can be proved. */
  readonly lagSeconds: number;
  /** How long to wait for the writers that stand in the way. */
  readonly waitMs: number;
}

/** What both kinds of bounds know. */
export interface Scope extends BoundOptions {
  readonly session: Session;
  readonly object: ObjectRef;
  readonly column: string;
  /** Why writers cannot be seen; `null` where they can. */
  readonly blind: string | null;
  /** Seconds that the rows here may be behind those of the server they come from. */
  readonly behind: number;
}

/**
 * Finds the exclusive upper end of a window. Call it outside a transaction, and take the snapshot **after** it.
 *
 * Values from clocks of clients, and copies of older rows, need a lookback whatever the proof.
 *
 * @throws SOURCE_CURSOR_UNSUITABLE, SOURCE_BOUND_HELD, SOURCE_REPLICA_STOPPED
 */
export async function upperBound(
  session: Session,
  object: ObjectRef,
  cursor: { readonly column: string; readonly sourceType: string },
  options: BoundOptions,
): Promise<UpperBound> {
  const { column, sourceType } = cursor;
  const type = sourceType.toLowerCase();
  if (!CURSOR_TYPE.test(type)) {
    throw new TributaryError('SOURCE_CURSOR_UNSUITABLE', {
      object: object.table ?? 'the query',
      column,
      type: sourceType,
    });
  }
  const replica = await replicaOf(session);
  throwIfStopped(replica);
  const blind = replica === null ? null : blindness(replica);
  const scope = { ...options, session, object, column, blind, behind: secondsBehind(replica) };
  return /int\b/.test(type) ? integerBound(scope) : timeBound(scope, type);
}

/** Writers of now that have not ended in time; a text says why they cannot be seen. */
export async function writersLeft({ session, blind }: Scope, waitMs: number): Promise<readonly Writer[] | string> {
  if (blind !== null) return blind;
  try {
    return await outwait(session, await listWriters(session), waitMs);
  } catch (error) {
    if ((error as { errno?: number }).errno !== 1227) throw error;
    return 'transactions of other users cannot be seen (GRANT PROCESS would show them)';
  }
}
