/** The staged rows as the table will have them, and those that will be in quarantine instead. */

import { quoteName, quoteText } from '../../bigquery/sql.ts';
import { MISFIT_COLUMNS } from '../../core/contracts/staging.ts';
import type { RunIdentity, StagedColumn } from '../../core/contracts/warehouse.ts';
import { wanted } from '../../core/wanted.ts';
import { qualified, stagingOf } from './names.ts';
import { lateText, type RemoteColumn, remoteColumn } from './remote-types.ts';
import { columnType, heldAs, stagingType } from './types.ts';

/** The rows of one staging table. */
export interface StagedTable {
  readonly project: string;
  readonly run: RunIdentity;
  readonly columns: readonly StagedColumn[];
  /** `YYYY-MM-DD` of a dated snapshot. */
  readonly snapshotDate?: string;
  /** The keys of a sweep: the columns alone. */
  readonly keysOnly?: boolean;
  /** The rows come from quarantine and carry their places. */
  readonly replay?: boolean;
}

const { column: COLUMN, reason: REASON, original: ORIGINAL, place: PLACE } = MISFIT_COLUMNS;
const MISFIT = '_tributary_misfit';

/** The staging table with what BigQuery types of it itself; as `r`. */
export interface Judged {
  /** What stands after FROM. */
  readonly from: string;
  /** TRUE for a row that fits, else FALSE. */
  readonly fits: string;
  /** How many values of a row that fits became NULL. */
  readonly nullified: string;
  /** A column in its type. */
  value(staged: StagedColumn): string;
}

/** Each value is typed once, however often it is asked for. */
export function judged(table: StagedTable): Judged {
  const staging = qualified(table.project, stagingOf(table.run, table.keysOnly));
  const remote = remoteColumns(table);
  const value = ({ column, nullify }: StagedColumn) => {
    const index = remote.findIndex(({ staged }) => staged.column.name === column.name);
    const typed = `r.${typedName(index)}`;
    if (index === -1) return `r.${quoteName(column.name)}`;
    return nullify === true ? `IF(${remote[index]?.misfit(typed)}, NULL, ${typed})` : typed;
  };
  if (remote.length === 0) return { from: `${staging} AS r`, fits: `r.${REASON} IS NULL`, nullified: '0', value };
  const typed = remote.map((column, i) => `${column.value} AS ${typedName(i)}`);
  const tests = remote.map((column, i) => ({ ...column, test: column.misfit(`r.${typedName(i)}`) }));
  const cases = tests
    .filter(({ staged }) => staged.nullify !== true)
    .map(({ test, staged }) => `WHEN ${test} THEN ${quoteText(staged.column.name)}`);
  const first = cases.length === 0 ? 'CAST(NULL AS STRING)' : `CASE ${cases.join(' ')} END`;
  const nulls = tests.filter(({ staged }) => staged.nullify === true).map(({ test }) => `IF(${test}, 1, 0)`);
  const inner = `SELECT r.*, ${typed.join(', ')} FROM ${staging} AS r`;
  return {
    from: `(SELECT r.*, ${first} AS ${MISFIT} FROM (${inner}) AS r) AS r`,
    fits: `r.${REASON} IS NULL AND r.${MISFIT} IS NULL`,
    nullified: nulls.length === 0 ? '0' : nulls.join(' + '),
    value,
  };
}

/** A SELECT of the rows that fit, with the columns that Tributary adds; in a replay with their places too. */
export function typedRows(table: StagedTable): string {
  const { from, fits, value } = judged(table);
  const selected = table.columns.map((staged) => `${value(staged)} AS ${quoteName(staged.column.name)}`);
  return `SELECT ${[...selected, ...added(table, `r.${PLACE}`)].join(', ')} FROM ${from} WHERE ${fits}`;
}

/** The columns of {@link typedRows} and no row: stands for rows that are not staged yet. */
export function noRows(table: StagedTable): string {
  const columns = table.columns.map(
    ({ column }) => `CAST(NULL AS ${columnType(unlimited(column.type))}) AS ${quoteName(column.name)}`,
  );
  const selected = [...columns, ...added(table, 'CAST(NULL AS STRING)')];
  return `SELECT ${selected.join(', ')} FROM UNNEST(CAST([] AS ARRAY<INT64>))`;
}

