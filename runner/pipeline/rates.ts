/** How fast a read goes and what it costs where: figures of the source's own runs, defaults until there are any. */
import { evidenceDataset } from '../../tenants/naming.ts';
import type { ConnectionKind } from '../../tenants/schema/index.ts';
import type { Warehouse } from '../core/contracts/warehouse.ts';

/** Rows per second that the source's own runs had, with all machines that took part; absent: it had none there. */
export type MeasuredRates = Readonly<Partial<Record<'cloud_run' | 'dataflow', number>>>;

/**
 * One reader of one machine: rows that are narrow, bytes where they are wide. Measured by docs/benchmarks.md into
 * staging on two cores that the server shares; Firestore through its emulator. Files of S3 and Azure are copied or
 * transcoded, and the network is the limit.
 */
export const READER_RATES: Readonly<Record<ConnectionKind, { readonly rows: number; readonly bytes: number }>> = {
  postgres: { rows: 400_000, bytes: 100e6 },
  mysql: { rows: 500_000, bytes: 100e6 },
  firestore: { rows: 12_000, bytes: 20e6 },
  s3: { rows: 600_000, bytes: 100e6 },
  'azure-blob': { rows: 600_000, bytes: 100e6 },
  gcs: { rows: 1_000_000, bytes: 150e6 },
  bigquery: { rows: 1_000_000, bytes: 150e6 },
};

/** Share of a further machine or reader that arrives, the source not being the limit. Default, not measured here. */
export const SCALING = 0.85;

/** Seconds until the first row is read. Defaults, not measured here: a launcher's machine, then the workers'; a task's container. */
export const START_SECONDS = { process: 0, tasks: 30, dataflow: 270 } as const;

/** The machine of a Dataflow worker, e2-standard-2 with the disk it gets by default. It reads one split at a time. */
const MACHINE = { cores: 2, memoryGb: 8, diskGb: 250 } as const;

/** US dollars by the list prices of us-central1: cloud.google.com/run/pricing (jobs), cloud.google.com/dataflow/pricing (batch). */
export const PRICES = {
  cloudRunCoreSecond: 0.000018,
  cloudRunGbSecond: 0.000002,
  dataflowCoreHour: 0.056,
  dataflowMemoryGbHour: 0.003557,
  dataflowDiskGbHour: 0.000054,
} as const;

/** The container of a tenant's job, as components/sizing.ts makes it; a test compares them. */
export const CONTAINER = { cores: 4, memoryGb: 8 } as const;

/** One container of the job for one second. */
export const CONTAINER_SECOND_USD =
  CONTAINER.cores * PRICES.cloudRunCoreSecond + CONTAINER.memoryGb * PRICES.cloudRunGbSecond;

/** One worker of Dataflow for one second. */
export const WORKER_SECOND_USD =
  (MACHINE.cores * PRICES.dataflowCoreHour +
    MACHINE.memoryGb * PRICES.dataflowMemoryGbHour +
    MACHINE.diskGb * PRICES.dataflowDiskGbHour) /
  3600;

/** So many runs of a mode are looked at, of the last months, and only those that read enough to measure by. */
const RUNS = 5;
const LEAST_ROWS = 10_000;
const LOOKED_AT = 100;
const MONTHS_MS = 90 * 86_400_000;

type Row = Readonly<Record<string, unknown>>;

/**
 * Rows per second of the source's last runs, the median of five for each mode. A warehouse that does not answer has none:
 * what decides is then the threshold, and no run fails for it.
 */
export async function measuredRates(warehouse: Warehouse, tenant: string, source: string): Promise<MeasuredRates> {
  const since = new Date(Date.now() - MONTHS_MS).toISOString().slice(0, 10);
  const sql = `SELECT mode, rows_extracted, seconds FROM ${evidenceDataset(tenant)}._runs
    WHERE source = ? AND rows_extracted >= ${LEAST_ROWS} AND committed_at >= TIMESTAMP '${since} 00:00:00'
    ORDER BY committed_at DESC LIMIT ${LOOKED_AT}`;
  const rows = await warehouse.query(sql, [source]).catch(() => []);
  const alone = rateOf(rows, 'cloud_run', START_SECONDS.process);
  const dataflow = rateOf(rows, 'dataflow', START_SECONDS.dataflow);
  return { ...(alone === null ? {} : { cloud_run: alone }), ...(dataflow === null ? {} : { dataflow }) };
}

/** Of the newest runs of a mode, without the time until the first row. */
function rateOf(rows: readonly Row[], mode: string, start: number): number | null {
  const rates = rows
    .filter((row) => row.mode === mode)
    .slice(0, RUNS)
    .map((row) => Number(row.rows_extracted) / Math.max(extractSeconds(row) - start, 1))
    .filter((rate) => Number.isFinite(rate) && rate > 0)
    .toSorted((a, b) => a - b);
  return rates[Math.floor(rates.length / 2)] ?? null;
}

function extractSeconds({ seconds }: Row): number {
  const steps: unknown = typeof seconds === 'string' ? JSON.parse(seconds) : seconds;
  return typeof steps === 'object' && steps !== null && 'extract' in steps ? Number(steps.extract) : Number.NaN;
}
