/** Quarantined rows on their way back: typed from their texts as the reader and the casts would have typed them. */
import type { Restaged, RestagePolicy, RunIdentity, StagedColumn, StageSpec } from '../../core/contracts/warehouse.ts';
import type { Engine } from './engine.ts';
import { exactCast, exactText, wanted } from './fit.ts';
import { evidence, qualified, stagingOf } from './names.ts';
import type { VectorPath } from './receive.ts';
import { quoteName, quoteText } from './sql.ts';
import type { StagedRows } from './stage.ts';
import { vectorLogical } from './types.ts';

const PLACE = '_tributary_place';
const MISFIT = '_tributary_misfit';
const NULLIFIED = '_tributary_nullified';

/** A row that stays in quarantine. */
interface Stay {
  /** Its rowid in `_quarantine`: stable, because the table only grows and this process alone has it open. */
  readonly place: number;
  readonly column: string;
  readonly reason: string;
}

/** What a commit needs to know of a replay. */
export interface Replay {
  readonly stays: readonly Stay[];
  /** Staged rows that another run had quarantined too, and that are not staged twice. */
  readonly twins: number;
}

export type ReplayedRows = StagedRows & Restaged & { readonly replay: Replay };

const pending = (source: string) => `source = ${quoteText(source)} AND replayed_by IS NULL`;

export async function restageRows(
  engine: Engine,
  spec: StageSpec,
  policy: RestagePolicy,
  vectorPath: VectorPath,
): Promise<ReplayedRows> {
  const table = qualified(stagingOf(spec.run, spec.target));
  const quarantine = evidence(spec.run.tenant, '_quarantine');
  await engine.execute(`DROP TABLE IF EXISTS ${table}`);
  await engine.execute(`CREATE TABLE ${table} AS ${typedRows(spec, policy, quarantine)}`);
  const stays = await takeMisfits(engine, spec, policy, table);
  const twins = await dropTwins(engine, spec, table);
  const [found] = await engine.query(
    `SELECT count(*) AS rows, coalesce(sum(${NULLIFIED}), 0)::BIGINT AS nullified FROM ${table}`,
  );
  for (const column of [PLACE, MISFIT, NULLIFIED]) await engine.execute(`ALTER TABLE ${table} DROP COLUMN ${column}`);
  return {
    rows: Number(found?.rows) + twins,
    rejected: 0,
    uncastable: stays.length,
    frequentReason: stays[0]?.reason ?? null,
    vectorPath,
    rejects: [],
    nullified: Number(found?.nullified),
    replay: { stays, twins },
  };
}

/** Rows that still do not fit get their new reason; the others are replayed by this run. Inside the commit's transaction. */
export async function settleQuarantine(engine: Engine, run: RunIdentity, { stays }: Replay): Promise<void> {
  const quarantine = evidence(run.tenant, '_quarantine');
  await engine.execute(`UPDATE ${quarantine} SET replayed_by = $1 WHERE ${pending(run.source)}`, [run.runId]);
  for (const { place, column, reason } of stays)
    await engine.execute(
      `UPDATE ${quarantine} SET replayed_by = NULL, column_name = $1, reason = $2 WHERE rowid = $3::BIGINT`,
      [column, reason, place],
    );
}

async function takeMisfits(
  engine: Engine,
  { run, columns }: StageSpec,
  { masked }: RestagePolicy,
  table: string,
): Promise<Stay[]> {
  const types = new Map(columns.map(({ column }) => [column.name, wanted(column.type)]));
  const found = await engine.query(
    `SELECT s.${PLACE} AS place, s.${MISFIT} AS misfit, split_part(q.reason, ':', 1) AS code
     FROM ${table} AS s JOIN ${evidence(run.tenant, '_quarantine')} AS q ON q.rowid = s.${PLACE} WHERE s.${MISFIT} IS NOT NULL`,
  );
  await engine.execute(`DELETE FROM ${table} WHERE ${MISFIT} IS NOT NULL`);
  return found.map(({ place, misfit, code }) => {
    const column = String(misfit);
    const why = column in masked ? 'was quarantined before its mask' : `does not fit ${types.get(column)}`;
    return { place: Number(place), column, reason: `${code}: ${column}: ${why}` };
  });
}

