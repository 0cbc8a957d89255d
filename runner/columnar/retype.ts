/**
 * Quarantined rows on their way back: typed from their texts as the reader and the casts would have typed them. SQL over
 * any relation `(place, nth, run_id, reason, "row")`: the place names a row, the number is its turn among all.
 */
import { MISFIT_COLUMNS } from '../core/contracts/staging.ts';
import type { RestagePolicy } from '../core/contracts/warehouse.ts';
import { ALSO_NOT_UTF8, NOT_UTF8 } from '../core/legible.ts';
import type { VectorColumn } from '../core/vectors.ts';
import { wanted } from '../core/wanted.ts';
import { exactText } from './fit.ts';
import { quoteName, quoteText } from './sql.ts';
import { vectorLogical } from './types.ts';
import type { TypedColumn } from './typing.ts';

const SAID = '_tributary_said';
const WIRE = '_tributary_wire';
const ILLEGIBLE = '_tributary_illegible';

/** Beside the columns and {@link MISFIT_COLUMNS}: how many values of the row became NULL. */
export const NULLIFIED = '_tributary_nullified';

/** A line of a file that could not be cut into columns stays what it is. */
const LINE = '_line';
const UNCUT = `WHEN starts_with(${MISFIT_COLUMNS.reason}, 'FILE_ROW_MALFORMED') THEN '${LINE}'`;

/** What {@link retyped} adds to a row, for the caller to take off again. */
export const ADDED = [...Object.values(MISFIT_COLUMNS), NULLIFIED] as const;

/** What rows are typed as. */
export interface Retyping {
  readonly columns: readonly TypedColumn[];
  readonly policy: RestagePolicy;
}

/**
 * The SELECT of the typed rows: the columns, `more`, and {@link ADDED}. A row that does not fit has its column, its new
 * reason and what it was.
 *
 * @param relation a table, or a query in brackets
 * @param more further items of the SELECT list
 */
export function retyped(relation: string, { columns, policy }: Retyping, more: readonly string[] = []): string {
  const all = columns.map((column) => columnSql(column, policy));
  const texts = all.map(({ vector }) => `${quoteName(vector)} := ("row" ->> ${quoteText(vector)})`);
  const fallible = all.filter(({ misfits }) => misfits.length > 0);
  const misfit = fallible.map(({ misfits, name }) => `WHEN ${misfits.join(' OR ')} THEN ${quoteText(name)}`);
  const why = [
    `WHEN '${LINE}' THEN 'it has no columns'`,
    ...fallible.map(({ why, name }) => `WHEN ${quoteText(name)} THEN ${why}`),
  ];
  const nulls = all.flatMap(({ nullified }) => nullified.map((test) => `${test}::INT`));
  const { place, column, reason, original } = MISFIT_COLUMNS;
  const selected = [
    ...all.map(({ value, name }) => `${value} AS ${quoteName(name)}`),
    ...more,
    column,
    `split_part(${reason}, ':', 1) || ': ' || ${column} || ': ' || ${choice(column, why)} AS ${reason}`,
    `CASE WHEN ${column} IS NOT NULL THEN ${original} END AS ${original}`,
    place,
    `${['0', ...nulls].join(' + ')} AS ${NULLIFIED}`,
  ];
  return `WITH texts AS (
      SELECT place AS ${place}, reason AS ${reason}, "row"::VARCHAR AS ${original}, starts_with(reason, 'VALUE_OUT_OF_RANGE') AS ${WIRE},
        ends_with(reason, ${quoteText(NOT_UTF8)}) AS ${ILLEGIBLE}, struct_pack(${texts.join(', ')}) AS ${SAID} FROM ${relation}),
    parsed AS (SELECT *, ${all.map(({ parsed, vector }) => `${parsed} AS ${quoteName(vector)}`).join(', ')} FROM texts),
    judged AS (SELECT *, ${choice('', [UNCUT, ...misfit])} AS ${column} FROM parsed)
    SELECT ${selected.join(', ')} FROM judged`;
}

