/** Rows that BigQuery reads itself: one query whose answer is the staging table. No byte goes through the runner. */
import { isDuplicate } from '../../bigquery/failure.ts';
import { queryConfiguration } from '../../bigquery/parameters.ts';
import { type QueryParameter, quoteName, quoteText } from '../../bigquery/sql.ts';
import type { StatementOffer } from '../../core/contracts/offer.ts';
import type { ReadSummary } from '../../core/contracts/source.ts';
import { MISFIT_COLUMNS } from '../../core/contracts/staging.ts';
import type { StagedColumn, StageSpec } from '../../core/contracts/warehouse.ts';
import { wanted } from '../../core/wanted.ts';
import { stagingOf } from './names.ts';
import type { Session } from './session.ts';
import { check, makeTable, NOTHING_CHECKED, type StagedRows, stagedTable } from './stage.ts';
import { columnType, heldAs, stagingType } from './types.ts';

/** @returns null where the statement has to run elsewhere */
export async function stageStatement(
  session: Session,
  spec: StageSpec,
  offer: StatementOffer,
  signal: AbortSignal,
): Promise<{ readonly summary: ReadSummary; readonly staged: StagedRows } | null> {
  const { api, jobs, call } = session;
  if (offer.location.toUpperCase() !== api.location.toUpperCase()) return null;
  const { run, keysOnly } = spec;
  await makeTable(session, spec);
  const { dataset, table: tableId } = stagingOf(run, keysOnly);
  const parameters = Object.entries(offer.parameters).map(
    ([name, value]): QueryParameter => ({ name, type: 'STRING', value }),
  );
  const configuration = {
    query: {
      ...queryConfiguration({ sql: stagingStatement(spec, offer.sql), parameters }),
      destinationTable: { projectId: api.project, datasetId: dataset, tableId },
      createDisposition: 'CREATE_NEVER',
      writeDisposition: 'WRITE_EMPTY',
      ...(offer.maxBytesBilled === undefined ? {} : { maximumBytesBilled: String(offer.maxBytesBilled) }),
    },
  };
  const request = { purpose: keysOnly ? 'load_keys' : 'load_rows', run, configuration, signal };
  const bytes = await jobs.run(request).then(
    ({ statistics }) => Number(statistics.query?.totalBytesProcessed ?? 0),
    (error: unknown) => {
      // The table is not empty any more: an attempt whose answer was lost has filled it.
      if (isDuplicate(error)) return 0;
      throw error;
    },
  );
  const path = `/datasets/${dataset}/tables/${tableId}`;
  const { numRows } = await call(() => api.request<{ numRows?: string }>({ path }));
  const rows = Number(numRows ?? Number.NaN);
  const table = stagedTable(api.project, spec);
  const checked = keysOnly ? { ...NOTHING_CHECKED, rows, misfits: 0, nullified: 0 } : await check(session, table, []);
  const { misfits, nullified } = checked;
  return {
    summary: { extracted: rows, rejected: 0, nullified: 0, bytes },
    staged: { table, checked, rejected: 0, uncastable: misfits, nullified, vectorPath: 'fast', twins: null },
  };
}

/** The statement with the columns of the staging table: cast where another type is wanted, JSON as text. */
export function stagingStatement({ columns }: Pick<StageSpec, 'columns'>, sql: string): string {
  const typed = columns.map((staged, i) => ({ staged, ...typing(staged), alias: `v${i}` }));
  const values = typed.map(({ alias, value }) => `${value} AS ${alias}`);
  const inner = `SELECT s.*, ${values.join(', ')} FROM (${sql}) AS s`;
  const misfits = typed.flatMap(({ misfit, alias, staged }) =>
    misfit === null || staged.nullify === true ? [] : [{ staged, test: misfit(`t.${alias}`) }],
  );
  const { column: COLUMN, reason: REASON, original: ORIGINAL, place: PLACE } = MISFIT_COLUMNS;
  const choose = (render: (staged: StagedColumn) => string) =>
    misfits.length === 0
      ? 'CAST(NULL AS STRING)'
      : `CASE ${misfits.map(({ staged, test }) => `WHEN ${test} THEN ${render(staged)}`).join(' ')} END`;
  const anyMisfit = misfits.length === 0 ? 'FALSE' : misfits.map(({ test }) => `(${test})`).join(' OR ');
  const selected = [
    ...typed.map(({ alias, staged, misfit }) => {
      const value =
        staged.nullify === true && misfit !== null ? `IF(${misfit(`t.${alias}`)}, NULL, t.${alias})` : `t.${alias}`;
      return `${value} AS ${quoteName(staged.column.name)}`;
    }),
    `${choose(({ column }) => quoteText(column.name))} AS ${COLUMN}`,
    `${choose(({ column }) => quoteText(`VALUE_NOT_CASTABLE: ${column.name} is not ${wanted(column.type)}`))} AS ${REASON}`,
    `IF(${anyMisfit}, ${originals(columns)}, NULL) AS ${ORIGINAL}`,
    `CAST(NULL AS STRING) AS ${PLACE}`,
  ];
  return `SELECT ${selected.join(', ')} FROM (${inner}) AS t`;
}

interface Typing {
  readonly value: string;
  /** `null`: every value fits. */
  readonly misfit: ((typed: string) => string) | null;
}

/** Vectors whose values a cast may round without a word. */
const EXACT = new Set(['int64', 'float64', 'decimal', 'date', 'time', 'datetime', 'timestamp']);

function typing({ vector, column, cast }: StagedColumn): Typing {
  const name = quoteName(column.name);
  const at = `s.${name}`;
  const staging = stagingType({ vector, column, cast });
  if (staging.kind === 'STRING') {
    return {
      value: vector.kind === 'json' ? `IF(${at} IS NULL, NULL, TO_JSON_STRING(${at}))` : `CAST(${at} AS STRING)`,
      misfit: null,
    };
  }
  if (!cast) return { value: at, misfit: null };
  const held = heldAs(column.type);
  const type = 'precision' in held ? held.kind : columnType(held);
  const from = FROM[vector.kind];
  const limits = columnType(held) === type ? '' : ` OR SAFE_CAST(t.${name} AS ${columnType(held)}) IS NULL`;
  return {
    value: `SAFE_CAST(${at} AS ${type})`,
    misfit: (value) => {
      const changed =
        EXACT.has(vector.kind) && from !== undefined ? ` OR SAFE_CAST(${value} AS ${from}) != t.${name}` : '';
      return `t.${name} IS NOT NULL AND (${value} IS NULL${changed}${limits})`;
    },
  };
}

const FROM: Readonly<Record<string, string>> = {
  int64: 'INT64',
  float64: 'FLOAT64',
  decimal: 'BIGNUMERIC',
  date: 'DATE',
  time: 'TIME',
  datetime: 'DATETIME',
  timestamp: 'TIMESTAMP',
};

/** The row as a JSON object of texts, as quarantine keeps it. */
function originals(columns: readonly StagedColumn[]): string {
  const pairs = columns.map(({ vector, column }) => {
    const at = `t.${quoteName(column.name)}`;
    const text =
      vector.kind === 'json'
        ? `TO_JSON_STRING(${at})`
        : vector.kind === 'bytes'
          ? `CONCAT('\\\\x', TO_HEX(${at}))`
          : `CAST(${at} AS STRING)`;
    return `CONCAT(${quoteText(`${JSON.stringify(vector.name)}:`)}, TO_JSON_STRING(${text}))`;
  });
  return `CONCAT('{', ARRAY_TO_STRING([${pairs.join(', ')}], ','), '}')`;
}
