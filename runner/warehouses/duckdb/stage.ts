/** From the channel into a staging table: one pass, casts included. */
import type { InletEnd } from '../../core/channel.ts';
import type { Staged, StagedColumn, StageSpec } from '../../core/contracts/warehouse.ts';
import type { RejectedRow } from '../../core/vectors.ts';
import type { Engine } from './engine.ts';
import { exactCast, wanted } from './fit.ts';
import { qualified, stagingOf } from './names.ts';
import type { VectorPath } from './receive.ts';
import { ROWS } from './receive.ts';
import { list, quoteName, quoteText } from './sql.ts';
import { sqlType } from './types.ts';

const MISFIT = '_tributary_misfit';
const ORIGINAL = '_tributary_original';
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
  const table = qualified(stagingOf(spec.run, spec.target, spec.keysOnly));
  const casts = spec.columns.filter(({ cast }) => cast);
  await engine.execute(`DROP TABLE IF EXISTS ${table}`);
  await engine.execute(`CREATE TABLE ${table} (${definitions(spec, casts)})`);
  const sql = `INSERT INTO ${table} SELECT ${selectList(spec, casts)} FROM ${ROWS}()`;
  const loaded = await engine.load({ sql, layout: spec.layout, inlet, ...slicing(spec) });
  const misfits = casts.length === 0 ? [] : await takeMisfits(engine, table, casts);
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
function slicing({ rowBytes }: StageSpec): { sliceBytes?: number } {
  return rowBytes > WIDE_ROW_BYTES ? { sliceBytes: WIDE_SLICE_BYTES } : {};
}

/** The columns of {@link selectList}, in its order. */
function definitions(spec: StageSpec, casts: readonly StagedColumn[]): string {
  const columns = spec.columns.map((staged) => `${quoteName(staged.column.name)} ${storedAs(staged, spec.rowBytes)}`);
  if (spec.keysOnly) return columns.join(', ');
  const added = ['_run_id VARCHAR USING COMPRESSION dictionary', '_extracted_at TIMESTAMPTZ'];
  if (spec.snapshotDate !== undefined) added.push('_snapshot_date DATE');
  if (casts.length > 0) added.push(`${MISFIT} VARCHAR`, `${ORIGINAL} JSON`);
  return [...columns, ...added].join(', ');
}

/**
 * DuckDB looks for a dictionary in every text column. Where the source knows that nearly each row has a
 * value of its own there is none to find: the search is a fifth of a load's CPU, and the file is no smaller.
 */
function storedAs({ vector, column, distinct = 0 }: StagedColumn, rowBytes: number): string {
  const text = (vector.kind === 'text' || vector.kind === 'json') && column.type.kind !== 'ARRAY';
  const unalike = text && distinct >= MOSTLY_DISTINCT && rowBytes <= NARROW_ROW_BYTES;
  return `${sqlType(column.type)}${unalike ? ' USING COMPRESSION fsst' : ''}`;
}

function selectList(spec: StageSpec, casts: readonly StagedColumn[]): string {
  const columns = spec.columns.map((staged) => `${castExpression(staged)} AS ${quoteName(staged.column.name)}`);
  if (spec.keysOnly) return columns.join(', ');
  const added = [
    `${quoteText(spec.run.runId)} AS _run_id`,
    `TIMESTAMPTZ ${quoteText(spec.run.startedAt)} AS _extracted_at`,
  ];
  if (spec.snapshotDate !== undefined) added.push(`DATE ${quoteText(spec.snapshotDate)} AS _snapshot_date`);
  if (casts.length === 0) return [...columns, ...added].join(', ');
  const misfit = casts.map((staged) => `WHEN ${misfits(staged)} THEN ${quoteText(staged.column.name)}`).join(' ');
  const row = list(
    spec.columns.map(({ vector }) => vector.name),
    (name) => `${quoteName(name)} := ${quoteName(name)}::VARCHAR`,
  );
  const original = `CASE WHEN ${casts.map(misfits).join(' OR ')} THEN to_json(struct_pack(${row})) END`;
  return [...columns, ...added, `CASE ${misfit} END AS ${MISFIT}`, `${original} AS ${ORIGINAL}`].join(', ');
}

function castExpression({ vector, column, cast }: StagedColumn): string {
  const name = quoteName(vector.name);
  return cast ? exactCast(name, vector, column.type) : name;
}

function misfits(staged: StagedColumn): string {
  return `(${quoteName(staged.vector.name)} IS NOT NULL AND ${castExpression(staged)} IS NULL)`;
}

async function takeMisfits(engine: Engine, table: string, casts: readonly StagedColumn[]): Promise<RejectedRow[]> {
  const types = new Map(casts.map(({ column }) => [column.name, wanted(column.type)]));
  const rows = await engine.query(
    `SELECT ${MISFIT} AS name, ${ORIGINAL}::VARCHAR AS original FROM ${table} WHERE ${MISFIT} IS NOT NULL`,
  );
  if (rows.length > 0) await engine.execute(`DELETE FROM ${table} WHERE ${MISFIT} IS NOT NULL`);
  await engine.execute(`ALTER TABLE ${table} DROP COLUMN ${MISFIT}`);
  await engine.execute(`ALTER TABLE ${table} DROP COLUMN ${ORIGINAL}`);
  return rows.map(({ name, original }) => ({
    column: String(name),
    reason: `VALUE_NOT_CASTABLE: ${name} is not ${types.get(String(name))}`,
    row: String(original),
  }));
}

function mostFrequent(rejects: readonly RejectedRow[]): string | null {
  const counts = new Map<string, number>();
  for (const { reason } of rejects) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}
