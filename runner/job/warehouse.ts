/** The warehouse that `--warehouse` or TRIBUTARY_WAREHOUSE names; what it needs is loaded when it is opened. */
import { resolve } from 'node:path';
import { evidenceDataset, labels, stagingBucket } from '../../tenants/naming.ts';
import type { TenantSpec } from '../../tenants/schema/index.ts';
import type { Warehouse } from '../core/contracts/warehouse.ts';
import { TributaryError } from '../core/errors.ts';

/** Who is told what happens beside a run. */
export interface Told {
  /** The warehouse is held by another process. */
  readonly onWait: (holder: string) => void;
  /** Something a person should know although all went well. */
  readonly onWarning: (text: string) => void;
}

/** For commands without a display. */
export const ON_STDERR: Told = {
  onWait: (holder) => process.stderr.write(`waiting: ${holder}\n`),
  onWarning: (text) => process.stderr.write(`! ${text}\n`),
};

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws USAGE, WAREHOUSE_PROJECT_MISSING */
export async function openWarehouse(
  { warehouse }: { readonly warehouse: string },
  tenant: TenantSpec,
  told: Told,
): Promise<Warehouse> {
  const [kind, ...rest] = warehouse.split(':');
  const place = rest.join(':');
  if (kind === 'duckdb' && place !== '') return openFile(place, told);
  if (kind === 'bigquery') return openProject(tenant, projectOf(place, tenant), told);
  throw new TributaryError('USAGE', {
    reason: `--warehouse ${warehouse} names no warehouse of this version.`,
    advice: 'Write --warehouse duckdb:<file>, bigquery or bigquery:<project>',
  });
}

async function openFile(file: string, { onWait }: Told): Promise<Warehouse> {
  const { openDuckdb } = await import('../warehouses/duckdb/warehouse.ts');
  return openDuckdb({ file: resolve(file), onWait, ...engineOptions() });
}

/** How the engine that types rows is told to work; both warehouses have one. */
export function engineOptions(): { readonly memory?: string; readonly vectorPath: 'safe' | 'auto' } {
  const memory = process.env.TRIBUTARY_MEMORY;
  const vectorPath = process.env.TRIBUTARY_VECTOR_PATH === 'safe' ? 'safe' : 'auto';
  return { vectorPath, ...(memory === undefined ? {} : { memory }) };
}

async function openProject(spec: TenantSpec, project: string, { onWarning }: Told): Promise<Warehouse> {
  const { tenant, location, costCenter } = spec;
  const [{ openBigquery }, { openGcsStaging }] = await Promise.all([
    import('../warehouses/bigquery/warehouse.ts'),
    import('../staging/gcs.ts'),
  ]);
  const bucket = process.env.TRIBUTARY_STAGING_BUCKET || stagingBucket(project, tenant);
  const staging = await openGcsStaging({ bucket, tenant, ...engineOptions() });
  const all = labels({ tenant, env: environment(), costCenter });
  return openBigquery({ project, location, tenant, labels: all, staging, onWarning });
}

/**
 * The project of the tenant's data.
 *
 * @param named after `bigquery:`; empty where nothing is.
 * @throws WAREHOUSE_PROJECT_MISSING
 */
export function projectOf(
  named: string,
  { tenant, project }: { readonly tenant: string; readonly project?: string | undefined },
  env: Environment = process.env,
): string {
  const found = named || project || env.TRIBUTARY_PROJECT || env.GOOGLE_CLOUD_PROJECT;
  if (!found) throw new TributaryError('WAREHOUSE_PROJECT_MISSING', { tenant });
  return found;
}

/** Environment of the stack that the runner belongs to; `dev` on a laptop. */
export function environment(env: Environment = process.env): string {
  return env.TRIBUTARY_ENV || 'dev';
}

/** An evidence table as the warehouse's SQL names it. */
export function evidenceTable({ kind }: Warehouse, tenant: string, table: string): string {
  const dataset = evidenceDataset(tenant);
  return kind === 'bigquery' ? `\`${dataset}.${table}\`` : `warehouse."${dataset}"."${table}"`;
}
