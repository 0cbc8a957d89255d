/** BigQuery as a source: tables of another project, and public ones. */
import { durationSeconds } from '../../../tenants/schema/duration.ts';
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
import { TributaryError } from '../../core/errors.ts';
import type { Budget } from '../../core/retry.ts';
import { capabilities } from './about.ts';
import { upperBound } from './bound.ts';
import { checkConnection } from './check.ts';
import { describe, type Known } from './describe.ts';
import { discover } from './discover.ts';
import { nearMisses } from './metadata.ts';
import { parseTableName } from './name.ts';
import { sampleRows } from './sample.ts';
import { SourceSession } from './session.ts';
import { BigquerySnapshot } from './snapshot.ts';

type BigqueryRequest = SourceRequest<Extract<SourceRequest['connection'], { kind: 'bigquery' }>>;

/** What no tenant file decides. */
export interface BigqueryOptions {
  /** An emulator; else BIGQUERY_EMULATOR_HOST, else Google. */
  readonly endpoint?: string;
  /** Its Storage Read API, `127.0.0.1:9060`; else BIGQUERY_STORAGE_EMULATOR_HOST, else Google. */
  readonly storage?: string;
  readonly budget?: Budget;
}

const DEFAULT_LAG_SECONDS = 60;

/** @throws WAREHOUSE_PROJECT_MISSING where nobody says whose bill it is */
export function openBigquerySource(request: BigqueryRequest, options: BigqueryOptions = {}): Source {
  return new BigquerySource(request, options);
}

class BigquerySource implements Source {
  readonly kind = 'bigquery';
  readonly capabilities = capabilities;
  readonly #session: SourceSession;
  readonly #dataset: string | undefined;
  readonly #lagSeconds: number;

  constructor({ tenant, name, connection, source, cloud }: BigqueryRequest, options: BigqueryOptions) {
    const billed = cloud?.project ?? process.env.TRIBUTARY_PROJECT ?? process.env.GOOGLE_CLOUD_PROJECT;
    if (!billed) throw new TributaryError('WAREHOUSE_PROJECT_MISSING', { tenant });
    const { project, location, dataset } = connection;
    const maxBytesBilled = source?.execution.maxBytesBilled;
    const storage = options.storage ?? process.env.BIGQUERY_STORAGE_EMULATOR_HOST;
    this.#session = new SourceSession({
      ...{ tenant, connection: name, project, billed },
      location: location ?? cloud?.location ?? 'US',
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      ...(storage === undefined ? {} : { storage }),
      ...(options.budget === undefined ? {} : { budget: options.budget }),
      ...(maxBytesBilled === undefined ? {} : { maxBytesBilled }),
    });
    this.#dataset = dataset;
    this.#lagSeconds =
      source?.load.strategy === 'transactional' ? durationSeconds(source.load.lag) : DEFAULT_LAG_SECONDS;
  }

  check(target: { readonly object?: ObjectRef; readonly cursor?: string }, signal: AbortSignal): AsyncIterable<Check> {
    return checkConnection(this.#session, target, signal);
  }

  discover(_signal: AbortSignal): Promise<readonly SourceObject[]> {
    return this.#session.told(undefined, () => discover(this.#session, this.#dataset));
  }

  async describe(object: ObjectRef, signal: AbortSignal): Promise<ObjectShape> {
    return (await this.#known(object, signal)).shape;
  }

  #known(object: ObjectRef, signal: AbortSignal): Promise<Known> {
    const near = () => nearMisses(this.#session, parseTableName(object.table ?? ''));
    return this.#session.told(
      object,
      () => describe(this.#session, object, signal),
      object.table === undefined ? undefined : near,
    );
  }

  async sample(
    object: ObjectRef,
    columns: readonly ReadColumn[],
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly (string | null)[])[]> {
    const known = await this.#known(object, signal);
    return this.#session.told(object, () => sampleRows(this.#session, object, known, columns, limit));
  }

  async open(
    { object, cursor }: { readonly object: ObjectRef; readonly cursor?: string },
    signal: AbortSignal,
  ): Promise<{ snapshot: Snapshot; bound: UpperBound | null }> {
    const known = await this.#known(object, signal);
    if (known.needsFilter && cursor !== known.partitionColumn)
      throw new TributaryError('SOURCE_PARTITION_FILTER', {
        ...this.#session.facts(object),
        column: known.partitionColumn ?? '',
      });
    return this.#session.told(object, async () => {
      const at = await this.#clock(known.location);
      const bound =
        cursor === undefined
          ? null
          : await upperBound(this.#session, { object, column: cursor, known, lagSeconds: this.#lagSeconds, at });
      return { snapshot: new BigquerySnapshot(this.#session, known, at), bound };
    });
  }

  /** By BigQuery's own clock, which tables of the past are asked by. */
  async #clock(location: string): Promise<string> {
    const [row] = await this.#session.rows('SELECT CURRENT_TIMESTAMP() AS now', { location });
    return String(row?.now).replace(' ', 'T').replace('+00', 'Z');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#session[Symbol.asyncDispose]();
  }
}
