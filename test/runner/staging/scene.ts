/** Parts in a real object store, written by the real engine and read back by another one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { quoteText } from '../../../runner/columnar/sql.ts';
import type { InletEnd } from '../../../runner/core/channel.ts';
import type { Manifest, PartColumn, PartFormat, PartsSpec, Staging } from '../../../runner/core/contracts/staging.ts';
import type { RunIdentity } from '../../../runner/core/contracts/warehouse.ts';
import { parseType } from '../../../runner/core/types.ts';
import { batchLayout, type VectorColumn, type VectorKind } from '../../../runner/core/vectors.ts';
import { type GcsStagingOptions, openGcsStaging } from '../../../runner/staging/gcs.ts';
import { startStorage } from '../../servers/storage.ts';

export const BUCKET = 'acme-staging';

export interface StorageScene extends AsyncDisposable {
  readonly host: string;
  open(options?: Partial<GcsStagingOptions>): Promise<Staging>;
  /** Names of the objects. */
  list(prefix?: string): Promise<string[]>;
  bytes(name: string): Promise<Buffer>;
  /** All rows of the parts, in no order; values as DuckDB reads them. */
  rows(manifest: Manifest, select?: string): Promise<Record<string, unknown>[]>;
}

/** Few and short attempts: a test does not wait for an outage to end. */
export const QUICK = { attempts: 4, seconds: 10, firstMs: 5, longestMs: 20 };

export async function storageScene(): Promise<StorageScene> {
  const server = await startStorage();
  const folder = mkdtempSync(join(tmpdir(), 'tributary-parts-'));
  await fetch(`${server.host}/storage/v1/b?project=p`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: BUCKET }),
  });
  const address = (name: string) => `${server.host}/storage/v1/b/${BUCKET}/o/${encodeURIComponent(name)}`;
  const bytes = async (name: string) => Buffer.from(await (await fetch(`${address(name)}?alt=media`)).arrayBuffer());
  return {
    host: server.host,
    open: (options = {}) =>
      openGcsStaging({ bucket: BUCKET, tenant: 'acme', endpoint: server.host, budget: QUICK, ...options }),
    async list(prefix = '') {
      const url = `${server.host}/storage/v1/b/${BUCKET}/o?prefix=${encodeURIComponent(prefix)}`;
      const { items = [] } = (await (await fetch(url)).json()) as { items?: { name: string }[] };
      return items.map(({ name }) => name).sort();
    },
    bytes,
    async rows({ parts }, select = '*') {
      const files: string[] = [];
      for (const [i, { uri }] of parts.entries()) {
        const file = join(folder, `${i}-${uri.split('/').at(-1)}`);
        writeFileSync(file, await bytes(uri.slice(`gs://${BUCKET}/`.length)));
        files.push(quoteText(file));
      }
      const parquet = files[0]?.includes('.parquet');
      const reader = parquet
        ? `read_parquet([${files}])`
        : `read_ndjson([${files}], maximum_object_size = 100000000, convert_strings_to_integers = false, auto_detect = true, dateformat = '-', timestampformat = '-')`;
      return query(`SELECT ${select} FROM ${reader}`);
    },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
      await server.stop();
    },
  };
}

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    return (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** `[name, kind of the vector, type of the column]`; cast where a fourth says so. */
export type Column = readonly [
  name: string,
  kind: VectorKind,
  type: string,
  more?: { as?: 'text'; cast?: true; scale?: number },
];

export function partColumns(columns: readonly Column[]): readonly PartColumn[] {
  return columns.map(([name, kind, text, { as, cast = false, scale = 9 } = {}]): PartColumn => {
    const type = parseType(text);
    if (type === null) throw new Error(`${text} is no type`);
    const vector: VectorColumn = kind === 'decimal' ? { name, kind, precision: 38, scale } : { name, kind };
    return { as: as ?? 'typed', staged: { vector, cast, column: { name, type, nullable: true } } };
  });
}

let runs = 0;

export function partsSpec(
  columns: readonly PartColumn[],
  format: PartFormat,
  more: Partial<PartsSpec> = {},
): PartsSpec {
  runs += 1;
  const run: RunIdentity = {
    tenant: 'acme',
    source: 'orders',
    runId: `r${runs}`,
    fencingToken: 1,
    startedAt: '2026-11-23T10:00:00.000Z',
  };
  const layout = batchLayout(
    columns.map(({ staged }) => staged.vector),
    2048,
  );
  return { run, name: 'rows', columns, layout, format, rowBytes: 100, cursor: null, ...more };
}

export function write(staging: Staging, spec: PartsSpec, inlet: InletEnd, signal = new AbortController().signal) {
  return staging.write(spec, inlet, signal);
}
