/** One transaction of a run, held by one thread with the one connection that sees it. */
import { Worker } from 'node:worker_threads';
import type { Facts } from '../../core/catalogue.ts';
import type { OutletEnd } from '../../core/channel.ts';
import type {
  Estimate,
  ObjectRef,
  ReadColumn,
  ReadSpec,
  ReadSummary,
  Snapshot,
  UpperBound,
  Window,
} from '../../core/contracts/source.ts';
import type { Split, Unity } from '../../core/contracts/splits.ts';
import { factsOf, interrupted } from '../../core/database.ts';
import { TributaryError } from '../../core/errors.ts';
import { LEAST_ROWS, pieceCount } from '../../core/pieces.ts';
import type { VectorColumn } from '../../core/vectors.ts';
import { type CoreColumn, connect, rows } from './connect.ts';
import { divideRead } from './divide.ts';
import { mysqlProblem } from './errors.ts';
import { parseTableName, quoteIdentifier } from './identifier.ts';
import { SERVER } from './pieces.ts';
import { fromClause, nullClause, windowClause } from './query.ts';
import type { Answer, ReaderTask, Request } from './reader.ts';
import { wireColumn, wireOf } from './types.ts';
import { type Way, wayOf } from './way.ts';

export interface SnapshotRequest extends ReaderTask {
  readonly bound?: UpperBound | null;
  /** Fewer rows are not worth a piece. */
  readonly leastRows?: number;
}

/** So many sessions are tried: a balancer gives the same server twice by chance. */
const TRIED = 3;

interface PlanStep {
  readonly id: number | null;
  readonly rows: string | number | null;
  readonly filtered?: string | number | null;
}

const FIRST_ROWS = 10;

/** Columns that may hold more than what rows usually are. */
const LONG_COLUMNS = `SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
  WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND CHARACTER_OCTET_LENGTH > 8192 AND PRIVILEGES LIKE '%select%'`;

export class MysqlSnapshot implements Snapshot {
  readonly #worker: Worker;
  readonly #facts: Facts;
  readonly #database: string;
  #waiting: { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void } | null = null;
  #gone = false;
  readonly #request: SnapshotRequest;
  #stable: Promise<boolean> | null = null;

  private constructor(request: SnapshotRequest) {
    const { bound: _, leastRows: __, ...task } = request;
    this.#request = request;
    this.#facts = factsOf(task.connection);
    this.#database = task.connection.database;
    this.#worker = new Worker(new URL('./reader.ts', import.meta.url), {
      workerData: task,
      name: 'reader',
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on('message', (answer: Answer) => {
      const waiting = this.#waiting;
      this.#waiting = null;
      if ('value' in answer) waiting?.resolve(answer.value);
      else waiting?.reject(TributaryError.from(answer.problem));
    });
    this.#worker.on('error', (error) => this.#lost(error));
    this.#worker.once('exit', () => this.#lost(this.#ended()));
  }

  /** Takes the snapshot. @throws as connect.ts */
  static async take(request: SnapshotRequest, signal: AbortSignal): Promise<MysqlSnapshot> {
    const snapshot = new MysqlSnapshot(request);
    try {
      await snapshot.#answer(signal);
      return snapshot;
    } catch (error) {
      await snapshot.#worker.terminate();
      throw error;
    }
  }