/** The same row of two runs is one row that was read twice; two such rows of one run are two. */
async function dropTwins(engine: Engine, { run }: StageSpec, table: string): Promise<number> {
  const counted = `SELECT rowid AS place, "row"::VARCHAR AS said,
      row_number() OVER (PARTITION BY run_id, "row"::VARCHAR ORDER BY rowid) AS nth
    FROM ${evidence(run.tenant, '_quarantine')} WHERE ${pending(run.source)}`;
  const twins = `SELECT place FROM (${counted}) QUALIFY row_number() OVER (PARTITION BY said, nth ORDER BY place DESC) > 1`;
  return (await engine.execute(`DELETE FROM ${table} WHERE ${PLACE} IN (${twins})`)).changed;
}

// ── Texts → columns ─────────────────────────────────────────────────────────

function typedRows({ run, columns }: StageSpec, { nullify, masked }: RestagePolicy, quarantine: string): string {
  const packed = (render: (column: StagedColumn) => string) =>
    `struct_pack(${columns.map((staged) => `${quoteName(staged.vector.name)} := ${render(staged)}`).join(', ')})`;
  const texts = packed(({ vector }) => `("row" ->> ${quoteText(vector.name)})`);
  const cases = columns.map((staged) => `WHEN ${misfits(staged, nullify)} THEN ${quoteText(staged.column.name)}`);
  const nulls = columns
    .filter((staged) => isNullified(staged, nullify))
    .map((staged) => `(${unreadable(staged)})::INT`);
  const selected = [
    ...columns.map((staged) => `${cast(staged)} AS ${quoteName(staged.column.name)}`),
    `${quoteText(run.runId)} AS _run_id`,
    `TIMESTAMPTZ ${quoteText(run.startedAt)} AS _extracted_at`,
    `place AS ${PLACE}`,
    `CASE ${cases.join(' ')} END AS ${MISFIT}`,
    `${['0', ...nulls].join(' + ')} AS ${NULLIFIED}`,
  ];
  return `WITH texts AS (
      SELECT rowid AS place, starts_with(reason, 'VALUE_OUT_OF_RANGE') AS wire, ${texts} AS said
      FROM ${quarantine} WHERE ${pending(run.source)}),
    parsed AS (SELECT *, ${packed((staged) => parse(staged, masked[staged.column.name]))} AS meant FROM texts)
    SELECT ${selected.join(', ')} FROM parsed ORDER BY place`;
}

const said = ({ vector }: StagedColumn) => `said.${quoteName(vector.name)}`;
const meant = ({ vector }: StagedColumn) => `meant.${quoteName(vector.name)}`;

/** The value as the source's type has it; NULL where that type cannot hold it, or where it is not masked and should be. */
function parse(staged: StagedColumn, mask: string | undefined): string {
  const { vector } = staged;
  const text = said(staged);
  if (mask !== undefined) return `CASE WHEN regexp_full_match(${text}, ${quoteText(mask)}) THEN ${text} END`;
  if (vector.kind !== 'bytes') return exactText(text, vectorLogical(vector));
  return `CASE WHEN wire AND regexp_full_match(${text}, '\\\\x([0-9a-f]{2})*') THEN unhex(substr(${text}, 3)) ELSE TRY_CAST(${text} AS BLOB) END`;
}

function cast(staged: StagedColumn): string {
  return staged.cast ? exactCast(meant(staged), staged.vector, staged.column.type) : meant(staged);
}

function unreadable(staged: StagedColumn): string {
  return `${said(staged)} IS NOT NULL AND ${meant(staged)} IS NULL`;
}

function isNullified({ column }: StagedColumn, nullify: readonly string[]): boolean {
  return nullify.includes(column.name);
}

function misfits(staged: StagedColumn, nullify: readonly string[]): string {
  const bad = isNullified(staged, nullify) ? [] : [`(${unreadable(staged)})`];
  if (staged.cast) bad.push(`(${meant(staged)} IS NOT NULL AND ${cast(staged)} IS NULL)`);
  return bad.length === 0 ? 'false' : bad.join(' OR ');
}
