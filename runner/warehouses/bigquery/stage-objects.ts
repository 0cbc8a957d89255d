/** Parquet objects as they are: one load job over copies in the bucket, then a statement that makes the staging table of it. */
import { BigqueryFailure, isDuplicate } from '../../bigquery/failure.ts';
import { quoteName, quoteText } from '../../bigquery/sql.ts';
import type { FilesOffer, LoadedFile } from '../../core/contracts/offer.ts';
import type { ReadColumn, ReadSummary } from '../../core/contracts/source.ts';
import { type CopiedFile, FILE_KEY, type ParquetShape, type Staging } from '../../core/contracts/staging.ts';
import type { StagedColumn, StageSpec } from '../../core/contracts/warehouse.ts';
import { LATE } from '../../core/late.ts';
import type { VectorColumn, VectorKind } from '../../core/vectors.ts';
import { dropTable } from './calls.ts';
import { rowsOf } from './load.ts';
import { landingOf, qualified } from './names.ts';
import type { Session } from './session.ts';
import { makeAnew, type StagedRows } from './stage.ts';
import { stageStatement } from './stage-statement.ts';
import { createExpiring } from './tables.ts';
import { columnType, type FieldSchema, heldAs, stagingType } from './types.ts';

/** Past it the statement, which names every file, grows too long. */
const MOST_FILES = 1000;

