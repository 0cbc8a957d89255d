/** BigQuery and Cloud Storage on this machine, and warehouses in them. */
import { randomBytes } from 'node:crypto';
import type { Warehouse } from '../../runner/core/contracts/warehouse.ts';
import { openGcsStaging } from '../../runner/staging/gcs.ts';
import { type BigqueryOptions, openBigquery } from '../../runner/warehouses/bigquery/warehouse.ts';
import { stagingDataset } from '../../tenants/naming.ts';
import { type BigqueryServer, startBigquery } from '../servers/bigquery.ts';
import { type StorageServer, startStorage } from '../servers/storage.ts';
import { type Dialect, TARGET, TENANT } from './warehouse-bench.ts';

export interface Cloud extends AsyncDisposable {
  readonly bigquery: BigqueryServer;
  readonly storage: StorageServer;
  /** A warehouse in a project of its own where none is named. */
  open(options?: Partial<BigqueryOptions>): Promise<Warehouse>;
}

/** What the shared suite has to know of BigQuery's SQL. */
export const bigqueryDialect: Dialect = {
  table: ({ dataset, table }) => `\`${dataset}\`.\`${table}\``,
  name: (name) => `\`${name}\``,
  tables: [TARGET.dataset, stagingDataset(TENANT)]
    .map((dataset) => `SELECT table_name AS name FROM \`${dataset}\`.INFORMATION_SCHEMA.TABLES`)
    .join(' UNION ALL '),
  decimal: (text) => text.replace(/\.?0+$/, ''),
  json: (text) => JSON.stringify(JSON.parse(text)),
};

const BUCKET = 'suite-staging';

/** Starts both servers. */
export async function startCloud(): Promise<Cloud> {
  const storage = await startStorage();
  const bigquery = await startBigquery({ storage: storage.host });
  await fetch(`${storage.host}/storage/v1/b?project=p`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: BUCKET }),
  });
  return {
    bigquery,
    storage,
    async open(options = {}) {
      const project = options.project ?? `p-${randomBytes(6).toString('hex')}`;
      const staging =
        options.staging ?? (await openGcsStaging({ bucket: BUCKET, tenant: TENANT, endpoint: storage.host }));
      const labels = { tenant: TENANT, env: 'test', cost_center: 'tests', managed_by: 'tributary' };
      const fixed = { project, staging, labels, tenant: TENANT, location: 'US', endpoint: bigquery.host };
      return openBigquery({ ...fixed, ...options });
    },
    async [Symbol.asyncDispose]() {
      await bigquery.stop();
      await storage.stop();
    },
  };
}
