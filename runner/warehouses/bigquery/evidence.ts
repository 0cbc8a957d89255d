/** The evidence tables: what every run did, in the warehouse itself. Meaning of each column: docs/evidence.md. */
import { createHash } from 'node:crypto';
import { evidenceDataset } from '../../../tenants/naming.ts';
import { list, quoteName, quoteText } from '../../bigquery/sql.ts';
import { type EvidenceTable, evidenceOf, qualified, stateOf } from './names.ts';
import { labelsOption, options } from './tables.ts';

/** The tables that all sources of a tenant share. */
export type SharedTable = Exclude<EvidenceTable, '_state'>;

interface Definition {
  readonly columns: string;
  /** Column of months; the greatest tables are read by time. */
  readonly month?: string;
  readonly clusterBy: readonly string[];
}

/** What `_state` shows, as in the embedded warehouse. */
const STATE_COLUMNS =
  'source STRING, cursor_value STRING, run_id STRING, fencing_token INT64, committed_at TIMESTAMP, columns JSON';

const TABLES: Readonly<Record<SharedTable, Definition>> = {
  _runs: {
    columns: `run_id STRING, source STRING, strategy STRING, mode STRING, mode_reason STRING, window_column STRING,
      window_from STRING, window_to STRING, bound_proof STRING, rows_extracted INT64, rows_staged INT64, rows_inserted INT64,
      rows_updated INT64, rows_deleted INT64, rows_unchanged INT64, rows_quarantined INT64, values_nullified INT64,
      bytes_extracted INT64, vector_path STRING, seconds JSON, started_at TIMESTAMP, committed_at TIMESTAMP,
      fencing_token INT64, started_from TIMESTAMP, bytes_billed INT64, slot_ms INT64, cost_usd NUMERIC, undone_by STRING`,
    month: 'committed_at',
    clusterBy: ['run_id', 'source'],
  },
  _files: {
    columns: `source STRING, uri STRING, version STRING, \`rows\` INT64, run_id STRING, loaded_at TIMESTAMP, bytes INT64,
      modified_at TIMESTAMP`,
    clusterBy: ['source', 'uri'],
  },
  _quarantine: {
    columns: `source STRING, run_id STRING, column_name STRING, reason STRING, \`row\` JSON, quarantined_at TIMESTAMP,
      replayed_by STRING, place STRING`,
    month: 'quarantined_at',
    clusterBy: ['source', 'run_id'],
  },
  _schema_changes: {
    columns: `source STRING, run_id STRING, kind STRING, column_name STRING, from_type STRING, to_type STRING,
      changed_at TIMESTAMP`,
    clusterBy: ['source'],
  },
  _verified: {
    columns: `source STRING, verified_through STRING, run_id STRING, \`rows\` INT64, checksum STRING,
      verified_at TIMESTAMP`,
    clusterBy: ['source'],
  },
};

/** The tables that all sources of a tenant share; `_state` is a view, see {@link createStateView}. */
export const SHARED_TABLES = Object.keys(TABLES) as readonly SharedTable[];

/** Idempotent. */
export function createShared(
  project: string,
  tenant: string,
  table: SharedTable,
  labels: Readonly<Record<string, string>>,
): string {
  const { columns, month, clusterBy } = TABLES[table];
  const by = month === undefined ? '' : ` PARTITION BY TIMESTAMP_TRUNC(${month}, MONTH)`;
  const name = qualified(project, evidenceOf(tenant, table));
  return `CREATE TABLE IF NOT EXISTS ${name} (${columns.replace(/\s+/g, ' ')})${by} CLUSTER BY ${list(clusterBy)} ${options([labelsOption(labels)])}`;
}

/**
 * The one-row table of a source with its first row, in one step: nobody ever sees it empty. Until the first commit its run_id
 * is NULL. `strategy` is there so that the state is read without a query over `_runs`. Idempotent.
 */
export function createState(
  project: string,
  tenant: string,
  source: string,
  labels: Readonly<Record<string, string>>,
): string {
  const first = [
    `${quoteText(source)} AS source`,
    'CAST(NULL AS STRING) AS cursor_value',
    'CAST(NULL AS STRING) AS run_id',
    '-1 AS fencing_token',
    'CAST(NULL AS TIMESTAMP) AS committed_at',
    'CAST(NULL AS JSON) AS columns',
    'CAST(NULL AS STRING) AS strategy',
  ];
  const name = qualified(project, stateOf(tenant, source));
  return `CREATE TABLE IF NOT EXISTS ${name} (${STATE_COLUMNS}, strategy STRING) ${options([labelsOption(labels)])} AS SELECT ${first.join(', ')}`;
}

/**
 * The view `_state`: the states of all sources that have been loaded.
 *
 * @param tables names of the state tables, as the dataset lists them; one at least
 * @param labels beside them the view gets {@link stateViewLabel}
 */
export function createStateView(
  project: string,
  tenant: string,
  tables: readonly string[],
  labels: Readonly<Record<string, string>>,
): string {
  const columns = STATE_COLUMNS.replace(/ (?:STRING|INT64|TIMESTAMP|JSON)/g, '');
  const states = [...tables].sort().map((table) => {
    const name = qualified(project, { dataset: evidenceDataset(tenant), table });
    return `SELECT ${columns} FROM ${name} WHERE run_id IS NOT NULL`;
  });
  const all = { ...labels, ...stateViewLabel(tables) };
  const view = qualified(project, evidenceOf(tenant, '_state'));
  return `CREATE OR REPLACE VIEW ${view} ${options([labelsOption(all)])} AS ${states.join(' UNION ALL ')}`;
}

/** A label of the view that tells which tables it is over, so that the list of tables shows whether it misses one. */
export function stateViewLabel(tables: readonly string[]): Readonly<Record<string, string>> {
  const digest = createHash('sha256')
    .update([...tables].sort().join('\0'))
    .digest('hex');
  return { states: digest.slice(0, 16) };
}

/** `INSERT` of one row into a shared table; values are SQL. */
export function insertEvidence(
  project: string,
  tenant: string,
  table: SharedTable,
  values: Readonly<Record<string, string>>,
): string {
  const name = qualified(project, evidenceOf(tenant, table));
  return `INSERT INTO ${name} (${Object.keys(values).map(quoteName).join(', ')}) VALUES (${Object.values(values).join(', ')})`;
}

/** The statement that notes loaded files, from the parameter `files`. */
export function insertFiles(project: string, tenant: string): string {
  const name = qualified(project, evidenceOf(tenant, '_files'));
  const columns = ['source', 'uri', 'version', 'rows', 'run_id', 'loaded_at', 'bytes', 'modified_at'];
  const of = (key: string) => `JSON_VALUE(f, '$.${key}')`;
  const values = [
    ...['@source', of('uri'), of('version'), `CAST(${of('rows')} AS INT64)`, '@run_id', 'tributary_at'],
    ...[`CAST(${of('bytes')} AS INT64)`, `CAST(${of('modifiedAt')} AS TIMESTAMP)`],
  ];
  return `INSERT INTO ${name} (${list(columns)}) SELECT ${values.join(', ')} FROM UNNEST(JSON_QUERY_ARRAY(@files)) AS f`;
}