/**
 * The places of rows that fit and that a later run has quarantined too: the same row of two runs is one row that was read
 * twice; two such rows of one run are two.
 *
 * @param table holds what {@link retyped} gave of the relation
 */
export function twinPlaces(relation: string, table: string): string {
  const { place, column } = MISFIT_COLUMNS;
  const hashed = `SELECT place, nth, run_id, md5("row"::VARCHAR) AS said FROM ${relation}
    WHERE place IN (SELECT ${place} FROM ${table} WHERE ${column} IS NULL)`;
  const counted = `SELECT *, row_number() OVER (PARTITION BY run_id, said ORDER BY nth) AS copy FROM (${hashed})`;
  return `SELECT place FROM (${counted}) QUALIFY row_number() OVER (PARTITION BY said, copy ORDER BY nth DESC) > 1`;
}

function choice(value: string, branches: readonly string[]): string {
  return branches.length === 0 ? 'NULL::VARCHAR' : `CASE ${value} ${branches.join(' ')} END`;
}

/** The SQL of one column. */
interface ColumnSql {
  readonly name: string;
  readonly vector: string;
  /** The value as the source's type has it; NULL where that type cannot hold it, or where it is not masked and should be. */
  readonly parsed: string;
  readonly value: string;
  /** When its row does not fit for it. */
  readonly misfits: readonly string[];
  /** When its value becomes NULL instead. */
  readonly nullified: readonly string[];
  /** The end of the new reason. */
  readonly why: string;
}

function columnSql({ staged, value, stored }: TypedColumn, { nullify, masked }: RestagePolicy): ColumnSql {
  const { vector, column } = staged;
  const said = `${SAID}.${quoteName(vector.name)}`;
  const meant = quoteName(vector.name);
  const mask = masked[column.name];
  const tests = [
    { test: `(${said} IS NOT NULL AND ${meant} IS NULL)`, isNull: staged.nullify || nullify.includes(column.name) },
    ...(value === meant ? [] : [{ test: `(${meant} IS NOT NULL AND ${value} IS NULL)`, isNull: staged.nullify }]),
  ];
  const fits = mask === undefined ? `does not fit ${wanted(column.type)}` : 'was quarantined before its mask';
  const broken = mask === undefined && isText(vector) ? `WHEN ${brokenText(said)} THEN ${quoteText(NOT_UTF8)} ` : '';
  return {
    name: column.name,
    vector: vector.name,
    parsed: mask === undefined ? parse(said, vector) : matching(said, mask),
    value: stored === undefined ? value : stored(value),
    misfits: tests.filter(({ isNull }) => isNull !== true).map(({ test }) => test),
    nullified: tests.filter(({ isNull }) => isNull === true).map(({ test }) => test),
    why: `CASE ${broken}WHEN ${ILLEGIBLE} THEN ${quoteText(`${fits}; ${ALSO_NOT_UTF8}`)} ELSE ${quoteText(fits)} END`,
  };
}

function parse(said: string, vector: VectorColumn): string {
  if (vector.kind === 'bytes') return bytesOf(said);
  const typed = exactText(said, vectorLogical(vector));
  return isText(vector) ? `CASE WHEN NOT ${brokenText(said)} THEN ${typed} END` : typed;
}

function matching(said: string, pattern: string): string {
  return `CASE WHEN regexp_full_match(${said}, ${quoteText(pattern)}) THEN ${said} END`;
}

function isText({ kind }: VectorColumn): boolean {
  return kind === 'text' || kind === 'json';
}

/** Spelled out for people, a text is not what the source has. */
function brokenText(said: string): string {
  return `(${ILLEGIBLE} AND regexp_matches(${said}, '\\\\x[0-9a-f]{2}'))`;
}

/** The reader spells bytes as PostgreSQL does, a cast as DuckDB does. */
function bytesOf(said: string): string {
  return `CASE WHEN ${WIRE} AND regexp_full_match(${said}, '\\\\x([0-9a-f]{2})*') THEN unhex(substr(${said}, 3)) ELSE TRY_CAST(${said} AS BLOB) END`;
}
