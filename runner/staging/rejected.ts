/** Rows that the reader rejected become rows of a part: one load job takes them with all others. */
import { noValues, partSelect } from '../columnar/typing.ts';
import { MISFIT_COLUMNS, type PartsSpec } from '../core/contracts/staging.ts';
import type { RejectedRow } from '../core/vectors.ts';
import { addPart, type StagingJob } from './job.ts';

const TABLE = '_tributary_rejected';
const ROWS_AT_ONCE = 1000;

export async function addRejected(job: StagingJob, spec: PartsSpec, rejected: readonly RejectedRow[]): Promise<void> {
  if (rejected.length === 0) return;
  const { engine } = job;
  const { columns, format } = spec;
  const { column, reason, original } = MISFIT_COLUMNS;
  await engine.execute(`CREATE OR REPLACE TABLE ${TABLE} (${column} VARCHAR, ${reason} VARCHAR, ${original} VARCHAR)`);
  for (let from = 0; from < rejected.length; from += ROWS_AT_ONCE) {
    const rows = rejected.slice(from, from + ROWS_AT_ONCE).map((row) => [row.column, row.reason, row.row]);
    await engine.execute(
      `INSERT INTO ${TABLE} SELECT r[1], r[2], r[3] FROM (SELECT unnest(from_json($1::JSON, '[["VARCHAR"]]')) AS r)`,
      [JSON.stringify(rows)],
    );
  }
  const replaced = [column, reason, original].map((name) => `r.${name} AS ${name}`).join(', ');
  const empty = partSelect(columns, format, noValues(columns));
  await addPart(job, spec, `SELECT e.* REPLACE (${replaced}) FROM ${TABLE} AS r, (${empty}) AS e`);
  await job.engine.execute(`DROP TABLE ${TABLE}`);
}