  /** The optimizer's figures for exactly this window; the bytes are those of the stored rows. */
  async estimate(object: ObjectRef, window: Window | null): Promise<Estimate> {
    // MySQL from 9 explains as a tree where it is not asked for a table.
    const sql = `EXPLAIN FORMAT=TRADITIONAL SELECT 1 FROM ${fromClause(object)}${windowClause(window, false)}`;
    const steps = await this.#rows<PlanStep>(sql, object).catch((error) => {
      // A view whose making the user may not see has no plan for him.
      if (TributaryError.is(error) && error.problem.code === 'SOURCE_PERMISSION') return [];
      throw error;
    });
    const first = steps[0]?.id;
    const counted = steps.filter(({ id, rows }) => id === first && rows !== null);
    if (counted.length === 0) return { rows: null, bytes: null };
    const rows = counted.reduce(
      (product, step) => product * Number(step.rows) * (Number(step.filtered ?? 100) / 100),
      1,
    );
    const width = object.table === undefined ? null : await this.#storedWidth(object);
    return { rows: Math.round(rows), bytes: width === null ? null : Math.round(rows * width) };
  }

  /** Bytes of a row: by the statistics, which may be old, or of the first few where long values are more. */
  async #storedWidth(object: ObjectRef): Promise<number | null> {
    const { schema = this.#database, table } = parseTableName(object.table ?? '');
    const [found] = await this.#rows<{ width: string | number | null }>(
      'SELECT AVG_ROW_LENGTH AS width FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
      object,
      [schema, table],
    );
    const long = await this.#rows<{ name: string }>(LONG_COLUMNS, object, [schema, table]);
    const stored = Number(found?.width ?? 0);
    if (long.length === 0) return stored || null;
    const sizes = long.map(({ name }) => `COALESCE(LENGTH(${quoteIdentifier(name)}), 0)`).join(' + ');
    const first = await this.#rows<{ bytes: string | number }>(
      `SELECT ${sizes} AS bytes FROM ${fromClause(object)} LIMIT ${FIRST_ROWS}`,
      object,
    );
    const average = first.reduce((sum, { bytes }) => sum + Number(bytes), 0) / Math.max(1, first.length);
    return Math.max(stored, Math.round(average)) || null;
  }

  async countNulls(object: ObjectRef, column: string): Promise<number> {
    const name = quoteIdentifier(column);
    const sql = `SELECT ${name} FROM ${fromClause(object)}`;
    const [described] = (await this.#ask({ ask: 'columns', sql, ...named(object) })) as CoreColumn[];
    const pointInTime = described !== undefined && wireOf(described) === 'date';
    const [found] = await this.#rows<{ n: string | number }>(
      `SELECT COUNT(*) AS n FROM ${fromClause(object)} WHERE ${nullClause(column, pointInTime)}`,
      object,
    );
    return Number(found?.n ?? 0);
  }

  vectors(columns: readonly ReadColumn[]): readonly VectorColumn[] {
    return columns.map((column) => wireColumn(column).vector);
  }

  async divisible(object: ObjectRef, window: Window | null): Promise<Unity | string> {
    const way = await this.#way(object, window, await this.estimate(object, window));
    return typeof way === 'string' ? way : way.unity;
  }

  async divide(spec: ReadSpec, most: number, signal: AbortSignal): Promise<readonly Split[]> {
    if (signal.aborted) throw interrupted(signal);
    const { object, window } = spec;
    const estimate = await this.estimate(object, window);
    const way = await this.#way(object, window, estimate);
    if (typeof way === 'string')
      throw new TributaryError('SOURCE_FAILED', { reason: `The read has no pieces: ${way}.` });
    const query = <Row>(sql: string, values?: readonly string[]) => this.#rows<Row>(sql, object, values);
    const server = (await query<{ server: string }>(SERVER))[0]?.server ?? '';
    const count = pieceCount(estimate, most, this.#request.leastRows ?? LEAST_ROWS);
    return divideRead({ query, spec, way, rows: estimate.rows, server }, count);
  }

  #way(object: ObjectRef, window: Window | null, { rows }: Estimate): Promise<Way | string> {
    const query = <Row>(sql: string, values?: readonly string[]) => this.#rows<Row>(sql, object, values);
    const stable = () => {
      this.#stable ??= this.#isStable(object);
      return this.#stable;
    };
    const { bound = null } = this.#request;
    return wayOf({ query, object, database: this.#database, window, rows, bound, stable });
  }

  /** Whether sessions that are opened now land on the server with the bound. */
  async #isStable(object: ObjectRef): Promise<boolean> {
    const [here] = await this.#rows<{ server: string }>(SERVER, object);
    const { connection, password } = this.#request;
    for (let i = 0; i < TRIED; i++) {
      const secrets = { get: async () => password ?? '' };
      const { client } = await connect(connection, secrets, { applicationName: 'tributary' });
      try {
        const [there] = await rows<{ server: string }>(client, SERVER);
        if (there?.server !== here?.server) return false;
      } catch (error) {
        throw mysqlProblem(error, this.#facts);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
    return true;
  }

  async read(spec: ReadSpec, outlets: readonly OutletEnd[], signal: AbortSignal): Promise<ReadSummary> {
    const [outlet] = outlets;
    if (outlet === undefined || outlets.length > 1) {
      throw new TributaryError('SOURCE_FAILED', { reason: 'A snapshot of MySQL has exactly one reader.' });
    }
    return (await this.#ask({ ask: 'read', spec, outlet }, signal)) as ReadSummary;
  }

  async #rows<Row>(sql: string, object: ObjectRef, values: readonly string[] = []): Promise<Row[]> {
    return (await this.#ask({ ask: 'rows', sql, values, ...named(object) })) as Row[];
  }

  #ask(request: Request, signal?: AbortSignal): Promise<unknown> {
    if (this.#gone) return Promise.reject(this.#ended());
    this.#worker.postMessage(request, request.ask === 'read' ? [request.outlet.port] : []);
    return this.#answer(signal);
  }

  async #answer(signal?: AbortSignal): Promise<unknown> {
    const stop = () => void this.#worker.terminate();
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  #ended(): TributaryError {
    return new TributaryError('SOURCE_DISCONNECTED', { ...this.#facts, reason: 'The reader ended early' });
  }

  #lost(error: unknown): void {
    this.#gone = true;
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#gone && this.#waiting === null) await this.#ask({ ask: 'end' }).catch(() => undefined);
    await this.#worker.terminate();
  }
}

function named(object: ObjectRef): { readonly object?: string } {
  return object.table === undefined ? {} : { object: object.table };
}
