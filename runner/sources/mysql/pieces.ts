/** One piece of a read, as it travels to whoever reads it, and its SQL. Pure. */
import type { ReadSpec, Window } from '../../core/contracts/source.ts';
import { TributaryError } from '../../core/errors.ts';
import { quoteIdentifier, quoteLiteral } from './identifier.ts';
import { selectStatement } from './query.ts';

/** How values of a column are written in SQL so that they compare as they are sorted. */
export type Literal = 'number' | 'text' | 'bytes';

/** Where a piece lies; ends that are open are `null`, bytes are hexadecimal. */
export type Piece =
  | { readonly by: 'window'; readonly window: Window; readonly nullCursors: boolean }
  | {
      readonly by: 'key';
      readonly column: string;
      readonly literal: Literal;
      readonly from: string | null;
      readonly to: string | null;
    };

export interface PieceTask {
  /** The server that has all pieces: {@link SERVER}. */
  readonly server: string;
  readonly piece: Piece;
}

/** Tells one server from another. */
export const SERVER = `SELECT CONCAT_WS(' ', @@hostname, @@port, @@server_id) AS \`server\``;

/** The SELECT of the whole read, cut down to the piece. */
export function pieceStatement(
  spec: Pick<ReadSpec, 'object' | 'columns' | 'window' | 'nullCursors'>,
  piece: Piece,
): string {
  if (piece.by === 'window') return selectStatement({ ...spec, window: piece.window, nullCursors: piece.nullCursors });
  const clause = between(piece);
  if (clause === '') return selectStatement(spec);
  return `${selectStatement(spec)}${spec.window === null ? ' WHERE' : ' AND'} ${clause}`;
}

/** `from <= column < to`; empty where both ends are open. */
export function between({ column, literal, from, to }: Omit<Extract<Piece, { by: 'key' }>, 'by'>): string {
  const name = quoteIdentifier(column);
  return [
    ...(from === null ? [] : [`${name} >= ${written(from, literal)}`]),
    ...(to === null ? [] : [`${name} < ${written(to, literal)}`]),
  ].join(' AND ');
}

export function written(value: string, literal: Literal): string {
  if (literal === 'bytes') return `x'${value.replace(/[^0-9A-Fa-f]/g, '')}'`;
  return literal === 'number' && /^-?\d+(\.\d+)?$/.test(value) ? value : quoteLiteral(value);
}

/** `null`: values are not sorted as they are compared with what is written, as those of an enum. */
export function literalOf(type: string): Literal | null {
  if (/^(tinyint|smallint|mediumint|int|bigint|decimal|year)$/.test(type)) return 'number';
  if (/^(char|varchar|tinytext|text|date|datetime|timestamp|uuid|inet4|inet6)$/.test(type)) return 'text';
  return /^(binary|varbinary)$/.test(type) ? 'bytes' : null;
}

/** @throws SPLIT_LOST where it is no task of this version */
export function readTask(task: unknown, object: string): PieceTask {
  const { server, piece } = (task ?? {}) as Partial<PieceTask>;
  if (typeof server !== 'string' || !isPiece(piece))
    throw new TributaryError('SPLIT_LOST', { object, reason: 'another version of Tributary has made it' });
  return { server, piece };
}

function isPiece(piece: unknown): piece is Piece {
  const { by, window, nullCursors, column, literal, from, to } = (piece ?? {}) as Record<string, unknown>;
  const open = (end: unknown) => end === null || typeof end === 'string';
  if (by === 'key')
    return typeof column === 'string' && /^(number|text|bytes)$/.test(String(literal)) && open(from) && open(to);
  const stretch = (window ?? {}) as Record<string, unknown>;
  return (
    by === 'window' &&
    typeof nullCursors === 'boolean' &&
    typeof stretch.column === 'string' &&
    open(stretch.from) &&
    typeof stretch.to === 'string'
  );
}
