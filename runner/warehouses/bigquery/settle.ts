/** What becomes of quarantine in a commit: rows of this run go in, rows of a replay come out. */
import { MISFIT_COLUMNS } from '../../core/contracts/staging.ts';
import { evidenceOf, qualified } from './names.ts';
import { misfitRows, type StagedTable, typedRows } from './typed-rows.ts';

const PLACE_DIGITS = 12;

/** Rows that did not fit, each with its place: by it a replay finds it again. Uses `@source`, `@run_id`, `tributary_at`. */
export function quarantineMisfits(table: StagedTable): string {
  const quarantine = qualified(table.project, evidenceOf(table.run.tenant, '_quarantine'));
  const order = 'm.place, m.original, m.column_name, m.reason';
  const place = `CONCAT(@run_id, '/', LPAD(CAST(ROW_NUMBER() OVER (ORDER BY ${order}) AS STRING), ${PLACE_DIGITS}, '0'))`;
  const row = `IFNULL(SAFE.PARSE_JSON(m.original, wide_number_mode => 'round'), TO_JSON(m.original))`;
  const values = `@source, @run_id, m.column_name, m.reason, ${row}, tributary_at, CAST(NULL AS STRING), ${place}`;
  return `INSERT INTO ${quarantine} (source, run_id, column_name, reason, \`row\`, quarantined_at, replayed_by, place) SELECT ${values} FROM (${misfitRows(table)}) AS m`;
}

/**
 * Rows of a replay: those that were staged, and those that are like one of them (`@twins`), are replayed by this run; those that
 * still do not fit get their new reason. The code of the reason stays: it tells how the row is spelled.
 */
export function settleReplay(table: StagedTable): readonly string[] {
  const quarantine = qualified(table.project, evidenceOf(table.run.tenant, '_quarantine'));
  const pending = 'q.source = @source AND q.replayed_by IS NULL';
  const fitting = `SELECT ${MISFIT_COLUMNS.place} FROM (${typedRows(table)})`;
  const code = `SPLIT(q.reason, ':')[OFFSET(0)]`;
  const reason = `CONCAT(${code}, SUBSTR(m.reason, STRPOS(m.reason, ':')))`;
  return [
    `UPDATE ${quarantine} AS q SET replayed_by = @run_id WHERE ${pending} AND (q.place IN (${fitting}) OR q.place IN UNNEST(@twins))`,
    `UPDATE ${quarantine} AS q SET column_name = m.column_name, reason = ${reason} FROM (${misfitRows(table)}) AS m WHERE ${pending} AND q.place = m.place`,
  ];
}
