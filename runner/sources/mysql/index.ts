/** MySQL and MariaDB as a source. */
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
import { type BoundOptions, upperBound } from './bound/upper-bound.ts';
import { checkConnection } from './check.ts';
import { connect, type Session } from './connect.ts';
import { describe } from './describe.ts';
import { discover } from './discover.ts';
import { withDistinct } from './distinct.ts';
import { mysqlProblem } from './errors.ts';
import { readTask } from './pieces.ts';
import { fromClause } from './query.ts';
import { sampleRows } from './sample.ts';
import { MysqlSnapshot } from './snapshot.ts';

type MysqlRequest = SourceRequest<Extract<SourceRequest['connection'], { kind: 'mysql' }>>;

/** What no tenant file decides. */
export interface MysqlOptions {
  /** How long to wait for writers that stand in the way of a window; 10 s by default. */
  readonly waitMs?: number;
  /** Rows that are worth a piece of their own where a read is divided; 50,000 by default. */
  readonly pieceRows?: number;
}

const DEFAULT_LAG_SECONDS = 60;
const DEFAULT_WAIT_MS = 10_000;

export function openMysql(request: MysqlRequest, options: MysqlOptions = {}): Source {
  return new MysqlSource(request, options);
}

class MysqlSource implements Source {
  readonly kind = 'mysql';
  readonly capabilities = about.capabilities;
  readonly #connection: DatabaseConnection;
  readonly #secrets: Secrets;
  readonly #boundOptions: BoundOptions;
  readonly #pieceRows: number | undefined;
  #session: Session | null = null;

  constructor(
    { tenant, name, connection, source, secrets }: MysqlRequest,
    { waitMs = DEFAULT_WAIT_MS, pieceRows }: MysqlOptions,
  ) {
    const { host, port, database, user, tls, ca, secret, protect } = connection;
    const limit = protect?.statementTimeout;
    const optional = {
      ...(ca === undefined ? {} : { ca }),
      ...(secret === undefined ? {} : { secret }),
      ...(limit === undefined ? {} : { statementSeconds: durationSeconds(limit) }),
    };
    this.#pieceRows = pieceRows;
    this.#connection = { tenant, name, host, port, database, user, tls, ...optional };
    this.#secrets = secrets;
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
    return this.#with(signal, object, async (session) =>
      withDistinct(session, object, await describe(session, object, this.#connection)),
    );
  }

  sample(
    object: ObjectRef,
    columns: readonly ReadColumn[],
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly (string | null)[])[]> {
    return this.#with(signal, object, (session) => sampleRows(session, columns, fromClause(object), limit));
  }

  async open(
    request: { readonly object: ObjectRef; readonly cursor?: string },
    signal: AbortSignal,
  ): Promise<{ snapshot: Snapshot; bound: UpperBound | null }> {
    const { object, cursor } = request;
    const bound =
      cursor === undefined ? null : await this.#with(signal, object, (session) => this.#bound(session, object, cursor));
    const leastRows = this.#pieceRows === undefined ? {} : { leastRows: this.#pieceRows };
    const taken = { connection: this.#connection, password: await this.#password(), bound, ...leastRows };
    return { snapshot: await MysqlSnapshot.take(taken, signal), bound };
  }

  async openSplit({ table = 'the query' }: ObjectRef, task: unknown, signal: AbortSignal): Promise<Snapshot> {
    const split = { ...readTask(task, table), object: table };
    return MysqlSnapshot.take({ connection: this.#connection, password: await this.#password(), split }, signal);
  }

  async #password(): Promise<string | null> {
    return this.#connection.secret === undefined ? null : this.#secrets.get(this.#connection.secret);
  }

  async #bound(session: Session, object: ObjectRef, column: string): Promise<UpperBound> {
    const shape = await describe(session, object, this.#connection);
    const sourceType = shape.columns.find(({ name }) => name === column)?.sourceType ?? '';
    return upperBound(session, object, { column, sourceType }, this.#boundOptions);
  }

  /** One control connection, kept between calls. */
  async #control(signal: AbortSignal): Promise<Session> {
    if (this.#session !== null) return this.#session;
    const session = await connect(this.#connection, this.#secrets, { applicationName: 'tributary', signal });
    const forget = () => {
      if (this.#session === session) this.#session = null;
    };
    session.client.on('end', forget).on('error', forget);
    signal.addEventListener('abort', forget, { once: true });
    this.#session = session;
    return session;
  }

  async #with<T>(
    signal: AbortSignal,
    object: ObjectRef | undefined,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    try {
      return await work(await this.#control(signal));
    } catch (error) {
      throw mysqlProblem(error, factsOf(this.#connection, object?.table));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.client.end().catch(() => undefined);
    this.#session = null;
  }
}