/** A SELECT of the rows that do not fit: column_name, reason, original (JSON text), place. */
export function misfitRows(table: StagedTable): string {
  const { from, fits } = judged(table);
  const bad = remoteColumns(table).filter(({ staged }) => staged.nullify !== true);
  const choice = (render: (column: StagedColumn) => string) =>
    `CASE r.${MISFIT} ${bad.map(({ staged }) => `WHEN ${quoteText(staged.column.name)} THEN ${render(staged)}`).join(' ')} END`;
  const or = (local: string, remote: () => string) =>
    bad.length === 0 ? `r.${local}` : `IF(r.${REASON} IS NULL, ${remote()}, r.${local})`;
  const selected = [
    `${or(COLUMN, () => `r.${MISFIT}`)} AS column_name`,
    `${or(REASON, () => choice((staged) => quoteText(reason(staged, table.replay === true))))} AS reason`,
    `${or(ORIGINAL, () =>
      asTexts(
        table.columns,
        choice(({ cast }) => (cast ? 'FALSE' : 'TRUE')),
      ),
    )} AS original`,
    `r.${PLACE} AS place`,
  ];
  return `SELECT ${selected.join(', ')} FROM ${from} WHERE NOT (${fits})`;
}

const typedName = (index: number) => `_tributary_typed_${index}`;

function remoteColumns({ columns }: StagedTable): RemoteColumn[] {
  return columns.flatMap((staged) => remoteColumn(staged) ?? []);
}

function added({ run, snapshotDate, keysOnly, replay }: StagedTable, place: string): string[] {
  if (keysOnly === true) return [];
  const own = [`${quoteText(run.runId)} AS _run_id`, `TIMESTAMP ${quoteText(run.startedAt)} AS _extracted_at`];
  if (snapshotDate !== undefined) own.push(`DATE ${quoteText(snapshotDate)} AS _snapshot_date`);
  if (replay === true) own.push(`${place} AS ${PLACE}`);
  return own;
}

/** The words of the embedded warehouse. A row that a replay leaves keeps the code it came with; see settle.ts. */
function reason({ column, cast, late }: StagedColumn, replay: boolean): string {
  if ((cast || late !== undefined) && !replay)
    return `VALUE_NOT_CASTABLE: ${column.name} is not ${wanted(column.type)}`;
  return `${cast ? 'VALUE_NOT_CASTABLE' : 'VALUE_OUT_OF_RANGE'}: ${column.name}: does not fit ${wanted(column.type)}`;
}

/** The row as a JSON object of texts under the names of the vectors. */
function asTexts(columns: readonly StagedColumn[], wire: string): string {
  const pairs = columns.map(
    (staged) =>
      `CONCAT(${quoteText(`${JSON.stringify(staged.late === undefined ? staged.vector.name : staged.column.name)}:`)}, TO_JSON_STRING(${asText(staged, wire)}))`,
  );
  return `CONCAT('{', ARRAY_TO_STRING([${pairs.join(', ')}], ','), '}')`;
}

/** Bytes are spelled as a replay reads them: as the server does (`\x6869`) where the reason is of the wire, else byte by byte. */
function asText(staged: StagedColumn, wire: string): string {
  if (staged.late !== undefined) return lateText(staged);
  const at = `r.${quoteName(staged.column.name)}`;
  const type = stagingType(staged);
  if (type.kind === 'STRING') return at;
  if (type.kind === 'ARRAY') return `TO_JSON_STRING(${at})`;
  if (type.kind !== 'BYTES') return `CAST(${at} AS STRING)`;
  return `IF(${wire}, CONCAT('\\\\x', TO_HEX(${at})), REGEXP_REPLACE(TO_HEX(${at}), '(..)', '\\\\\\\\x\\\\1'))`;
}

function unlimited(type: StagedColumn['column']['type']): StagedColumn['column']['type'] {
  const { kind } = heldAs(type);
  return kind === 'NUMERIC' || kind === 'BIGNUMERIC' ? { kind } : type;
}
