/**
 * The measured program of the bench `staging`: one PostgreSQL table into parts, as a run stages it. Prints what became of
 * it as JSON. Its argument is a {@link StagingTask} as JSON.
 */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Engine } from '../runner/columnar/engine.ts';
import { ROWS } from '../runner/columnar/receive.ts';
import { partSelect } from '../runner/columnar/typing.ts';
import { BatchChannel, type InletEnd } from '../runner/core/channel.ts';
import type { PartFormat, PartsSpec } from '../runner/core/contracts/staging.ts';
import { batchLayout } from '../runner/core/vectors.ts';
import { mapColumns, stagedColumns } from '../runner/pipeline/columns.ts';
import { openPostgres } from '../runner/sources/postgres/index.ts';
import { copying } from '../runner/staging/copy.ts';
import { openGcsStaging } from '../runner/staging/gcs.ts';
import { partColumn } from '../runner/warehouses/bigquery/types.ts';
import { readTenant } from '../tenants/load.ts';

export interface StagingTask {
  /** Of the tenant `bench`. */
  readonly tenantFile: string;
  readonly source: string;
  readonly runId: string;
  readonly format: PartFormat;
  /** Options of COPY, for files that are only written: how much CPU a format takes. */
  readonly copy?: string;
  readonly folder: string;
  readonly bucket: string;
  readonly endpoint: string;
}

export interface StagingReport {
  readonly rows: number;
  readonly bytes: number;
  readonly uris: readonly string[];
  readonly seconds: Readonly<Record<string, number>>;
}

async function stage(task: StagingTask): Promise<StagingReport> {
  const signal = new AbortController().signal;
  const { tenant } = readTenant(task.tenantFile);
  if (tenant === null) throw new Error(`${task.tenantFile} is not valid`);
  const spec = tenant.sources[task.source];
  const connection = tenant.connections.source;
  if (spec === undefined || !('table' in spec) || connection?.kind !== 'postgres') throw new Error('no such source');
  const object = { table: String(spec.table) };
  const secrets = { get: async () => process.env.BENCH_PASSWORD ?? '' };
  await using source = openPostgres({ tenant: tenant.tenant, name: 'source', connection, source: spec, secrets });
  const mapped = mapColumns(await source.describe(object, signal), spec, 76);
  const { snapshot } = await source.open({ object }, signal);
  await using _ = snapshot;
  const { rows, bytes } = await snapshot.estimate(object, null);
  const read = mapped.map((column) => column.read);
  const layout = batchLayout(snapshot.vectors(read));
  const parts: PartsSpec = {
    run: {
      tenant: tenant.tenant,
      source: task.source,
      runId: task.runId,
      fencingToken: 1,
      startedAt: new Date().toISOString(),
    },
    name: 'rows',
    columns: stagedColumns(mapped, layout.columns).map(partColumn),
    layout,
    format: task.format,
    rowBytes: rows && bytes ? Math.ceil(bytes / rows) : 200,
    cursor: null,
  };
  const channel = new BatchChannel(1);
  const started = performance.now();
  const [, written] = await Promise.all([
    snapshot.read(
      { object, columns: read, window: null, nullCursors: true, layout, maxRejected: 1000 },
      channel.outlets,
      signal,
    ),
    task.copy === undefined
      ? writeObjects(task, parts, channel.inlet, signal)
      : writeFiles(task, parts, channel.inlet, task.copy),
  ]);
  const total = (performance.now() - started) / 1000;
  return { ...written, seconds: { stage: total, total: process.uptime() } };
}

type Outcome = Omit<StagingReport, 'seconds'>;

async function writeObjects(
  task: StagingTask,
  parts: PartsSpec,
  inlet: InletEnd,
  signal: AbortSignal,
): Promise<Outcome> {
  await using staging = await openGcsStaging({
    bucket: task.bucket,
    tenant: parts.run.tenant,
    endpoint: task.endpoint,
  });
  const { manifest } = await staging.write(parts, inlet, signal);
  return { rows: manifest.rows, bytes: manifest.bytes, uris: manifest.parts.map(({ uri }) => uri) };
}

async function writeFiles(task: StagingTask, parts: PartsSpec, inlet: InletEnd, options: string): Promise<Outcome> {
  const engine = new Engine();
  const { threads, memory, sliceBytes } = copying(parts.format, parts.rowBytes);
  await engine.open({ file: null, spill: join(task.folder, 'spill'), memory, threads, vectorPath: 'auto' });
  let bytes = 0;
  const { rows } = await engine.files(
    {
      select: partSelect(parts.columns, parts.format, `${ROWS}()`),
      layout: parts.layout,
      options,
      prefix: join(task.folder, 'file-'),
      suffix: '',
      sliceBytes,
    },
    inlet,
    async ({ file }) => {
      bytes += (await stat(file)).size;
      await rm(file);
    },
  );
  await engine.close();
  return { rows, bytes, uris: [] };
}

process.stdout.write(`${JSON.stringify(await stage(JSON.parse(process.argv[2] ?? '{}') as StagingTask))}\n`);
