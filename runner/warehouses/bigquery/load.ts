/** From staged objects into a staging table: one job, whatever the number of parts. */

import { isDuplicate } from '../../bigquery/failure.ts';
import { type Manifest, MISFIT_COLUMNS, type PartFormat } from '../../core/contracts/staging.ts';
import type { RunIdentity, StagedColumn, TableRef } from '../../core/contracts/warehouse.ts';
import { TributaryError } from '../../core/errors.ts';
import type { Session } from './session.ts';
import { stagingFields } from './types.ts';

const FORMATS: Readonly<Record<PartFormat, object>> = {
  parquet: { sourceFormat: 'PARQUET', parquetOptions: { enableListInference: true } },
  ndjson: { sourceFormat: 'NEWLINE_DELIMITED_JSON' },
};

/** Rows wider than this are no longer a matter of columns: row groups of them outgrow the memory. */
const WIDE_ROW_BYTES = 64 << 10;

export function formatOf(rowBytes: number): PartFormat {
  return rowBytes > WIDE_ROW_BYTES ? 'ndjson' : 'parquet';
}

export interface LoadSpec {
  readonly run: RunIdentity;
  /** The staging table: there, and empty. */
  readonly table: TableRef;
  readonly columns: readonly StagedColumn[];
  readonly manifest: Manifest;
  readonly name: 'rows' | 'keys';
  /** The rows come from quarantine: their parts have their places too. */
  readonly replay: boolean;
}

/**
 * Loads all parts, or none: a job whose table is not empty any more finds that it was done.
 *
 * @throws COUNT_MISMATCH where the table has other rows than the parts
 */
export async function loadParts(session: Session, spec: LoadSpec, signal?: AbortSignal): Promise<void> {
  const { run, manifest, name } = spec;
  if (manifest.parts.length === 0) return checkRows(manifest, 0);
  const configuration = { load: loadConfiguration(session.api.project, spec) };
  const request = { purpose: `load_${name}`, run, configuration, ...(signal === undefined ? {} : { signal }) };
  try {
    const { statistics } = await session.jobs.run(request);
    checkRows(manifest, Number(statistics.load?.outputRows ?? Number.NaN));
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    checkRows(manifest, await rowsOf(session, spec.table));
  }
}

export function loadConfiguration(project: string, { table, columns, manifest, replay }: LoadSpec): object {
  const fields = stagingFields(columns).filter(({ name }) => replay || name !== MISFIT_COLUMNS.place);
  return {
    ...FORMATS[manifest.format],
    sourceUris: manifest.parts.map(({ uri }) => uri),
    destinationTable: { projectId: project, datasetId: table.dataset, tableId: table.table },
    schema: { fields },
    createDisposition: 'CREATE_NEVER',
    writeDisposition: 'WRITE_EMPTY',
  };
}

/** Rows of a table, by its metadata. */
export async function rowsOf({ api, call }: Session, { dataset, table }: TableRef): Promise<number> {
  const path = `/datasets/${dataset}/tables/${table}`;
  const { numRows } = await call(() => api.request<{ numRows?: string }>({ path }));
  return Number(numRows ?? Number.NaN);
}

function checkRows({ rows }: Manifest, loaded: number): void {
  if (loaded === rows) return;
  throw new TributaryError('COUNT_MISMATCH', { extracted: rows, staged: String(loaded), rejected: 0 });
}
