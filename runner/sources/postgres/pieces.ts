/** One piece of a read, as it travels to whoever reads it, and its SQL. Pure. */
import type { ReadSpec, Window } from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import { quoteIdentifier, quoteLiteral } from './identifier.ts';
import { selectStatement } from './query.ts';

/** Tells one server from another, and from itself once it has started anew: a name of a snapshot may come again there. */
export const SERVER_STARTED = 'SELECT pg_postmaster_start_time()::text AS started';

/** Where a piece lies; ends that are open are `null`. */
export type Piece =
  | { readonly by: 'pages'; readonly from: number; readonly to: number | null }
  | { readonly by: 'window'; readonly window: Window; readonly nullCursors: boolean }
  | { readonly by: 'key'; readonly column: string; readonly from: string | null; readonly to: string | null };

/** The session that a piece is read in. */
export interface Footing {
  /**
   * The exported snapshot and the server that has it, by when that started (`null`: this process holds it, and knows);
   * `null`: a transaction of its own.
   */
  readonly snapshot: { readonly name: string; readonly server: string | null } | null;
  /** Place in the write-ahead log that a replica must have replayed; `null`: any will do. */
  readonly reached: string | null;
}

export interface PieceTask extends Footing {
  readonly piece: Piece;
}

type Selected = Pick<ReadSpec, 'object' | 'columns' | 'window' | 'nullCursors'>;

/** The SELECT of the whole read, cut down to the piece. */
export function pieceStatement(spec: Selected, piece: Piece): string {
  if (piece.by === 'window') return selectStatement({ ...spec, window: piece.window, nullCursors: piece.nullCursors });
  const clause = piece.by === 'pages' ? pageClause(piece) : keyClause(piece);
  if (clause === '') return selectStatement(spec);
  return `${selectStatement(spec)}${spec.window === null ? ' WHERE' : ' AND'} ${clause}`;
}

/** The last stretch is open: the table may have grown. */
function pageClause({ from, to }: Extract<Piece, { by: 'pages' }>): string {
  const upper = to === null ? '' : ` AND ctid < '(${to},0)'`;
  return `ctid >= '(${from},0)'${upper}`;
}

function keyClause({ column, from, to }: Extract<Piece, { by: 'key' }>): string {
  const name = quoteIdentifier(column);
  return [
    ...(from === null ? [] : [`${name} >= ${quoteLiteral(from)}`]),
    ...(to === null ? [] : [`${name} < ${quoteLiteral(to)}`]),
  ].join(' AND ');
}

/**
 * Page numbers that part so many pages evenly. A condition on pages holds for each part of a partitioned table by itself, so
 * a number counts for all parts that are as long.
 */
export function pageBounds(parts: readonly number[], pieces: number): number[] {
  const total = parts.reduce((sum, pages) => sum + pages, 0);
  const below = (page: number) => parts.reduce((sum, pages) => sum + Math.min(page, pages), 0);
  const bounds: number[] = [];
  for (let i = 1; i < pieces; i++) {
    let low = bounds.at(-1) ?? 0;
    let high = Math.max(0, ...parts);
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (below(middle) * pieces < total * i) low = middle + 1;
      else high = middle;
    }
    if (low > (bounds.at(-1) ?? 0)) bounds.push(low);
  }
  return bounds;
}

/** @throws SPLIT_LOST where it is no task of this version */
export function readTask(task: unknown, object: string): PieceTask {
  const { piece, snapshot, reached } = (task ?? {}) as Partial<PieceTask>;
  const known = isPiece(piece) && isSnapshot(snapshot) && (reached === null || typeof reached === 'string');
  if (!known) throw new TributaryError('SPLIT_LOST', { object, reason: 'another version of Tributary has made it' });
  return { piece, snapshot, reached };
}

function isSnapshot(snapshot: unknown): snapshot is Footing['snapshot'] {
  if (snapshot === null) return true;
  const { name, server } = (snapshot ?? {}) as { name?: unknown; server?: unknown };
  return typeof name === 'string' && typeof server === 'string';
}

function isPiece(piece: unknown): piece is Piece {
  const { by, window, nullCursors, column, from, to } = (piece ?? {}) as Record<string, unknown>;
  const open = (end: unknown, type: 'string' | 'number') => end === null || typeof end === type;
  if (by === 'pages') return Number.isSafeInteger(from) && (to === null || Number.isSafeInteger(to));
  if (by === 'key') return typeof column === 'string' && open(from, 'string') && open(to, 'string');
  const stretch = (window ?? {}) as Record<string, unknown>;
  return (
    by === 'window' &&
    typeof nullCursors === 'boolean' &&
    typeof stretch.column === 'string' &&
    open(stretch.from, 'string') &&
    typeof stretch.to === 'string'
  );
}
