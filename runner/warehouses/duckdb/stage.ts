/** From the channel into a staging table: one pass, casts included. */
import type { Engine } from '../../columnar/engine.ts';
import type { VectorPath } from '../../columnar/receive.ts';
import { ROWS } from '../../columnar/receive.ts';
import { quoteName, quoteText } from '../../columnar/sql.ts';
import { sqlType } from '../../columnar/types.ts';
import { MISFIT, strictSelect, tableSelect } from '../../columnar/typing.ts';
import type { InletEnd } from '../../core/channel.ts';
import { MISFIT_COLUMNS } from '../../core/contracts/staging.ts';
import type { Staged, StagedColumn, StageSpec } from '../../core/contracts/warehouse.ts';
import { TributaryError } from '../../core/errors.ts';
import type { RejectedRow } from '../../core/vectors.ts';
import { qualified, stagingOf } from './names.ts';

const MISFITS = [MISFIT_COLUMNS.column, MISFIT_COLUMNS.reason, MISFIT_COLUMNS.original] as const;
/** Past this average width even the smallest row group outgrows the usual memory: DuckDB keeps one whole while it writes it. */
export const WIDE_ROW_BYTES = 64 << 10;
const WIDE_SLICE_BYTES = 64 << 20;
const MOSTLY_DISTINCT = 0.5;
/** FSST takes short texts; past this the choice is left to DuckDB. */
const NARROW_ROW_BYTES = 2048;
const ROW_GROUP_BYTES = 24 << 20;
const SMALLEST_ROW_GROUP = 2048;
const LARGEST_ROW_GROUP = 122_880;

/** Rows in a row group, so that one takes about the same memory whatever the width of a row. */
export function rowGroupRows(rowBytes: number): number {
  const rows = Math.floor(ROW_GROUP_BYTES / Math.max(1, rowBytes) / SMALLEST_ROW_GROUP) * SMALLEST_ROW_GROUP;
  return Math.max(SMALLEST_ROW_GROUP, Math.min(LARGEST_ROW_GROUP, rows));
}

/** What is staged beside the rows: the rows that did not fit. */
export interface StagedRows extends Staged {
  readonly rejects: readonly RejectedRow[];
}

export async function stageRows(
  engine: Engine,
  spec: StageSpec,
  inlet: InletEnd,
  vectorPath: VectorPath,
): Promise<StagedRows> {
  await makeTable(engine, spec);
  const loaded = await engine.load({ sql: insertFrom(spec, `${ROWS}()`), layout: spec.layout, inlet, ...limits(spec) });
  return stagedRows(engine, spec, loaded, vectorPath);
}

const tableOf = (spec: StageSpec) => qualified(stagingOf(spec.run, spec.target, spec.keysOnly));
const castsIn = ({ columns }: StageSpec) => columns.some(({ cast, nullify }) => cast && nullify !== true);

/** The staging table, empty. */
export async function makeTable(engine: Engine, spec: StageSpec, misfits = castsIn(spec)): Promise<void> {
  await engine.execute(`DROP TABLE IF EXISTS ${tableOf(spec)}`);
  await engine.execute(`CREATE TABLE ${tableOf(spec)} (${definitions(spec, misfits)})`);
}

/** The statement that takes rows of the vectors into it. */
export function insertFrom(spec: StageSpec, from: string): string {
  return insertTyped(spec, tableSelect(spec.columns, from));
}

function insertTyped(spec: StageSpec, select: string): string {
  return `INSERT INTO ${tableOf(spec)} BY NAME SELECT ${['*', ...added(spec)].join(', ')} FROM (${select})`;
}

/** Rows that the staging table has. */
export async function stagedCount(engine: Engine, spec: StageSpec): Promise<number> {
  const [row] = await engine.query(`SELECT count(*) AS n FROM ${tableOf(spec)}`);
  return Number(row?.n ?? 0);
}

/** A piece of rows that may be read again, and the misfits in it. */
export interface PieceRows {
  /** All of them, misfits with them. */
  readonly rows: number;
  readonly misfits: readonly RejectedRow[];
}

/**
 * Takes rows that can be read twice into a table without columns for misfits: dropping those would write the table anew.
 * Most pieces have none; one that has is read again and parted.
 */
