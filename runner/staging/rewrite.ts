/** Quarantined rows on their way back through the staged objects. */
import type { Engine } from '../columnar/engine.ts';
import { NULLIFIED, retyped, twinPlaces } from '../columnar/retype.ts';
import { quoteText } from '../columnar/sql.ts';
import { partTyped } from '../columnar/typing.ts';
import { MISFIT_COLUMNS, type PartsSpec, type QuarantinedRow } from '../core/contracts/staging.ts';
import type { RestagePolicy } from '../core/contracts/warehouse.ts';

const QUARANTINED = 'temp.main._tributary_quarantined';
const RETYPED = 'temp.main._tributary_retyped';

/** What {@link rewritten} found beside what it wrote. */
export interface Rewritten {
  /** Places of rows that another run quarantined too, which are not written. */
  readonly twins: readonly string[];
  /** Values that became NULL in rows that fit now. */
  readonly nullified: number;
}

/**
 * Types the rows and has them written: those that fit with their place, those that do not with their new reason too.
 * Of the rows one page at a time is in this thread's memory; the engine keeps the rest within its limit, on disk past it.
 *
 * @param write takes the SELECT of the rows as a part has them, with all {@link MISFIT_COLUMNS}; it runs on this engine
 */
export async function rewritten<T>(
  engine: Engine,
  spec: Pick<PartsSpec, 'columns' | 'format'>,
  policy: RestagePolicy,
  pages: AsyncIterable<readonly QuarantinedRow[]>,
  write: (select: string) => Promise<T>,
): Promise<Rewritten & { readonly written: T }> {
  try {
    await take(engine, pages);
    const columns = spec.columns.map((column) => partTyped(column, spec.format));
    await engine.execute(`CREATE OR REPLACE TEMP TABLE ${RETYPED} AS ${retyped(QUARANTINED, { columns, policy })}`);
    const twins = await dropTwins(engine);
    const [found] = await engine.query(
      `SELECT coalesce(sum(${NULLIFIED}), 0)::BIGINT AS nullified FROM ${RETYPED} WHERE ${MISFIT_COLUMNS.column} IS NULL`,
    );
    return {
      twins,
      nullified: Number(found?.nullified),
      written: await write(`SELECT * EXCLUDE (${NULLIFIED}) FROM ${RETYPED}`),
    };
  } finally {
    for (const table of [RETYPED, QUARANTINED])
      await engine.execute(`DROP TABLE IF EXISTS ${table}`).catch(() => undefined);
  }
}

const PAGE = quoteText(
  JSON.stringify([{ place: 'VARCHAR', nth: 'BIGINT', run_id: 'VARCHAR', reason: 'VARCHAR', row: 'VARCHAR' }]),
);

/** As they come, numbered: their places are names without an order. */
async function take(engine: Engine, pages: AsyncIterable<readonly QuarantinedRow[]>): Promise<void> {
  await engine.execute(
    `CREATE OR REPLACE TEMP TABLE ${QUARANTINED} (place VARCHAR, nth BIGINT, run_id VARCHAR, reason VARCHAR, "row" VARCHAR)`,
  );
  let taken = 0;
  for await (const rows of pages) {
    if (rows.length === 0) continue;
    const page = rows.map((quarantined, i) => ({
      place: quarantined.place,
      nth: taken + i,
      run_id: quarantined.runId,
      reason: quarantined.reason,
      row: quarantined.row,
    }));
    await engine.execute(`INSERT INTO ${QUARANTINED} SELECT unnest(from_json($1, ${PAGE}), max_depth := 2)`, [
      JSON.stringify(page),
    ]);
    taken += rows.length;
  }
}

async function dropTwins(engine: Engine): Promise<string[]> {
  const twins = await engine.query(twinPlaces(QUARANTINED, RETYPED));
  if (twins.length > 0)
    await engine.execute(
      `DELETE FROM ${RETYPED} WHERE ${MISFIT_COLUMNS.place} IN (${twinPlaces(QUARANTINED, RETYPED)})`,
    );
  return twins.map(({ place }) => String(place));
}
