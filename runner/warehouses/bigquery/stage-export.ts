/** A managed export of Firestore: one load job as BigQuery reads it, then a statement that makes the staging table of it. */
import { BigqueryFailure } from '../../bigquery/failure.ts';
import { quoteName, quoteText } from '../../bigquery/sql.ts';
import type { Exported, ExportOffer } from '../../core/contracts/offer.ts';
import type { ReadColumn, ReadSummary } from '../../core/contracts/source.ts';
import type { Staging } from '../../core/contracts/staging.ts';
import type { StagedColumn, StageSpec } from '../../core/contracts/warehouse.ts';
import { LATE } from '../../core/late.ts';
import { dropTable } from './calls.ts';
import { exportOf, qualified } from './names.ts';
import type { Session } from './session.ts';
import type { StagedRows } from './stage.ts';
import { stageStatement } from './stage-statement.ts';
import { columnType, type FieldSchema, logicalOf, stagingType } from './types.ts';

type Watch = Parameters<ExportOffer['write']>[1] & { readonly onFallback: (why: string) => void };

interface ApiTable {
  readonly schema?: { readonly fields?: readonly FieldSchema[] };
}

/** BigQuery cuts longer texts off; the documentation says 64 KB, which is this or 65,536. */
const LONGEST_TEXT = 64_000;

/** @returns null, with nothing left, where the documents have to be read to be what they are */
export async function stageExport(
  session: Session,
  staging: Staging,
  spec: StageSpec,
  offer: ExportOffer,
  { onFallback, ...watch }: Watch,
): Promise<{ readonly summary: ReadSummary; readonly staged: StagedRows } | null> {
  const unfit = unfitColumn(spec, offer.columns);
  if (unfit !== null) {
    onFallback(unfit);
    return null;
  }
  const { run } = spec;
  const exported = await offer.write(staging.folders(run), watch);
  let why: string;
  try {
    const landed = await land(session, spec, exported, watch.signal);
    why = unfitSchema(offer.columns, landed) ?? (await unfitRows(session, spec, offer.columns, landed, exported)) ?? '';
    if (why === '') {
      const sql = landedRows(session.api.project, spec, offer.columns, landed, exported);
      const { location } = session.api;
      const statement = { way: 'statement', dialect: 'bigquery', sql, parameters: {}, location } as const;
      const moved = await stageStatement(session, spec, statement, watch.signal);
      if (moved?.summary.extracted === exported.rows) {
        watch.onProgress({ rows: exported.rows, bytes: moved.summary.bytes, rejected: 0 });
        return { staged: moved.staged, summary: { ...moved.summary, late: [] } };
      }
      why = `${moved?.summary.extracted} of ${exported.rows} documents came out of it`;
    }
  } catch (error) {
    if (!(error instanceof BigqueryFailure) || error.failure.kind !== 'terminal') throw error;
    why = `BigQuery does not load it (${error.failure.message})`;
  } finally {
    // Best effort: it expires, and the next run drops it.
    await dropTable(session, exportOf(run)).catch(() => undefined);
  }
  await staging.remove(run);
  onFallback(why);
  return null;
}

/** Columns of the document's name, as the source calls them. */
const ID = 'document_id';
const PATH = '_document_path';

/**
 * What BigQuery makes of a value of Firestore that is exactly the value, by the source's name of its type; a column that
 * only earlier runs saw has the name that it has here.
 */
const EXACT: Readonly<Record<string, string>> = {
  INTEGER: 'INT64',
  FLOAT: 'FLOAT64',
  BOOLEAN: 'BOOL',
  TIMESTAMP: 'TIMESTAMP',
  STRING: 'STRING',
  BYTES: 'BYTES',
  INT64: 'INT64',
  FLOAT64: 'FLOAT64',
  BOOL: 'BOOL',
};

const NAME = /^(?!_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__|_COLIDENTIFIER|_CHANGE_)[a-z_]\w{0,299}$/i;

/** @returns why a column cannot come out of an export as it is; known before anything is exported */
function unfitColumn(spec: StageSpec, columns: readonly ReadColumn[]): string | null {
  const seen = new Set<string>();
  for (const read of columns) {
    const staged = spec.columns.find(({ vector }) => vector.name === read.name);
    if (staged === undefined || staged.cast) return `${read.source} becomes another type`;
    if (read.source === ID || read.source === PATH) continue;
    if (EXACT[read.sourceType] === undefined) return `${read.source} is ${read.sourceType}, which it changes`;
    if (stagingType(staged).kind !== EXACT[read.sourceType]) return `${read.source} becomes another type`;
    if (!NAME.test(read.source) || seen.has(read.source.toLowerCase())) return `${read.source} is no name of a column`;
    seen.add(read.source.toLowerCase());
  }
  return null;
}

