/** One query over the staging table: how many rows fit, what is wrong with the others, and where their keys lie. */
import type { StagedColumn } from '../../core/contracts/warehouse.ts';
import { comparable } from './changes/compare.ts';
import { judged, misfitRows, type StagedTable } from './typed-rows.ts';
import { heldAs } from './types.ts';

/** Where the values of a key column lie among the staged rows. */
export interface KeyRange {
  readonly column: string;
  /** As text; `null` where there is no value, or where its type has no exact constant. */
  readonly min: string | null;
  readonly max: string | null;
  readonly nulls: number;
}

/** What the check found. */
export interface Checked {
  /** Rows that fit. */
  readonly rows: number;
  readonly misfits: number;
  readonly frequentReason: string | null;
  /** Values that became NULL in the check by `nullify`; those that staging nullified are not among them. */
  readonly nullified: number;
  /** One for each key column asked for, in that order. */
  readonly ranges: readonly KeyRange[];
  /** Different keys among the rows that fit; `null` where no key was asked for. */
  readonly distinctKeys: number | null;
}

/**
 * The query has no parameters and gives one row, for {@link checkedOf}.
 *
 * @param key names in the warehouse of the columns whose ranges are wanted; may be empty. See `keyOfChange`.
 */
export function checkQuery(table: StagedTable, key: readonly string[]): string {
  const { from, fits, nullified, value } = judged(table);
  const keys = key.map((name) => keyColumn(table, name));
  const inner = [
    `${fits} AS is_good`,
    ...keys.map((staged, i) => `${value(staged)} AS key_${i}`),
    `${nullified} AS nullified`,
  ];
  const frequent = `SELECT reason FROM (${misfitRows(table)}) GROUP BY reason ORDER BY COUNT(*) DESC, reason LIMIT 1`;
  const outer = [
    'COUNTIF(is_good) AS good',
    'COUNTIF(NOT is_good) AS bad',
    `(${frequent}) AS frequent_reason`,
    'IFNULL(SUM(IF(is_good, nullified, 0)), 0) AS nullified',
    ...keys.flatMap(range),
    ...(keys.length === 0 ? [] : [`COUNT(DISTINCT IF(is_good, ${together(keys)}, NULL)) AS distinct_keys`]),
  ];
  return `SELECT ${outer.join(', ')} FROM (SELECT ${inner.join(', ')} FROM ${from})`;
}

/** Reads the one row of {@link checkQuery}. */
export function checkedOf(row: Readonly<Record<string, unknown>>, key: readonly string[]): Checked {
  const text = (value: unknown) => (value === null || value === undefined ? null : String(value));
  return {
    rows: Number(row.good),
    misfits: Number(row.bad),
    frequentReason: text(row.frequent_reason),
    nullified: Number(row.nullified),
    ranges: key.map((column, i) => ({
      column,
      min: text(row[`min_${i}`]),
      max: text(row[`max_${i}`]),
      nulls: Number(row[`nulls_${i}`]),
    })),
    distinctKeys: key.length === 0 ? null : Number(row.distinct_keys),
  };
}

function keyColumn({ columns }: StagedTable, name: string): StagedColumn {
  const staged = columns.find(({ column }) => column.name === name);
  if (staged === undefined) throw new RangeError(`no column ${name} is staged`);
  return staged;
}

const ORDERED = new Set(['INT64', 'NUMERIC', 'BIGNUMERIC', 'STRING', 'DATE', 'TIME', 'DATETIME', 'TIMESTAMP']);

function range({ column }: StagedColumn, i: number): string[] {
  const of = (aggregate: string) =>
    ORDERED.has(heldAs(column.type).kind)
      ? `CAST(${aggregate}(IF(is_good, key_${i}, NULL)) AS STRING)`
      : 'CAST(NULL AS STRING)';
  return [
    `${of('MIN')} AS min_${i}`,
    `${of('MAX')} AS max_${i}`,
    `COUNTIF(is_good AND key_${i} IS NULL) AS nulls_${i}`,
  ];
}

function together(keys: readonly StagedColumn[]): string {
  const fields = keys.map(({ column }, i) => `${comparable(`key_${i}`, column.type)} AS c${i}`);
  return `TO_JSON_STRING(STRUCT(${fields.join(', ')}))`;
}
