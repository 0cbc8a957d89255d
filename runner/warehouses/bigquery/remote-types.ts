/** How a staged column becomes its type in BigQuery: the value, and when there is none. The rest was cast before it was written. */

import { quoteName, quoteText } from '../../bigquery/sql.ts';
import type { StagedColumn } from '../../core/contracts/warehouse.ts';
import { LATE, lateKey } from '../../core/late.ts';
import type { LogicalType } from '../../core/types.ts';
import { columnType, heldAs, partColumn } from './types.ts';

/** A column that is staged as text, in SQL of the staging table as `r`. */
export interface RemoteColumn {
  readonly staged: StagedColumn;
  /** The value in its type; NULL where the text is none. */
  readonly value: string;
  /** Whether a value does not fit, given the typed value under another name. */
  misfit(typed: string): string;
}

/** @returns `null` where the column is staged in its type. */
export function remoteColumn(staged: StagedColumn): RemoteColumn | null {
  if (staged.late !== undefined) return lateColumn(staged);
  if (partColumn(staged).as === 'typed') return null;
  const at = `r.${quoteName(staged.column.name)}`;
  const { type } = staged.column;
  const lost = (typed: string) => `${at} IS NOT NULL AND ${typed} IS NULL`;
  if (type.kind === 'JSON') return { staged, value: parsed(at), misfit: lost };
  if (type.kind !== 'ARRAY') return { staged, value: decimal(staged, at), misfit: lost };
  const hole = (typed: string) => `EXISTS (SELECT 1 FROM UNNEST(${typed}) AS e WHERE TO_JSON_STRING(e) = 'null')`;
  return {
    staged,
    value: `JSON_QUERY_ARRAY(${parsed(at)})`,
    misfit: (typed) => `${at} IS NOT NULL AND (${typed} IS NULL OR ${hole(typed)})`,
  };
}

/** A field of the column that carries the late ones, as text; a JSON column has its JSON. */
export function lateText({ late = '', column }: StagedColumn): string {
  const read = column.type.kind === 'JSON' ? 'JSON_QUERY' : 'JSON_VALUE';
  return `${read}(r.${LATE}, ${quoteText(`$.${lateKey(late)}`)})`;
}

function lateColumn(staged: StagedColumn): RemoteColumn {
  const { type } = staged.column;
  const said = lateText(staged);
  const misfit = (typed: string) => `${said} IS NOT NULL AND ${typed} IS NULL`;
  if (type.kind === 'JSON') return { staged, value: parsed(said), misfit };
  if (type.kind === 'BYTES') return { staged, value: `SAFE.FROM_BASE64(${said})`, misfit };
  return { staged, value: type.kind === 'STRING' ? said : `SAFE_CAST(${said} AS ${columnType(type)})`, misfit };
}

/**
 * What a text must look like to be a decimal with nothing rounded: RE2, and the same as a regular expression of
 * JavaScript. A text of more digits before the point than there are at all is left to the cast, which refuses it.
 *
 * @example decimalPattern({ kind: 'BIGNUMERIC' }) // '^[+-]?0*\\d{0,39}(\\.\\d{0,38}0*)?$'
 */
export function decimalPattern(type: LogicalType): string {
  const { whole, fraction } = digits(type);
  return `^[+-]?0*\\d{0,${whole}}(\\.\\d{0,${fraction}}0*)?$`;
}

function decimal({ vector, column }: StagedColumn, at: string): string {
  const text = vector.kind === 'json' ? `IF(STARTS_WITH(${at}, '"'), JSON_VALUE(${at}), ${at})` : at;
  const trimmed = `TRIM(${text}, ' \\t\\r\\n')`;
  const exact = `REGEXP_CONTAINS(${trimmed}, ${quoteText(decimalPattern(column.type))})`;
  return `IF(${exact}, SAFE_CAST(${trimmed} AS BIGNUMERIC), NULL)`;
}

/** A number that as JSON would no longer be the same is none. */
const parsed = (at: string) => `SAFE.PARSE_JSON(${at}, wide_number_mode => 'exact')`;

/** How many digits a decimal may have on each side of the point. */
function digits(type: LogicalType): { whole: number; fraction: number } {
  const held = heldAs(type);
  if (!('precision' in held) || held.precision === undefined) return BIGNUMERIC_DIGITS;
  const fraction = held.scale ?? 0;
  return { whole: held.precision - fraction, fraction };
}

const BIGNUMERIC_DIGITS = { whole: 39, fraction: 38 };
