/** One source of the warehouse suite, loaded step by step as the pipeline would. */
import type {
  ChangeCounts,
  CommitSpec,
  QualityResult,
  QualityTest,
  Restaged,
  RestagePolicy,
  RunIdentity,
  SchemaChange,
  StagedColumn,
  StageSpec,
  TableChange,
  TableColumn,
  TableDesign,
  TableRef,
  Warehouse,
} from '../../runner/core/contracts/warehouse.ts';
import { problemOf } from '../../runner/core/errors.ts';
import type { LogicalType } from '../../runner/core/types.ts';
import { batchLayout, type RejectedRow, type VectorKind } from '../../runner/core/vectors.ts';
import { evidenceDataset, rawDataset } from '../../tenants/naming.ts';
import { inletOf, type Value } from './batches.ts';

/** A real project has other people's datasets beside the suite's: there it takes a tenant of its own. */
export const TENANT = process.env.TRIBUTARY_SUITE_TENANT ?? 'acme';
export const SOURCE = 'orders';
export const TARGET = { dataset: rawDataset(TENANT), table: 'orders' };
export const LATEST = { ...TARGET, table: 'orders_latest' };

/** How a warehouse's SQL and the texts of its values differ from another's. */
export interface Dialect {
  /** A table in a statement. */
  readonly table: (table: TableRef) => string;
  /** A name in a statement. */
  readonly name: (name: string) => string;
  /** A query for `name`: the tables of the tenant beside its evidence, staged ones too. */
  readonly tables: string;
  /** A decimal in two digits after the point, as a query gives it. */
  readonly decimal: (text: string) => string;
  /** A JSON text as a query gives it. */
  readonly json: (text: string) => string;
}

/** In a table of rows that nobody ordered these tell them apart. */
const EVIDENCE_ORDER: Readonly<Record<string, string>> = {
  _state: 'source',
  _runs: 'started_at',
  _quarantine: 'run_id, reason',
  _schema_changes: 'run_id, kind, column_name',
};

/** A column of the suite: its name, how it arrives, and what it becomes where that differs. */
export interface BenchColumn {
  readonly name: string;
  readonly kind: VectorKind;
  readonly type: LogicalType;
  readonly cast?: boolean;
  readonly description?: string;
}

const NATURAL = {
  int64: { kind: 'INT64' },
  text: { kind: 'STRING' },
  timestamp: { kind: 'TIMESTAMP' },
  decimal: { kind: 'NUMERIC', precision: 12, scale: 2 },
  date: { kind: 'DATE' },
  bool: { kind: 'BOOL' },
  json: { kind: 'JSON' },
} as const satisfies Partial<Record<VectorKind, LogicalType>>;

export function benchColumn(name: string, kind: keyof typeof NATURAL, more: Partial<BenchColumn> = {}): BenchColumn {
  return { name, kind, type: NATURAL[kind], ...more };
}

export const ORDER = [benchColumn('id', 'int64'), benchColumn('note', 'text'), benchColumn('at', 'timestamp')];

export const APPEND: TableChange = { kind: 'append' };
export const REPLACE: TableChange = { kind: 'replace' };
export const MERGE = {
  kind: 'merge',
  key: ['id'],
  cursor: 'at',
  keyIsUnique: false,
  mayRepeat: true,
  deletes: 'ignore',
} as const satisfies TableChange;

/** A table of which nothing is said but its columns. */
export const PLAIN: TableDesign = { clusterBy: [], requirePartitionFilter: false, labels: {}, key: [] };

/** A moment, as rows of the suite hold it. */
export const T = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
export const A: readonly Value[] = [1, 'a', T(1)];
export const B: readonly Value[] = [2, 'b', T(2)];
export const C: readonly Value[] = [3, 'c', T(3)];
export const D: readonly Value[] = [4, 'd', T(4)];

/** The code it fails with, or `done`. */
export function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error) => problemOf(error).code,
  );
}

export interface BenchLoad {
  readonly change: TableChange;
  readonly columns?: readonly BenchColumn[];
  readonly rejected?: readonly RejectedRow[];
  readonly runId?: string;
  readonly token?: number;
  readonly cursor?: string | null;
  readonly snapshotDate?: string;
  readonly schemaChanges?: readonly SchemaChange[];
  /** The keys of the whole source, for a sweep. */
  readonly keys?: readonly (readonly Value[])[];
  readonly maxDeleteRatio?: number;
  readonly allowMassDelete?: boolean;
  readonly design?: TableDesign;
  readonly maxBytesBilled?: number;
}

export class WarehouseBench {
  readonly warehouse: Warehouse;
  readonly dialect: Dialect;
  #runs = 0;

  constructor(warehouse: Warehouse, dialect: Dialect) {
    this.warehouse = warehouse;
    this.dialect = dialect;
  }

