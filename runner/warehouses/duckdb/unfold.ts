/** Late fields of staged rows become columns of the staging table. */
import type { Engine } from '../../columnar/engine.ts';
import { exactText } from '../../columnar/fit.ts';
import { quoteName, quoteText } from '../../columnar/sql.ts';
import { sqlType } from '../../columnar/types.ts';
import { misfitReason } from '../../columnar/typing.ts';
import type { StagedColumn, StageSpec } from '../../core/contracts/warehouse.ts';
import { LATE, lateKey } from '../../core/late.ts';
import type { RejectedRow } from '../../core/vectors.ts';
import { qualified, stagingOf } from './names.ts';
import { mostFrequent, type StagedRows } from './stage.ts';

export async function unfoldRows(
  engine: Engine,
  spec: StageSpec,
  late: readonly StagedColumn[],
  staged: StagedRows,
): Promise<StagedRows> {
  const table = qualified(stagingOf(spec.run, spec.target));
  const misfits = late.length === 0 ? [] : await fill(engine, table, spec, late);
  await engine.execute(`ALTER TABLE ${table} DROP COLUMN ${LATE}`);
  const rejects = [...staged.rejects, ...misfits];
  return {
    ...staged,
    rows: staged.rows - misfits.length,
    uncastable: staged.uncastable + misfits.length,
    frequentReason: mostFrequent(rejects),
    rejects,
  };
}

async function fill(
  engine: Engine,
  table: string,
  spec: StageSpec,
  late: readonly StagedColumn[],
): Promise<readonly RejectedRow[]> {
  for (const { column } of late)
    await engine.execute(`ALTER TABLE ${table} ADD COLUMN ${quoteName(column.name)} ${sqlType(column.type)}`);
  const values = late.map((staged) => `${quoteName(staged.column.name)} = ${value(staged)}`);
  await engine.execute(`UPDATE ${table} SET ${values.join(', ')} WHERE ${LATE} IS NOT NULL`);
  const lost = late.map((staged) => `(${said(staged)} IS NOT NULL AND ${quoteName(staged.column.name)} IS NULL)`);
  const cases = late.map(({ column }, i) => `WHEN ${lost[i]} THEN ${quoteText(column.name)}`);
  const broken = `${LATE} IS NOT NULL AND (${lost.join(' OR ')})`;
  const rows = await engine.query(
    `SELECT CASE ${cases.join(' ')} END AS misfit, ${original(spec, late)} AS original FROM ${table} WHERE ${broken}`,
  );
  if (rows.length > 0) await engine.execute(`DELETE FROM ${table} WHERE ${broken}`);
  const reasons = new Map(late.map(({ column }) => [column.name, misfitReason(column)]));
  return rows.map(({ misfit, original }) => {
    const column = String(misfit);
    return { column, reason: reasons.get(column) ?? '', row: String(original) };
  });
}

/** The field as text; NULL where the row has none. */
function said({ late = '' }: StagedColumn): string {
  return `(${LATE} ->> ${quoteText(lateKey(late))})`;
}

function value(staged: StagedColumn): string {
  const { late = '', column } = staged;
  if (column.type.kind === 'JSON') return `(${LATE} -> ${quoteText(lateKey(late))})`;
  if (column.type.kind === 'BYTES') return `TRY(from_base64(${said(staged)}))`;
  return exactText(said(staged), column.type);
}

/** The whole row as a JSON object of texts. */
function original({ columns }: StageSpec, late: readonly StagedColumn[]): string {
  const known = columns.filter(({ column }) => column.name !== LATE);
  const texts = [
    ...known.map(({ vector, column }) => `${quoteName(vector.name)} := ${quoteName(column.name)}::VARCHAR`),
    ...late.map((staged) => `${quoteName(staged.column.name)} := ${said(staged)}`),
  ];
  return `to_json(struct_pack(${texts.join(', ')}))::VARCHAR`;
}
