/** PostgreSQL as a source. */
import type pg from 'pg';
import { durationSeconds } from '../../../tenants/schema/duration.ts';
import type { Secrets } from '../../core/contracts/secrets.ts';
import type {
  Check,
  ObjectRef,
  ObjectShape,
  ReadColumn,
  Snapshot,
  Source,
  SourceObject,
  SourceRequest,
  UpperBound,
} from '../../core/contracts/source.ts';
import { type DatabaseConnection, factsOf } from '../../core/database.ts';
import { about } from './about.ts';
import type { BoundOptions, BoundTarget } from './bound/scope.ts';
import { upperBound } from './bound/upper-bound.ts';
import { checkConnection } from './check.ts';
import { connect } from './connect.ts';
import { describe } from './describe.ts';
import { discover } from './discover.ts';
import { postgresProblem } from './errors.ts';
import { parseTableName } from './identifier.ts';
import { fromClause, selectItem } from './query.ts';
import { sampleRows } from './sample.ts';
import { PostgresSnapshot } from './snapshot.ts';
import { PostgresSplit } from './split.ts';

type PostgresRequest = SourceRequest<Extract<SourceRequest['connection'], { kind: 'postgres' }>>;

/** What no tenant file decides. */
export interface PostgresOptions {
  /** How long to wait for writers that stand in the way of a window; 10 s by default. */
  readonly waitMs?: number;
  /** Rows that are worth a piece of their own where a read is divided; 50,000 by default. */
  readonly pieceRows?: number;
}

const DEFAULT_LAG_SECONDS = 60;
const DEFAULT_WAIT_MS = 10_000;

export function openPostgres(request: PostgresRequest, options: PostgresOptions = {}): Source {
  return new PostgresSource(request, options);
}

/** A look needs no key: what would be hashed with it is hidden. */
function withoutKey(column: ReadColumn): ReadColumn {
  return column.mask === 'hmac-sha256' ? { ...column, mask: 'redact' } : column;
}

class PostgresSource implements Source {
  readonly kind = 'postgres';
  readonly capabilities = about.capabilities;
  readonly #connection: DatabaseConnection;
  readonly #secrets: Secrets;
  readonly #boundOptions: BoundOptions;
  readonly #pieceRows: number | undefined;
  #client: pg.Client | null = null;

  constructor(
    { tenant, name, connection, source, secrets }: PostgresRequest,
    { waitMs = DEFAULT_WAIT_MS, pieceRows }: PostgresOptions,
  ) {
    const { host, port, database, user, tls, ca, secret, protect } = connection;
    const limit = protect?.statementTimeout;
    this.#connection = {
      tenant,
      name,
      host,
      port,
      database,
      user,
      tls,
      ...(ca === undefined ? {} : { ca }),
      ...(secret === undefined ? {} : { secret }),
      ...(limit === undefined ? {} : { statementSeconds: durationSeconds(limit) }),
    };
    this.#secrets = secrets;
    this.#pieceRows = pieceRows;
    const lagSeconds =
      source?.load.strategy === 'transactional' ? durationSeconds(source.load.lag) : DEFAULT_LAG_SECONDS;
    this.#boundOptions = { lagSeconds, waitMs };
  }

  check(target: { readonly object?: ObjectRef; readonly cursor?: string }, signal: AbortSignal): AsyncIterable<Check> {
    return checkConnection(this.#connection, this.#secrets, target, signal);
  }

  discover(signal: AbortSignal): Promise<readonly SourceObject[]> {
    return this.#with(signal, undefined, discover);
  }

  describe(object: ObjectRef, signal: AbortSignal): Promise<ObjectShape> {
    return this.#with(signal, object, (client) => describe(client, object, this.#connection));
  }

  sample(
    object: ObjectRef,
    columns: readonly ReadColumn[],
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly (string | null)[])[]> {
    const list = columns
      .map((column) => `(${selectItem(withoutKey(column)).replace(/ AS "(?:[^"]|"")*"$/, '')})::text`)
      .join(', ');
    return this.#with(signal, object, (client) => sampleRows(client, list, fromClause(object), limit));
  }

  async open(
    request: { readonly object: ObjectRef; readonly cursor?: string },
    signal: AbortSignal,
  ): Promise<{ snapshot: Snapshot; bound: UpperBound | null }> {
    const facts = factsOf(this.#connection, request.object.table);
    const client = await this.#control(signal);
    try {
      const bound = request.cursor === undefined ? null : await this.#bound(client, request.object, request.cursor);
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const { rows } = await client.query<{ name: string }>('SELECT pg_export_snapshot() AS name');
      const password = await this.#password();
      this.#client = null;
      const leastRows = this.#pieceRows === undefined ? {} : { leastRows: this.#pieceRows };
      const exported = { connection: this.#connection, password, name: rows[0]?.name ?? '', bound, ...leastRows };
      return { snapshot: new PostgresSnapshot(client, exported), bound };
    } catch (error) {
      throw postgresProblem(error, facts);
    }
  }

  async openSplit({ table = 'the query' }: ObjectRef, task: unknown, signal: AbortSignal): Promise<Snapshot> {
    const at = { connection: this.#connection, password: await this.#password(), object: table };
    return PostgresSplit.open(at, task, signal);
  }

  async #password(): Promise<string | null> {
    return this.#connection.secret === undefined ? null : this.#secrets.get(this.#connection.secret);
  }

  async #bound(client: pg.Client, object: ObjectRef, column: string): Promise<UpperBound> {
    const shape = await describe(client, object, this.#connection);
    const sourceType = shape.columns.find(({ name }) => name === column)?.sourceType ?? '';
    const target: BoundTarget =
      object.query === undefined ? { schema: 'public', ...parseTableName(shape.name) } : { query: object.query };
    return upperBound(client, target, { column, sourceType }, this.#boundOptions);
  }

  /** One control connection, kept between calls until a snapshot takes it over. */
  async #control(signal: AbortSignal): Promise<pg.Client> {
    if (this.#client !== null) return this.#client;
    const client = await connect(this.#connection, this.#secrets, { applicationName: 'tributary', signal });
    const forget = () => {
      if (this.#client === client) this.#client = null;
    };
    signal.addEventListener('abort', forget, { once: true });
    this.#client = client;
    return client;
  }

  async #with<T>(
    signal: AbortSignal,
    object: ObjectRef | undefined,
    work: (client: pg.Client) => Promise<T>,
  ): Promise<T> {
    try {
      return await work(await this.#control(signal));
    } catch (error) {
      throw postgresProblem(error, factsOf(this.#connection, object?.table));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.end().catch(() => undefined);
    this.#client = null;
  }
}
