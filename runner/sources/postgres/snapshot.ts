/** One exported snapshot, held by a control connection and shared by all readers of a run. */
import type pg from 'pg';
import type { Facts } from '../../core/catalogue.ts';
import type { OutletEnd } from '../../core/channel.ts';
import type {
  ObjectRef,
  ReadColumn,
  ReadSpec,
  ReadSummary,
  Snapshot,
  UpperBound,
  Window,
} from '../../core/contracts/source.ts';
import type { Split, Unity } from '../../core/contracts/splits.ts';
import { type DatabaseConnection, factsOf, interrupted } from '../../core/database.ts';
import { TributaryError } from '../../core/errors.ts';
import { LEAST_ROWS, pieceCount } from '../../core/pieces.ts';
import type { VectorColumn } from '../../core/vectors.ts';
import { connect } from './connect.ts';
import { divideRead } from './divide.ts';
import { isSnapshotGone, postgresProblem } from './errors.ts';
import { quoteIdentifier, quoteLiteral } from './identifier.ts';
import { type Footing, pageBounds, pieceStatement, SERVER_STARTED } from './pieces.ts';
import { fromClause, selectStatement, windowClause } from './query.ts';
import type { ReaderSession } from './reader.ts';
import { row } from './row.ts';
import { ReaderThread } from './thread.ts';
import { wireColumn } from './types.ts';
import { type PlanNode, pagesOf, type Way, wayOf } from './way.ts';

export interface SnapshotRequest {
  readonly connection: DatabaseConnection;
  /** The password, resolved; `null` where the connection has none. */
  readonly password: string | null;
  /** Name of the exported snapshot. */
  readonly name: string;
  readonly bound: UpperBound | null;
  /** Fewer rows are not worth a piece. */
  readonly leastRows?: number;
}

/** So many sessions are tried: a balancer gives the same server twice by chance. */
const TRIED = 3;

export class PostgresSnapshot implements Snapshot {
  readonly #client: pg.Client;
  readonly #request: SnapshotRequest;
  readonly #facts: Facts;
  /** What ended the session that holds the snapshot, if anything did: readers then find none. */
  #lost: unknown = null;
  #shared: Promise<boolean> | null = null;

  constructor(client: pg.Client, request: SnapshotRequest) {
    this.#client = client;
    client.once('error', (error) => {
      this.#lost = error;
    });
    this.#request = request;
    this.#facts = factsOf(request.connection);
  }

  /** The planner's figures: what EXPLAIN says of exactly this read. */
  async estimate(object: ObjectRef, window: Window | null): Promise<{ rows: number | null; bytes: number | null }> {
    const columns = await this.#readable(object);
    const plan = await this.#plan(object, columns, window);
    if (plan === undefined) return { rows: null, bytes: null };
    const width = Math.max(plan['Plan Width'], await this.#storedWidth(object, columns));
    return { rows: plan['Plan Rows'], bytes: plan['Plan Rows'] * width };
  }

  async #plan(object: ObjectRef, columns: readonly string[], window: Window | null): Promise<PlanNode | undefined> {
    const sql = `EXPLAIN (FORMAT json) SELECT ${columns.join(', ')} FROM ${fromClause(object)}${windowClause(window, false)}`;
    const { rows } = await this.#query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(sql);
    return rows[0]?.['QUERY PLAN'][0].Plan;
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

  async divisible(object: ObjectRef, window: Window | null): Promise<Unity | string> {
    const way = await this.#way(object, window);
    return typeof way === 'string' ? way : way.unity;
  }

  async divide(spec: ReadSpec, most: number, signal: AbortSignal): Promise<readonly Split[]> {
    if (signal.aborted) throw interrupted(signal);
    const { object, window } = spec;
    const way = await this.#way(object, window);
    if (typeof way === 'string')
      throw new TributaryError('SOURCE_FAILED', { reason: `The read has no pieces: ${way}.` });
    const estimate = await this.estimate(object, window);
    const count = pieceCount(estimate, most, this.#request.leastRows ?? LEAST_ROWS);
    const footing = await this.#footing(way);
    if (signal.aborted) throw interrupted(signal);
    const query = <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => this.#query<Row>(sql, values);
    return divideRead({ query, spec, way, rows: estimate.rows, footing }, count);
  }

  async #way(object: ObjectRef, window: Window | null): Promise<Way | string> {
    const plan = await this.#plan(object, await this.#readable(object), window);
    if (plan === undefined) return 'the server does not explain how it would be read';
    this.#shared ??= this.#isShared();
    const query = <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => this.#query<Row>(sql, values);
    return wayOf({ query, object, window, plan, shared: await this.#shared, bound: this.#request.bound });
  }

  async #footing({ unity }: Way): Promise<Footing> {
    if (unity.by === 'snapshot') {
      const { started } = await this.#one<{ started: string }>(SERVER_STARTED);
      return { snapshot: { name: this.#request.name, server: started }, reached: null };
    }
    const { reached } = await this.#one<{ reached: string }>(
      'SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text AS reached',
    );
    return { snapshot: null, reached };
  }

  /** Whether sessions that are opened now find the snapshot: behind a balancer they may land elsewhere. */
  async #isShared(): Promise<boolean> {
    const { started } = await this.#one<{ started: string }>(SERVER_STARTED);
    for (let i = 0; i < TRIED; i++) if (!(await this.#finds(started))) return false;
    return true;
  }

  async #finds(server: string): Promise<boolean> {
    const { connection, password, name } = this.#request;
    const secrets = { get: async () => password ?? '' };
    const client = await connect(connection, secrets, { applicationName: 'tributary' });
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await client.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(name)}`);
      return (await row<{ started: string }>(client, SERVER_STARTED)).started === server;
    } catch (error) {
      if (this.#lost === null && isSnapshotGone(error as Error)) return false;
      throw postgresProblem(this.#lost ?? error, this.#facts);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async read(spec: ReadSpec, outlets: readonly OutletEnd[], signal: AbortSignal): Promise<ReadSummary> {
    const statements = outlets.length === 1 ? [selectStatement(spec)] : await this.#statements(spec, outlets.length);
    const { connection, password, name } = this.#request;
    const object = spec.object.table ?? 'query';
    const session: ReaderSession = { connection, password, object, snapshot: { name, server: null }, reached: null };
    const readers = outlets.map((outlet, i) =>
      new ReaderThread(session, signal).read({ statement: statements[i] ?? '', spec, outlet }),
    );
    const summaries = await Promise.all(readers).catch((error) => {
      throw this.#lost === null ? error : postgresProblem(this.#lost, this.#facts);
    });
    const sum = (field: 'extracted' | 'rejected' | 'nullified' | 'bytes') =>
      summaries.reduce((total, summary) => total + summary[field], 0);
    return { extracted: sum('extracted'), rejected: sum('rejected'), nullified: sum('nullified'), bytes: sum('bytes') };
  }

  /** One for each reader; those who have nothing to read give no row. */
  async #statements(spec: ReadSpec, readers: number): Promise<string[]> {
    const pages = await pagesOf((sql, values) => this.#query(sql, values), spec.object);
    const select = selectStatement(spec);
    const bounds = pages === null ? [] : pageBounds(pages, readers);
    const parted = [0, ...bounds].map((from, i) =>
      pages === null ? select : pieceStatement(spec, { by: 'pages', from, to: bounds[i] ?? null }),
    );
    return Array.from({ length: readers }, (_, i) => parted[i] ?? `${select} LIMIT 0`);
  }

  async #one<Row extends pg.QueryResultRow>(sql: string): Promise<Row> {
    return (await this.#query<Row>(sql)).rows[0] as Row;
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
