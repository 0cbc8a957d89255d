/** The evidence tables: what every run did, in the warehouse itself. Meaning of each column: docs/evidence.md. */
import { evidenceDataset } from '../../../tenants/naming.ts';
import { DATABASE } from '../../columnar/protocol.ts';
import { quoteName } from '../../columnar/sql.ts';
import { evidence } from './names.ts';

const TABLES: Readonly<Record<string, string>> = {
  _state: `source VARCHAR, cursor_value VARCHAR, run_id VARCHAR, fencing_token BIGINT, committed_at TIMESTAMPTZ, columns JSON`,
  _runs: `run_id VARCHAR, source VARCHAR, strategy VARCHAR, mode VARCHAR, mode_reason VARCHAR, window_column VARCHAR,
    window_from VARCHAR, window_to VARCHAR, bound_proof VARCHAR, rows_extracted BIGINT, rows_staged BIGINT, rows_inserted BIGINT,
    rows_updated BIGINT, rows_deleted BIGINT, rows_unchanged BIGINT, rows_quarantined BIGINT, values_nullified BIGINT,
    bytes_extracted BIGINT, vector_path VARCHAR, seconds JSON, started_at TIMESTAMPTZ, committed_at TIMESTAMPTZ`,
  _files: `source VARCHAR, uri VARCHAR, version VARCHAR, rows BIGINT, run_id VARCHAR, loaded_at TIMESTAMPTZ, bytes BIGINT, modified_at TIMESTAMPTZ`,
  _quarantine: `source VARCHAR, run_id VARCHAR, column_name VARCHAR, reason VARCHAR, row JSON, quarantined_at TIMESTAMPTZ, replayed_by VARCHAR`,
  _schema_changes: `source VARCHAR, run_id VARCHAR, kind VARCHAR, column_name VARCHAR, from_type VARCHAR, to_type VARCHAR, changed_at TIMESTAMPTZ`,
  _verified: `source VARCHAR, verified_through VARCHAR, run_id VARCHAR, rows BIGINT, checksum VARCHAR, verified_at TIMESTAMPTZ`,
};

/** Creates the tenant's schemas and evidence tables where they are missing. */
export function createEvidence(tenant: string, dataset: string): string {
  const schemas = [dataset, evidenceDataset(tenant)].map(
    (name) => `CREATE SCHEMA IF NOT EXISTS ${DATABASE}.${quoteName(name)}`,
  );
  const tables = Object.entries(TABLES).map(
    ([table, columns]) => `CREATE TABLE IF NOT EXISTS ${evidence(tenant, table)} (${columns})`,
  );
  // Columns that files of an earlier version have not.
  const later = ['bytes BIGINT', 'modified_at TIMESTAMPTZ'].map(
    (column) => `ALTER TABLE ${evidence(tenant, '_files')} ADD COLUMN IF NOT EXISTS ${column}`,
  );
  return [...schemas, ...tables, ...later].join(';\n');
}
