/** A read in pieces, each of which another process can read by itself. */
import type { ReadSpec, Window } from '../../core/contracts/source.ts';
import type { Split } from '../../core/contracts/splits.ts';
import { splitsOf, stretches } from '../../core/pieces.ts';
import { quoteIdentifier } from './identifier.ts';
import { between, type Piece, type PieceTask, written } from './pieces.ts';
import { fromClause, windowClause } from './query.ts';
import type { Query, Way } from './way.ts';

/** Up to so many rows an index is counted through; numbers beyond are halved by estimates. */
const COUNTED_ROWS = 5_000_000;

export interface Division {
  readonly query: Query;
  readonly spec: Pick<ReadSpec, 'object' | 'window' | 'nullCursors'>;
  readonly way: Way;
  readonly rows: number | null;
  readonly server: string;
}

export async function divideRead(division: Division, count: number): Promise<readonly Split[]> {
  const { spec, way, server, rows } = division;
  const { column, literal } = way;
  const pieces = stretches(await boundsOf(division, count)).map(({ from, to }, i): Piece => {
    if (way.by === 'key') return { by: 'key', column, literal, from, to };
    const window = spec.window as Window;
    const part = { column: window.column, from: from ?? window.from, to: to ?? window.to };
    return { by: 'window', window: part, nullCursors: spec.nullCursors && i === 0 };
  });
  return splitsOf(
    pieces.map((piece): PieceTask => ({ server, piece })),
    rows,
  );
}

async function boundsOf(division: Division, count: number): Promise<string[]> {
  if (count === 1) return [];
  const { way, rows } = division;
  const among = way.by === 'key' ? way.total : (rows ?? 0);
  return way.literal === 'number' && among > COUNTED_ROWS
    ? halvedBounds(division, count)
    : countedBounds(division, count, Math.max(1, Math.floor(among / count)));
}

/** Every so many entries of the index, one value; the statistics may be off, so there may be fewer bounds than asked for. */
async function countedBounds({ query, spec, way }: Division, count: number, step: number): Promise<string[]> {
  const name = quoteIdentifier(way.column);
  const value = way.literal === 'bytes' ? `HEX(${name})` : `CAST(${name} AS CHAR)`;
  const inside = way.by === 'window' ? windowClause(spec.window, false) : ` WHERE ${name} IS NOT NULL`;
  const next = async (after: string, offset: number): Promise<string | null> => {
    const sql = `SELECT ${value} AS _tributary_bound FROM ${fromClause(spec.object)}${inside}${after}
      ORDER BY ${name} LIMIT 1 OFFSET ${offset}`;
    return (await query<{ _tributary_bound: string }>(sql))[0]?._tributary_bound ?? null;
  };
  const bounds: string[] = [];
  const least = await next('', 0);
  for (let last = least; last !== null && bounds.length < count - 1; ) {
    const literal = written(last, way.literal);
    const found = await next(` AND ${name} >= ${literal}`, step);
    last = found === last ? await next(` AND ${name} > ${literal}`, 0) : found;
    if (last !== null) bounds.push(last);
  }
  return bounds;
}

interface Stretch {
  readonly from: bigint;
  readonly to: bigint;
  readonly rows: number;
}

/** Halves the fullest stretch again and again, as the optimizer estimates it, and joins what has few rows. */
export async function halvedBounds(division: Division, count: number): Promise<string[]> {
  const [ends] = await numberEnds(division);
  if (ends?.least == null || ends.greatest == null) return [];
  const whole = { from: wholePart(ends.least), to: wholePart(ends.greatest) + 1n };
  let parts: Stretch[] = [{ ...whole, rows: await estimated(division, whole) }];
  const enough = (parts[0]?.rows ?? 0) / count;
  for (let steps = 4 * count + 64; steps > 0; steps--) {
    const fullest = parts.reduce((most, part) => (part.rows > most.rows ? part : most));
    if (fullest.rows <= enough || fullest.to - fullest.from < 2n) break;
    const middle = (fullest.from + fullest.to) / 2n;
    const halves = [
      { from: fullest.from, to: middle },
      { from: middle, to: fullest.to },
    ];
    const counted: Stretch[] = [];
    for (const half of halves) counted.push({ ...half, rows: await estimated(division, half) });
    parts = parts.flatMap((part) => (part === fullest ? counted : [part]));
  }
  return joined(parts, enough).slice(0, count - 1);
}

/** Where a stretch begins once those before it have enough rows. */
export function joined(parts: readonly Stretch[], enough: number): string[] {
  const bounds: string[] = [];
  let rows = 0;
  for (const [i, part] of parts.entries()) {
    if (i > 0 && rows > 0 && rows + part.rows > enough * 1.01) {
      bounds.push(String(part.from));
      rows = 0;
    }
    rows += part.rows;
  }
  return bounds;
}

function numberEnds({ query, spec, way }: Division) {
  const name = quoteIdentifier(way.column);
  const inside = way.by === 'window' ? windowClause(spec.window, false) : '';
  return query<{ least: string | null; greatest: string | null }>(
    `SELECT CAST(MIN(${name}) AS CHAR) AS least, CAST(MAX(${name}) AS CHAR) AS greatest FROM ${fromClause(spec.object)}${inside}`,
  );
}

async function estimated({ query, spec, way }: Division, { from, to }: Pick<Stretch, 'from' | 'to'>): Promise<number> {
  const { column, literal } = way;
  const clause = between({ column, literal, from: String(from), to: String(to) });
  const [step] = await query<{ rows: string | number | null }>(
    `EXPLAIN FORMAT=TRADITIONAL SELECT ${quoteIdentifier(column)} FROM ${fromClause(spec.object)} WHERE ${clause}`,
  );
  return Number(step?.rows ?? 0);
}

/** Of a decimal, the part before the point. */
function wholePart(text: string): bigint {
  return BigInt(text.replace(/\..*$/, '') || '0');
}
