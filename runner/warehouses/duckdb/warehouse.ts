/** The embedded warehouse: one DuckDB file, used by one run at a time. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { evidenceDataset, stagingTable } from '../../../tenants/naming.ts';
import { Engine } from '../../columnar/engine.ts';
import { DATABASE, type JsonRow, type OpenOptions, type Parameter } from '../../columnar/protocol.ts';
import type { VectorPath } from '../../columnar/receive.ts';
import { list, quoteText } from '../../columnar/sql.ts';
import { logicalOf } from '../../columnar/types.ts';
import type { ChannelProgress, InletEnd } from '../../core/channel.ts';
import type { FileVersion, Offer } from '../../core/contracts/offer.ts';
import type { ReadSummary } from '../../core/contracts/source.ts';
import type {
  ChangeCounts,
  CommitSpec,
  LoadState,
  QualityResult,
  QualityTest,
  Restaged,
  RestagePolicy,
  RunIdentity,
  Staged,
  StagedColumn,
  StageSpec,
  TableRef,
  TableShape,
  Warehouse,
} from '../../core/contracts/warehouse.ts';
import { TributaryError } from '../../core/errors.ts';
import { parseType } from '../../core/types.ts';
import { commitRun } from './commit.ts';
import { createEvidence } from './evidence.ts';
import { loadedFiles } from './files.ts';
import { evidence, qualified, stagingOf } from './names.ts';
import { qualityQuery } from './quality.ts';
import { Ticket } from './queue.ts';
import { type ReplayedRows, restageRows } from './restage.ts';
import { rowGroupRows, type StagedRows, stageRows, WIDE_ROW_BYTES } from './stage.ts';
import { stageFiles } from './stage-files.ts';
import { unfoldRows } from './unfold.ts';

export interface DuckdbOptions {
  readonly file: string;
  /** What DuckDB may take, as it writes it: `150MB`. */
  readonly memory?: string;
  readonly threads?: number;
  /** How long to wait for another process that holds the file. */
  readonly waitSeconds?: number;
  readonly vectorPath?: OpenOptions['vectorPath'];
  /** Told once when the file is held by another process. */
  readonly onWait?: (holder: string) => void;
}

const MEMORY = '150MB';
const WIDE_MEMORY = '1100MB';
/** Past so many columns their open blocks alone (256 KB each, for every thread) pass the limit. */
const WIDE_COLUMNS = 100;
/** What a run that was killed over wide rows left in the log is read again with their memory. */
const SMALL_LOG_BYTES = 32 << 20;
const POLL_MS = 200;

/** Opens the file, creating it where it is missing; waits while another process holds it. */
export async function openDuckdb(options: DuckdbOptions): Promise<Warehouse> {
  const file = resolve(options.file);
  try {
    mkdirSync(dirname(file), { recursive: true });
  } catch (error) {
    throw new TributaryError(
      'WAREHOUSE_READ_ONLY',
      { file, reason: error instanceof Error ? error.message : 'cannot be created' },
      { cause: error },
    );
  }
  const started = Date.now();
  const waitMs = (options.waitSeconds ?? 600) * 1000;
  const isLate = () => Date.now() - started > waitMs;
  let told = false;
  using held = new DisposableStack();
  const ticket = held.use(new Ticket(file));
  for (;;) {
    // Only the first in the row tries: an attempt costs an engine, and may come while the file is opened anew by its holder.
    const ahead = isLate() ? 0 : ticket.ahead();
    if (ahead > 0) {
      if (!told) options.onWait?.(`${ahead} ${ahead === 1 ? 'run' : 'runs'} before this one want ${file}`);
      told = true;
      await sleep(POLL_MS);
      continue;
    }
    const engine = new Engine();
    try {
      const { vectorPath } = await engine.open({
        file,
        memory: options.memory ?? (logBytes(file) > SMALL_LOG_BYTES ? WIDE_MEMORY : MEMORY),
        threads: options.threads ?? 2,
        vectorPath: options.vectorPath ?? 'auto',
      });
      return new DuckdbWarehouse(engine, file, vectorPath, options.memory === undefined, held.move());
    } catch (error) {
      await engine.close();
      const busy = TributaryError.is(error) && error.problem.code === 'WAREHOUSE_BUSY';
      if (!busy || isLate()) throw error;
      if (!told) options.onWait?.(error.problem.detail);
      told = true;
      await sleep(POLL_MS);
    }
  }
}

function logBytes(file: string): number {
  return statSync(`${file}.wal`, { throwIfNoEntry: false })?.size ?? 0;
}

