/** Reads a source's snapshot the way a run does, and gives the rows as texts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  ObjectRef,
  ReadColumn,
  ReadSummary,
  Snapshot,
  Source,
  Window,
} from '../../runner/core/contracts/source.ts';
import { batchLayout } from '../../runner/core/vectors.ts';
import { stagedColumns } from '../../runner/pipeline/columns.ts';
import { transfer } from '../../runner/pipeline/transfer.ts';
import { openDuckdb } from '../../runner/warehouses/duckdb/warehouse.ts';
import { PLAIN } from './warehouse-bench.ts';

export interface Reading {
  readonly columns: readonly ReadColumn[];
  readonly window?: Window;
  readonly nullCursors?: boolean;
  readonly readers?: number;
  readonly maskKey?: string;
  readonly maxRejected?: number;
  /** What is looked at, as SQL of the embedded warehouse; else every column. */
  readonly look?: string;
}

export const forever = new AbortController().signal;

/** The object's columns as they would travel; those of `names` only, in that order. */
export async function columnsOf(
  source: Source,
  object: ObjectRef,
  names?: readonly string[],
): Promise<(ReadColumn & { name: string })[]> {
  const { columns } = await source.describe(object, forever);
  const chosen = names?.map((name) => columns.find((column) => column.name === name)) ?? columns;
  return chosen.map((column) => {
    if (column === undefined) throw new Error('no such column');
    const { name, sourceType, logical } = column;
    return { source: name, name, sourceType, logical, unrepresentable: 'quarantine' };
  });
}

/** Every row, sorted; through a warehouse of its own. */
export async function readAll(
  snapshot: Snapshot,
  object: ObjectRef,
  reading: Reading,
): Promise<{ rows: (string | null)[][]; names: string[]; summary: ReadSummary }> {
  const { columns, window = null, nullCursors = false, readers = 1, maskKey, maxRejected = 0, look } = reading;
  const folder = mkdtempSync(join(tmpdir(), 'tributary-read-'));
  const target = { dataset: 'acme_raw', table: 'read' };
  const run = { tenant: 'acme', source: 'read', runId: 'r', fencingToken: 1, startedAt: new Date().toISOString() };
  const vectors = snapshot.vectors(columns);
  const layout = batchLayout(vectors);
  const mapped = columns.map((column) => ({
    read: column,
    column: { name: column.name, type: column.logical, nullable: true },
    cast: false,
  }));
  const staged = stagedColumns(mapped, vectors);
  try {
    await using warehouse = await openDuckdb({ file: join(folder, 'read.duckdb') });
    await warehouse.prepare(run, target);
    const { summary } = await transfer(
      {
        snapshot,
        warehouse,
        readers,
        read: { object, columns, window, nullCursors, layout, maxRejected, ...(maskKey ? { maskKey } : {}) },
        stage: { run, target, columns: staged, layout, rowBytes: 100 },
        onProgress: () => undefined,
      },
      forever,
    );
    await warehouse.commit({
      run,
      target,
      columns: staged,
      design: PLAIN,
      change: { kind: 'replace' },
      schemaChanges: [],
      cursor: null,
      evidence: {
        ...{ strategy: 'catalog/replace', mode: 'cloud_run', modeReason: 'a test', window, boundProof: null },
        ...{ extracted: summary.extracted, bytesExtracted: summary.bytes, nullified: 0, seconds: {} },
      },
      maxDeleteRatio: 1,
      allowMassDelete: true,
      maxBytesBilled: null,
      command: '',
    });
    const found = await warehouse.query(
      `SELECT ${look ?? 'COLUMNS(* EXCLUDE (_run_id, _extracted_at))::VARCHAR'} FROM warehouse.acme_raw.read ORDER BY ALL`,
    );
    const rows = found.map((row) => Object.values(row) as (string | null)[]);
    return { rows, names: columns.map(({ name }) => name), summary };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
