/** One exported snapshot, held by a control connection and shared by all readers of a run. */
import { Worker } from 'node:worker_threads';
import type pg from 'pg';
import type { Facts } from '../../core/catalogue.ts';
import type { OutletEnd } from '../../core/channel.ts';
import type { ObjectRef, ReadColumn, ReadSpec, ReadSummary, Snapshot, Window } from '../../core/contracts/source.ts';
import { type DatabaseConnection, factsOf } from '../../core/database.ts';
import { TributaryError } from '../../core/errors.ts';
import type { VectorColumn } from '../../core/vectors.ts';

import { postgresProblem } from './errors.ts';
import { quoteIdentifier } from './identifier.ts';
import { fromClause, pageSplit, selectStatement, windowClause } from './query.ts';
import type { ReaderAnswer, ReaderTask } from './reader.ts';
import { wireColumn } from './types.ts';

/** Transferring ports needs them named; the rest of the task is cloned. */
type Task = Omit<ReaderTask, 'statement' | 'spec' | 'outlet'>;

export class PostgresSnapshot implements Snapshot {
  readonly #client: pg.Client;
  readonly #task: Task;
  readonly #facts: Facts;
  /** What ended the session that holds the snapshot, if anything did: readers then find none. */
  #lost: unknown = null;

  constructor(client: pg.Client, connection: DatabaseConnection, password: string | null, snapshot: string) {
    this.#client = client;
    client.once('error', (error) => {
      this.#lost = error;
    });
    this.#task = { connection, password, snapshot };
    this.#facts = factsOf(connection);
  }

  /** The planner's figures: what EXPLAIN says of exactly this read. */
  async estimate(object: ObjectRef, window: Window | null): Promise<{ rows: number | null; bytes: number | null }> {
    const columns = await this.#readable(object);
    const sql = `EXPLAIN (FORMAT json) SELECT ${columns.join(', ')} FROM ${fromClause(object)}${windowClause(window, false)}`;
    const { rows } = await this.#query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number; 'Plan Width': number } }] }>(
      sql,
    );
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    if (plan === undefined) return { rows: null, bytes: null };
    const width = Math.max(plan['Plan Width'], await this.#storedWidth(object, columns));
    return { rows: plan['Plan Rows'], bytes: plan['Plan Rows'] * width };
  }

  /** Bytes of a stored row, from the first few: the planner counts a large value as its pointer only. */
  async #storedWidth(object: ObjectRef, columns: readonly string[]): Promise<number> {
    if (columns.length === 0) return 0;
    const sizes = columns.map((name) => `coalesce(pg_column_size(${name}), 0)`).join(' + ');
    const { rows } = await this.#query<{ width: number | null }>(
      `SELECT avg(${sizes})::float8 AS width FROM (SELECT ${columns.join(', ')} FROM ${fromClause(object)} LIMIT 50) AS few`,
    );
    return rows[0]?.width ?? 0;
  }

  /** The columns that the user may read, quoted; of a table whose other columns are withheld too. */
  async #readable(object: ObjectRef): Promise<string[]> {
    if (object.query !== undefined) {
      const { fields } = await this.#query(`SELECT * FROM ${fromClause(object)} LIMIT 0`);
      return fields.map(({ name }) => quoteIdentifier(name));
    }
    const { rows } = await this.#query<{ name: string }>(
      `SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
       AND has_column_privilege(attrelid, attnum, 'SELECT') ORDER BY attnum`,
      [fromClause(object)],
    );
    return rows.map(({ name }) => quoteIdentifier(name));
  }

  async countNulls(object: ObjectRef, column: string): Promise<number> {
    const sql = `SELECT count(*)::text AS n FROM ${fromClause(object)} WHERE ${quoteIdentifier(column)} IS NULL`;
    return Number((await this.#query<{ n: string }>(sql)).rows[0]?.n ?? 0);
  }

  vectors(columns: readonly ReadColumn[]): readonly VectorColumn[] {
    return columns.map((column) => wireColumn(column).vector);
  }

  async read(spec: ReadSpec, outlets: readonly OutletEnd[], signal: AbortSignal): Promise<ReadSummary> {
    const select = selectStatement(spec);
    const statements = outlets.length === 1 ? [select] : await this.#splits(select, spec, outlets.length);
    const readers = outlets.map((outlet, i) =>
      this.#reader({ ...this.#task, statement: statements[i] ?? select, spec, outlet }, signal),
    );
    const summaries = await Promise.all(readers).catch((error) => {
      throw this.#lost === null ? error : postgresProblem(this.#lost, this.#facts);
    });
    const sum = (field: 'extracted' | 'rejected' | 'nullified' | 'bytes') =>
      summaries.reduce((total, summary) => total + summary[field], 0);
    return { extracted: sum('extracted'), rejected: sum('rejected'), nullified: sum('nullified'), bytes: sum('bytes') };
  }

  async #splits(select: string, spec: ReadSpec, readers: number): Promise<string[]> {
    const { rows } = await this.#query<{ pages: string; whole: boolean }>(
      `SELECT (pg_relation_size($1::regclass) / current_setting($2)::int)::text AS pages,
         has_table_privilege($1::regclass, 'SELECT') AS whole`,
      [fromClause(spec.object), 'block_size'],
    );
    // Who may read some columns only may not read where a row lies: then the first reader reads all.
    if (rows[0]?.whole !== true)
      return Array.from({ length: readers }, (_, i) => (i === 0 ? select : `${select} LIMIT 0`));
    const share = Math.ceil(Math.max(1, Number(rows[0]?.pages ?? 0)) / readers);
    return Array.from({ length: readers }, (_, i) =>
      pageSplit(select, spec.window, { from: i * share, to: i === readers - 1 ? null : (i + 1) * share }),
    );
  }

  #reader(task: ReaderTask, signal: AbortSignal): Promise<ReadSummary> {
    const worker = new Worker(new URL('./reader.ts', import.meta.url), {
      workerData: task,
      transferList: [task.outlet.port],
      name: 'reader',
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    const stop = () => void worker.terminate();
    signal.addEventListener('abort', stop, { once: true });
    return new Promise<ReadSummary>((resolve, reject) => {
      worker.once('message', (answer: ReaderAnswer) => {
        if ('summary' in answer) resolve(answer.summary);
        else reject(TributaryError.from(answer.problem));
      });
      worker.once('error', reject);
      worker.once('exit', () =>
        reject(new TributaryError('SOURCE_DISCONNECTED', { ...this.#facts, reason: 'The reader ended early' })),
      );
    }).finally(() => signal.removeEventListener('abort', stop));
  }

  async #query<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<pg.QueryResult<Row>> {
    try {
      return await this.#client.query<Row>(sql, values);
    } catch (error) {
      throw postgresProblem(this.#lost ?? error, this.#facts);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}