class DuckdbWarehouse implements Warehouse {
  readonly kind = 'duckdb';
  readonly capabilities = {
    decimalDigits: 38,
    gaps: [
      'BIGNUMERIC holds 38 digits (9 after the point where none are declared); what does not fit is quarantined.',
      'NUMERIC and BIGNUMERIC are both DECIMAL(38, scale).',
      'One process at a time may have the file open; runs of one file follow one another.',
      'The design of a table (partitions, clusters, expirations, labels, keys) has no effect.',
      'A run cannot be undone: the file keeps no earlier state.',
      'FLOAT64: where a column holds both 0 and -0 the file may give one for the other; its compression takes them for one value.',
    ],
  } as const;
  readonly billed = null;
  readonly #engine: Engine;
  readonly #file: string;
  readonly #vectorPath: VectorPath;
  readonly #mayGrow: boolean;
  /** Its place at the file. */
  readonly #held: Disposable;
  #staged: StagedRows | ReplayedRows | null = null;

  constructor(engine: Engine, file: string, vectorPath: VectorPath, mayGrow: boolean, held: Disposable) {
    this.#engine = engine;
    this.#file = file;
    this.#vectorPath = vectorPath;
    this.#mayGrow = mayGrow;
    this.#held = held;
  }

  async prepare(run: RunIdentity, target: TableRef): Promise<void> {
    await this.#engine.execute(createEvidence(run.tenant, target.dataset));
    const prefix = stagingTable(run.tenant, run.source, '');
    const orphans = await this.#engine.query(
      `SELECT table_name AS name FROM duckdb_tables() WHERE database_name = '${DATABASE}' AND schema_name = $1 AND starts_with(table_name, $2)`,
      [target.dataset, prefix],
    );
    for (const { name } of orphans)
      await this.#engine.execute(`DROP TABLE ${qualified({ dataset: target.dataset, table: String(name) })}`);
  }

  async now(): Promise<string> {
    return new Date().toISOString();
  }

  async describe(table: TableRef): Promise<TableShape | null> {
    const columns = await this.#engine.query(
      `SELECT column_name AS name, data_type AS type, is_nullable AS nullable, comment FROM duckdb_columns()
       WHERE database_name = '${DATABASE}' AND schema_name = $1 AND table_name = $2 ORDER BY column_index`,
      [table.dataset, table.table],
    );
    if (columns.length === 0) return null;
    const [count] = await this.#engine.query(`SELECT count(*) AS n FROM ${qualified(table)}`);
    return {
      rows: Number(count?.n ?? 0),
      columns: columns.map(({ name, type, nullable, comment }) => ({
        name: String(name),
        type: logicalOf(String(type)),
        nullable: Boolean(nullable),
        ...(comment === null ? {} : { description: String(comment) }),
      })),
    };
  }

  async repeats(table: TableRef, key: readonly string[]): Promise<boolean> {
    const found = await this.#engine.query(
      `SELECT 1 AS found FROM ${qualified(table)} GROUP BY ${list(key)} HAVING count(*) > 1 LIMIT 1`,
    );
    return found.length > 0;
  }

  async state(tenant: string, source: string): Promise<LoadState | null> {
    if (!(await this.#exists({ dataset: evidenceDataset(tenant), table: '_state' }))) return null;
    const [row] = await this.#engine.query(
      `SELECT *, (SELECT any_value(strategy) FROM ${evidence(tenant, '_runs')} AS r WHERE r.run_id = s.run_id) AS strategy
       FROM ${evidence(tenant, '_state')} AS s WHERE source = $1`,
      [source],
    );
    if (row === undefined) return null;
    const columns = JSON.parse(String(row.columns)) as {
      name: string;
      type: string;
      nullable: boolean;
      description?: string;
      key?: boolean;
    }[];
    return {
      cursor: row.cursor_value === null ? null : String(row.cursor_value),
      strategy: row.strategy === null ? null : String(row.strategy),
      runId: String(row.run_id),
      fencingToken: Number(row.fencing_token),
      committedAt: String(row.committed_at),
      key: columns.filter(({ key }) => key === true).map(({ name }) => name),
      columns: columns.map(({ key: _, ...column }) => ({
        ...column,
        type: parseType(column.type) ?? { kind: 'STRING' },
      })),
    };
  }

  async stage(spec: StageSpec, inlet: InletEnd): Promise<Staged> {
    await this.#fit(spec);
    const staged = await stageRows(this.#engine, spec, inlet, this.#vectorPath);
    if (!spec.keysOnly) this.#staged = staged;
    return staged;
  }

  /** Memory and row groups by the width of the rows. */
  async #fit(spec: StageSpec): Promise<void> {
    if (this.#mayGrow && (spec.rowBytes > WIDE_ROW_BYTES || spec.columns.length > WIDE_COLUMNS)) {
      await this.#engine.execute(`SET memory_limit = ${quoteText(WIDE_MEMORY)}`);
    }
    if (spec.rowBytes > WIDE_ROW_BYTES) {
      await this.#engine.execute('SET threads = 1');
      // A checkpoint between slices would write the open row group each time anew.
      await this.#engine.execute("SET checkpoint_threshold = '1TB'");
    }
    await this.#engine.rowGroups(this.#file, rowGroupRows(spec.rowBytes));
  }

  async unfold(spec: StageSpec, late: readonly StagedColumn[]): Promise<Staged> {
    if (this.#staged === null) throw new TributaryError('INTERNAL', { message: 'nothing is staged' });
    const staged = await unfoldRows(this.#engine, spec, late, this.#staged);
    this.#staged = staged;
    return staged;
  }

  async stageOffer(
    spec: StageSpec,
    offer: Offer,
    watch: { readonly signal: AbortSignal; readonly onProgress: (progress: ChannelProgress) => void },
  ): Promise<{ readonly summary: ReadSummary; readonly staged: Staged } | null> {
    if (offer.way !== 'files') return null;
    await this.#fit(spec);
    const moved = await stageFiles(this.#engine, spec, offer, this.#vectorPath, watch);
    if (!spec.keysOnly) this.#staged = moved.staged;
    return moved;
  }

  async files(tenant: string, source: string, since: string): Promise<readonly Pick<FileVersion, 'uri' | 'version'>[]> {
    if (!(await this.#exists({ dataset: evidenceDataset(tenant), table: '_files' }))) return [];
    return loadedFiles(this.#engine, tenant, source, since);
  }

  async restage(spec: StageSpec, policy: RestagePolicy): Promise<Restaged> {
    const staged = await restageRows(this.#engine, spec, policy, this.#vectorPath);
    this.#staged = staged;
    return staged;
  }

  async test(spec: StageSpec, tests: readonly QualityTest[]): Promise<readonly QualityResult[]> {
    const results: QualityResult[] = [];
    for (const test of tests) {
      const { sql, words } = qualityQuery(test, qualified(stagingOf(spec.run, spec.target)));
      const broken = Number((await this.#engine.query(sql))[0]?.broken ?? 0);
      results.push({ test, passed: broken === 0, found: broken === 0 ? 'holds' : `${broken} ${words}` });
    }
    return results;
  }

  async commit(spec: CommitSpec): Promise<ChangeCounts> {
    if (this.#staged === null) throw new TributaryError('INTERNAL', { message: 'nothing is staged' });
    const exists = await this.#exists(spec.target);
    const counts = await commitRun(this.#engine, spec, this.#staged, exists);
    this.#staged = null;
    return counts;
  }

  async discard(run: RunIdentity, target: TableRef): Promise<void> {
    this.#staged = null;
    for (const keysOnly of [false, true])
      await this.#engine.execute(`DROP TABLE IF EXISTS ${qualified(stagingOf(run, target, keysOnly))}`);
  }

  async committed(run: { readonly tenant: string; readonly runId: string }): Promise<boolean> {
    if (!(await this.#exists({ dataset: evidenceDataset(run.tenant), table: '_runs' }))) return false;
    const [row] = await this.#engine.query(
      `SELECT count(*) AS n FROM ${evidence(run.tenant, '_runs')} WHERE run_id = $1`,
      [run.runId],
    );
    return Number(row?.n ?? 0) > 0;
  }

  async #exists({ dataset, table }: TableRef): Promise<boolean> {
    const found = await this.#engine.query(
      `SELECT 1 AS found FROM duckdb_tables() WHERE database_name = '${DATABASE}' AND schema_name = $1 AND table_name = $2`,
      [dataset, table],
    );
    return found.length > 0;
  }

  async cost(): Promise<null> {
    return null;
  }

  async undo(_run: RunIdentity, _target: TableRef, runId: string): Promise<never> {
    const reason = 'the embedded warehouse keeps no earlier state';
    throw new TributaryError('UNDO_IMPOSSIBLE', { run: runId, reason });
  }

  query(sql: string, parameters?: readonly Parameter[]): Promise<readonly JsonRow[]> {
    return this.#engine.query(sql, parameters);
  }

  /** Moves the log into the file, so that what was committed is in one place. */
  async [Symbol.asyncDispose](): Promise<void> {
    using _ = this.#held;
    await this.#engine.execute(`CHECKPOINT ${DATABASE}`).catch(() => undefined);
    await this.#engine.close();
  }
}