/** @returns null, with nothing left, where the rows have to be read here to be what they are */
export async function stageObjects(
  session: Session,
  staging: Staging,
  spec: StageSpec,
  offer: FilesOffer,
  signal: AbortSignal,
): Promise<{ readonly summary: ReadSummary; readonly staged: StagedRows } | null> {
  const columns = asTheyAre(spec, offer);
  if (columns === null) return null;
  const shapes = await staging.shapes(offer.files, signal);
  const fields = shapes === null ? null : fieldsOf(columns, shapes);
  if (shapes === null || fields === null) return null;
  const { run } = spec;
  const { project, location } = session.api;
  try {
    const copied = await staging.copy(run, offer.files, signal);
    const rows = shapes.reduce((sum, shape) => sum + shape.rows, 0);
    if ((await land(session, spec, fields, copied, signal)) === rows) {
      const sql = landedRows(project, spec, offer, columns, fields);
      const statement = { way: 'statement', dialect: 'bigquery', sql, parameters: {}, location } as const;
      const moved = await stageStatement(session, spec, statement, signal);
      if (moved?.summary.extracted === rows) return { staged: moved.staged, summary: summaryOf(offer, shapes) };
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
  } finally {
    // Best effort: it expires, and the next run drops it.
    await dropTable(session, landingOf(run)).catch(() => undefined);
  }
  await staging.remove(run);
  return null;
}

/** A column of the stage that rows have of their file's path, or that lies in the file. */
interface Taken {
  readonly read: ReadColumn;
  readonly staged: StagedColumn;
  readonly constant: boolean;
}

/** @returns null where something is asked for that only a reader does: masks, casts, other formats */
function asTheyAre(spec: StageSpec, { spec: files, columns, files: objects }: FilesOffer): readonly Taken[] | null {
  const [first] = objects;
  if (files.format !== 'parquet' || spec.keysOnly === true || first === undefined) return null;
  if (objects.length > MOST_FILES || objects.some(({ compression }) => compression !== 'none')) return null;
  const taken = columns.flatMap((read): Taken[] => {
    const staged = spec.columns.find(({ vector }) => vector.name === read.name);
    const constant = read.source in first.constants;
    if (staged === undefined || staged.cast || read.mask !== undefined) return [];
    if (objects.some(({ constants }) => read.source in constants !== constant)) return [];
    const exact = FIELD_KINDS[staged.vector.kind];
    if (exact === undefined || (constant && !CONSTANT_KINDS.has(staged.vector.kind))) return [];
    return stagingType(staged).kind === fieldKind(staged.vector) ? [{ read, staged, constant }] : [];
  });
  const carried = spec.columns.filter(({ column }) => column.name === LATE).length;
  return taken.length === columns.length && taken.length + carried === spec.columns.length ? taken : null;
}

const FIELD_KINDS: Readonly<Partial<Record<VectorKind, string>>> = {
  int64: 'INT64',
  float64: 'FLOAT64',
  bool: 'BOOL',
  text: 'STRING',
  bytes: 'BYTES',
  date: 'DATE',
  datetime: 'DATETIME',
  timestamp: 'TIMESTAMP',
  decimal: 'NUMERIC',
};
const CONSTANT_KINDS: ReadonlySet<VectorKind> = new Set(['text', 'timestamp']);

function fieldKind({ kind, precision = 38, scale = 9 }: VectorColumn): string | undefined {
  return kind === 'decimal' ? heldAs({ kind: 'NUMERIC', precision, scale }).kind : FIELD_KINDS[kind];
}

/** What BigQuery takes as the name of a column, without the prefixes that it keeps for itself. */
const NAME = /^(?!_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER|_CHANGE_)[a-z_]\w{0,299}$/i;

/**
 * The columns of the files, in all of them the same. A column that nobody wants must not come into the warehouse, so
 * there is none.
 */
function fieldsOf(columns: readonly Taken[], shapes: readonly ParquetShape[]): readonly FieldSchema[] | null {
  const [first, ...others] = shapes.map((shape) => shape.columns);
  if (first === undefined || others.some((other) => JSON.stringify(other) !== JSON.stringify(first))) return null;
  const own = new Map(
    columns.flatMap(({ read, staged, constant }) => (constant ? [] : [[read.source, staged.vector]])),
  );
  const fits = (column: VectorColumn) => {
    const vector = own.get(column.name);
    const same = vector?.kind === column.kind && vector.precision === column.precision && vector.scale === column.scale;
    return same && NAME.test(column.name) && column.name.toLowerCase() !== FILE_KEY;
  };
  if (!first.every(fits) || new Set(first.map(({ name }) => name.toLowerCase())).size !== first.length) return null;
  return first.map((column) => ({ name: column.name, type: fieldKind(column) as string, mode: 'NULLABLE' }));
}

/** @returns the rows that were loaded */
async function land(
  session: Session,
  { run }: StageSpec,
  fields: readonly FieldSchema[],
  copied: readonly CopiedFile[],
  signal: AbortSignal,
): Promise<number> {
  const { project } = session.api;
  const table = landingOf(run);
  const all = [...fields, { name: FILE_KEY, type: 'INT64' }];
  await makeAnew(session, run, table, createExpiring(project, table, all, session.labels));
  const uris = copied.map(({ uri }) => uri);
  const prefix = uris[0]?.slice(0, uris[0].indexOf(`${FILE_KEY}=`)) ?? '';
  const load = {
    sourceFormat: 'PARQUET',
    sourceUris: uris,
    hivePartitioningOptions: { mode: 'CUSTOM', sourceUriPrefix: `${prefix}{${FILE_KEY}:INTEGER}` },
    destinationTable: { projectId: project, datasetId: table.dataset, tableId: table.table },
    schema: { fields },
    createDisposition: 'CREATE_NEVER',
    writeDisposition: 'WRITE_EMPTY',
  };
  try {
    const { statistics } = await session.jobs.run({ purpose: 'load_files', run, configuration: { load }, signal });
    return Number(statistics.load?.outputRows ?? Number.NaN);
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    return rowsOf(session, table);
  }
}

/** The columns of the read by their names; those of a file's path come beside its number. */
function landedRows(
  project: string,
  spec: StageSpec,
  { files }: FilesOffer,
  columns: readonly Taken[],
  fields: readonly FieldSchema[],
): string {
  const there = new Set(fields.map(({ name }) => name));
  const value = ({ read, staged, constant }: Taken, i: number) => {
    if (constant) return `f.c${i}`;
    return there.has(read.source) ? `l.${quoteName(read.source)}` : `CAST(NULL AS ${columnType(stagingType(staged))})`;
  };
  const selected = columns.map((taken, i) => `${value(taken, i)} AS ${quoteName(taken.staged.column.name)}`);
  if (spec.columns.some(({ column }) => column.name === LATE)) selected.push(`CAST(NULL AS STRING) AS ${LATE}`);
  const rows = files.map(({ constants }, file) => {
    const values = columns.flatMap(({ read, staged, constant }, i) => {
      const text = quoteText(constants[read.source] ?? '');
      return constant ? [`${staged.vector.kind === 'timestamp' ? `TIMESTAMP ${text}` : text} AS c${i}`] : [];
    });
    return `STRUCT(${[`${file} AS n`, ...values].join(', ')})`;
  });
  const landing = qualified(project, landingOf(spec.run));
  return `SELECT ${selected.join(', ')} FROM ${landing} AS l JOIN UNNEST([${rows.join(', ')}]) AS f ON f.n = l.${FILE_KEY}`;
}

function summaryOf({ files }: FilesOffer, shapes: readonly ParquetShape[]): ReadSummary {
  const loaded = files.map(({ uri, version, bytes, modifiedAt }, i) => {
    return { uri, version, bytes, modifiedAt, rows: shapes[i]?.rows ?? 0 };
  });
  const sum = (of: (file: LoadedFile) => number) => loaded.reduce((total, file) => total + of(file), 0);
  const [extracted, bytes] = [sum(({ rows }) => rows), sum(({ bytes }) => bytes)];
  return { extracted, rejected: 0, nullified: 0, bytes, late: [], files: loaded };
}

/** BigQuery does not take the objects as they are; what else is wrong the other way will tell. */
function isRefusal(error: unknown): boolean {
  return error instanceof BigqueryFailure && error.failure.kind === 'terminal';
}