  /** The table as texts, sorted, NULL last. */
  async rows(columns = 'id, note', table: TableRef = TARGET): Promise<(string | null)[][]> {
    const found = await this.warehouse.query(`SELECT ${columns} FROM ${this.sql(table)}`);
    return found.map((row) => Object.values(row).map((value) => (value === null ? null : String(value)))).sort(byTexts);
  }

  sql(table: TableRef): string {
    return this.dialect.table(table);
  }

  evidence(table: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const from = this.sql({ dataset: evidenceDataset(TENANT), table });
    return this.warehouse.query(`SELECT * FROM ${from} ORDER BY ${EVIDENCE_ORDER[table] ?? '1'}`);
  }

  /** Every step of a run but the reading. */
  async load(rows: readonly (readonly Value[])[], load: BenchLoad): Promise<ChangeCounts> {
    return this.commit(await this.stage(rows, load), load);
  }

  /** A run that takes its rows from quarantine. */
  async replay(load: BenchLoad & Partial<RestagePolicy>): Promise<Restaged & ChangeCounts> {
    const spec = this.spec(load);
    await this.warehouse.prepare(spec.run, TARGET);
    const { nullify = [], masked = {} } = load;
    const staged = await this.warehouse.restage(spec, { nullify, masked });
    return { ...staged, ...(await this.commit(spec, load)) };
  }

  run(load: Pick<BenchLoad, 'runId' | 'token'> = {}): RunIdentity {
    const number = this.#runs + 1;
    return {
      tenant: TENANT,
      source: SOURCE,
      runId: load.runId ?? `run_${number}`,
      fencingToken: load.token ?? number,
      startedAt: `2026-03-01T00:00:${String(number % 60).padStart(2, '0')}.000Z`,
    };
  }

  async stage(rows: readonly (readonly Value[])[], load: BenchLoad): Promise<StageSpec> {
    const spec = this.spec(load);
    await this.warehouse.prepare(spec.run, TARGET);
    await this.warehouse.stage(spec, inletOf(spec.layout, rows, load.rejected), new AbortController().signal);
    if (load.keys === undefined) return spec;
    const key = load.change.kind === 'merge' ? load.change.key : [];
    const columns = spec.columns.filter(({ column }) => key.includes(column.name));
    const layout = batchLayout(
      columns.map(({ vector }) => vector),
      2048,
    );
    const sweep = { ...spec, columns, layout, keysOnly: true };
    await this.warehouse.stage(sweep, inletOf(layout, load.keys), new AbortController().signal);
    return spec;
  }

  spec(load: BenchLoad): StageSpec {
    const columns = (load.columns ?? ORDER).map(staged);
    const layout = batchLayout(
      columns.map(({ vector }) => vector),
      2048,
    );
    return {
      run: this.run(load),
      target: TARGET,
      columns,
      layout,
      rowBytes: 100,
      ...(load.snapshotDate === undefined ? {} : { snapshotDate: load.snapshotDate }),
    };
  }

  async commit(spec: StageSpec, load: BenchLoad): Promise<ChangeCounts> {
    this.#runs += 1;
    return this.warehouse.commit(this.commitSpec(spec, load));
  }

  commitSpec({ run, columns }: StageSpec, load: BenchLoad): CommitSpec {
    return {
      run,
      target: TARGET,
      columns,
      design: load.design ?? PLAIN,
      change: load.change,
      schemaChanges: load.schemaChanges ?? [],
      cursor: load.cursor ?? null,
      evidence: {
        strategy: 'transactional/append',
        mode: 'cloud_run',
        modeReason: 'a test',
        window: { column: 'at', from: null, to: '2026-03-01' },
        boundProof: 'writers: none',
        extracted: 7,
        bytesExtracted: 70,
        nullified: 2,
        seconds: { plan: 0.5 },
      },
      ...(load.change.kind === 'partition' ? { latestView: LATEST } : {}),
      maxDeleteRatio: load.maxDeleteRatio ?? 1,
      allowMassDelete: load.allowMassDelete ?? false,
      maxBytesBilled: load.maxBytesBilled ?? null,
      command: 'tributary run acme orders',
    };
  }

  test(spec: StageSpec, tests: readonly QualityTest[]): Promise<readonly QualityResult[]> {
    return this.warehouse.test(spec, tests);
  }
}

/** Digits by their value, so that 10 comes after 9. */
function byTexts(a: readonly (string | null)[], b: readonly (string | null)[]): number {
  for (const [i, left] of a.entries()) {
    const right = b[i] ?? null;
    if (left === right) continue;
    if (left === null || right === null) return left === null ? 1 : -1;
    return left.localeCompare(right, 'en', { numeric: true });
  }
  return 0;
}

function staged({ name, kind, type, cast = false, description }: BenchColumn): StagedColumn {
  const column: TableColumn = { name, type, nullable: true, ...(description === undefined ? {} : { description }) };
  return { vector: { name, kind, ...(kind === 'decimal' ? { precision: 38, scale: 2 } : {}) }, column, cast };
}