/** @returns the columns that BigQuery made */
async function land(
  { api, jobs, call, labels }: Session,
  { run }: StageSpec,
  { uri }: Exported,
  signal: AbortSignal,
): Promise<readonly FieldSchema[]> {
  const { dataset, table: tableId } = exportOf(run);
  const load = {
    sourceFormat: 'DATASTORE_BACKUP',
    sourceUris: [uri],
    destinationTable: { projectId: api.project, datasetId: dataset, tableId },
    destinationTableProperties: { labels },
    createDisposition: 'CREATE_IF_NEEDED',
    writeDisposition: 'WRITE_TRUNCATE',
  };
  await jobs.run({ purpose: 'load_export', run, configuration: { load }, signal });
  const path = `/datasets/${dataset}/tables/${tableId}`;
  const { schema } = await call(() => api.request<ApiTable>({ path }));
  return schema?.fields ?? [];
}

function unfitSchema(columns: readonly ReadColumn[], landed: readonly FieldSchema[]): string | null {
  const wanted = new Map(columns.map(({ source, sourceType }) => [source, EXACT[sourceType]]));
  if (!landed.some(({ name, type }) => name === '__key__' && /^(RECORD|STRUCT)$/.test(type)))
    return 'it has no __key__';
  for (const field of landed) {
    if (field.name === '__key__') continue;
    const type = wanted.get(field.name);
    if (type === undefined) return `${field.name} is a field that no column is for`;
    const found = /^(RECORD|STRUCT)$/.test(field.type) ? 'RECORD' : logicalOf(field).kind;
    if (found !== type) return `${field.name} is ${found} in it, and ${type} here`;
  }
  return null;
}

/** The name of a document out of its key: nothing is taken that could be read in two ways. */
const K = 'l.`__key__`';
const LAST = `CONCAT('"', ${K}.kind, '", "', ${K}.name, '"')`;
const PLAIN = `REGEXP_CONTAINS(${K}.path, r'^"[^"\\\\]+"(, "[^"\\\\]+")*$') AND ENDS_WITH(${K}.path, ${LAST})`;

async function unfitRows(
  session: Session,
  { run }: StageSpec,
  columns: readonly ReadColumn[],
  landed: readonly FieldSchema[],
  exported: Exported,
): Promise<string | null> {
  const there = new Set(landed.map(({ name }) => name));
  const texts = columns.filter(({ source, sourceType }) => sourceType === 'STRING' && there.has(source));
  const long = texts.map(({ source }) => `BYTE_LENGTH(l.${quoteName(source)}) >= ${LONGEST_TEXT}`).join(' OR ');
  const foreign = `${K}.kind != ${quoteText(exported.collectionId)}`;
  const sql = [
    `SELECT COUNTIF(${K}.name IS NULL OR ${foreign} OR NOT (${PLAIN})) AS unnamed,`,
    `${long === '' ? '0' : `COUNTIF(${long})`} AS cut, COUNTIF(${mine(exported)}) AS documents`,
    `FROM ${qualified(session.api.project, exportOf(run))} AS l`,
  ].join(' ');
  const [row] = await session.query('check', run, { sql, parameters: [] });
  if (Number(row?.unnamed) > 0) return `${row?.unnamed} documents have ids that it writes in another way`;
  if (Number(row?.cut) > 0) return `${row?.cut} documents have texts that it may cut off at 64 KB`;
  if (Number(row?.documents) !== exported.rows)
    return `it has ${row?.documents} documents, and the collection had ${exported.rows}`;
  return null;
}

/** An export holds all collections of an id. */
function mine({ group }: Exported): string {
  return group ? 'TRUE' : `${K}.path = ${LAST}`;
}

function landedRows(
  project: string,
  spec: StageSpec,
  columns: readonly ReadColumn[],
  landed: readonly FieldSchema[],
  exported: Exported,
): string {
  const there = new Set(landed.map(({ name }) => name));
  const value = (source: string, staged: StagedColumn) => {
    if (source === ID) return `${K}.name`;
    if (source === PATH) return `REPLACE(SUBSTR(${K}.path, 2, LENGTH(${K}.path) - 2), '", "', '/')`;
    return there.has(source) ? `l.${quoteName(source)}` : `CAST(NULL AS ${columnType(stagingType(staged))})`;
  };
  const selected = columns.flatMap(({ name, source }) => {
    const staged = spec.columns.find(({ vector }) => vector.name === name);
    return staged === undefined ? [] : [`${value(source, staged)} AS ${quoteName(staged.column.name)}`];
  });
  if (spec.columns.some(({ column }) => column.name === LATE)) selected.push(`CAST(NULL AS STRING) AS ${LATE}`);
  return `SELECT ${selected.join(', ')} FROM ${qualified(project, exportOf(spec.run))} AS l WHERE ${mine(exported)}`;
}