export async function insertPiece(engine: Engine, spec: StageSpec, from: string): Promise<PieceRows> {
  const select = tableSelect(spec.columns, from);
  if (!castsIn(spec)) return { rows: (await engine.execute(insertTyped(spec, select))).changed, misfits: [] };
  const names = MISFITS.join(', ');
  try {
    const strict = insertTyped(spec, strictSelect(spec.columns, from));
    return { rows: (await engine.execute(strict)).changed, misfits: [] };
  } catch (error) {
    if (!TributaryError.is(error) || !error.problem.detail.includes(MISFIT)) throw error;
  }
  await engine.execute(`CREATE OR REPLACE TEMP TABLE _tributary_typed AS ${select}`);
  const typed = 'temp.main._tributary_typed';
  const good = `SELECT * EXCLUDE (${names}) FROM ${typed} WHERE ${MISFIT_COLUMNS.column} IS NULL`;
  const { changed } = await engine.execute(insertTyped(spec, good));
  const misfits = await misfitsOf(engine, typed);
  await engine.execute(`DROP TABLE ${typed}`);
  return { rows: changed + misfits.length, misfits };
}

/** What is in it once all rows are: misfits are taken out. */
export async function stagedRows(
  engine: Engine,
  spec: StageSpec,
  loaded: { readonly rows: number; readonly rejected: readonly RejectedRow[] },
  vectorPath: VectorPath,
): Promise<StagedRows> {
  const misfits = castsIn(spec) ? await takeMisfits(engine, tableOf(spec)) : [];
  return summed(loaded, misfits, vectorPath);
}

/** @param loaded rows of the table, those of the misfits among them */
export function summed(
  loaded: { readonly rows: number; readonly rejected: readonly RejectedRow[] },
  misfits: readonly RejectedRow[],
  vectorPath: VectorPath,
): StagedRows {
  const rejects = [...loaded.rejected, ...misfits];
  return {
    rows: loaded.rows - misfits.length,
    rejected: loaded.rejected.length,
    uncastable: misfits.length,
    frequentReason: mostFrequent(rejects),
    vectorPath,
    rejects,
  };
}

/** A statement's rows are in the log's memory a second time when it ends: of wide rows a few at once. */
function limits({ rowBytes, maxRejected }: StageSpec): { sliceBytes?: number; maxRejected?: number } {
  return {
    ...(rowBytes > WIDE_ROW_BYTES ? { sliceBytes: WIDE_SLICE_BYTES } : {}),
    ...(maxRejected === undefined ? {} : { maxRejected }),
  };
}

function definitions(spec: StageSpec, casts: boolean): string {
  const columns = spec.columns.map((staged) => `${quoteName(staged.column.name)} ${storedAs(staged, spec.rowBytes)}`);
  const misfits = casts ? MISFITS.map((name) => `${name} VARCHAR`) : [];
  const constants = spec.keysOnly ? [] : ['_run_id VARCHAR USING COMPRESSION dictionary', '_extracted_at TIMESTAMPTZ'];
  if (!spec.keysOnly && spec.snapshotDate !== undefined) constants.push('_snapshot_date DATE');
  return [...columns, ...constants, ...misfits].join(', ');
}

/**
 * DuckDB looks for a dictionary in every text column. Where the source knows that nearly each row has a
 * value of its own there is none to find: the search is a fifth of a load's CPU, and the file is no smaller.
 */
function storedAs({ column, distinct = 0 }: StagedColumn, rowBytes: number): string {
  const text = column.type.kind === 'STRING' || column.type.kind === 'JSON';
  const unalike = text && distinct >= MOSTLY_DISTINCT && rowBytes <= NARROW_ROW_BYTES;
  return `${sqlType(column.type)}${unalike ? ' USING COMPRESSION fsst' : ''}`;
}

/** What each row of the run has beside its values. */
function added({ run, keysOnly, snapshotDate }: StageSpec): readonly string[] {
  if (keysOnly) return [];
  const constants = [`${quoteText(run.runId)} AS _run_id`, `TIMESTAMPTZ ${quoteText(run.startedAt)} AS _extracted_at`];
  return snapshotDate === undefined ? constants : [...constants, `DATE ${quoteText(snapshotDate)} AS _snapshot_date`];
}

async function takeMisfits(engine: Engine, table: string): Promise<RejectedRow[]> {
  const misfits = await misfitsOf(engine, table);
  if (misfits.length > 0) await engine.execute(`DELETE FROM ${table} WHERE ${MISFIT_COLUMNS.column} IS NOT NULL`);
  for (const name of MISFITS) await engine.execute(`ALTER TABLE ${table} DROP COLUMN ${name}`);
  return misfits;
}

async function misfitsOf(engine: Engine, table: string): Promise<RejectedRow[]> {
  const { column, reason, original } = MISFIT_COLUMNS;
  const rows = await engine.query(`SELECT ${MISFITS.join(', ')} FROM ${table} WHERE ${column} IS NOT NULL`);
  return rows.map((row) => ({
    column: String(row[column]),
    reason: String(row[reason]),
    row: String(row[original]),
  }));
}

export function mostFrequent(rejects: readonly RejectedRow[]): string | null {
  const counts = new Map<string, number>();
  for (const { reason } of rejects) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}
