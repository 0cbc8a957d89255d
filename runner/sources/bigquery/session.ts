/** What every step of a source needs to talk to BigQuery: metadata of the data's project, jobs on the tenant's bill. */
import { startAttempts } from '../../bigquery/attempts.ts';
import { pricePerTib, startMeter } from '../../bigquery/billing.ts';
import { type Api, type Call, openClient } from '../../bigquery/client.ts';
import { BigqueryFailure } from '../../bigquery/failure.ts';
import { createJobs, type FinishedJob, type Jobs } from '../../bigquery/jobs.ts';
import { queryConfiguration } from '../../bigquery/parameters.ts';
import type { QueryParameter } from '../../bigquery/sql.ts';
import type { Row } from '../../bigquery/values.ts';
import type { ObjectRef } from '../../core/contracts/source.ts';
import { type Budget, budgetOf, type Clock, repeatedly, systemClock } from '../../core/retry.ts';
import { type Named, sourceProblem } from './errors.ts';
import { openStorage, type StorageClient } from './storage.ts';
import type { Field } from './types.ts';

export interface SessionOptions {
  readonly tenant: string;
  readonly connection: string;
  /** Project of the data. */
  readonly project: string;
  /** Project that pays. */
  readonly billed: string;
  /** Where jobs run that name no table. */
  readonly location: string;
  readonly endpoint?: string;
  /** The Storage Read API of an emulator. */
  readonly storage?: string;
  readonly maxBytesBilled?: number;
  readonly budget?: Budget;
  readonly clock?: Clock;
}

export interface Asking {
  /** Default: the session's. */
  readonly location?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** A cap of its own, beside the session's. */
  readonly maxBytesBilled?: number;
}

export class SourceSession {
  readonly options: SessionOptions;
  readonly usdPerTib = pricePerTib();
  readonly #clock: Clock;
  readonly #budget: Budget;
  readonly #data: Api;
  #storage: StorageClient | null = null;
  readonly #jobs = new Map<string, Jobs>();

  constructor(options: SessionOptions) {
    this.options = options;
    this.#clock = options.clock ?? systemClock;
    this.#budget = options.budget ?? budgetOf();
    this.#data = this.#client(options.project, options.location);
  }

  #client(project: string, location: string): Api {
    const { endpoint } = this.options;
    return openClient({ project, location, ...(endpoint === undefined ? {} : { endpoint }) });
  }

  /** Asks the data's project for metadata; free of charge. */
  metadata<T>(call: Call): Promise<T> {
    return repeatedly(() => this.#data.request<T>(call), startAttempts(this.#clock, this.#budget));
  }

  /** The Storage Read API; closed with the session. */
  storage(): StorageClient {
    const { storage } = this.options;
    this.#storage ??= openStorage(storage === undefined ? {} : { emulator: storage });
    return this.#storage;
  }

  /** All pages of a list. */
  async *pages<T extends { readonly nextPageToken?: string }>(
    path: string,
    query: Call['query'] = {},
  ): AsyncIterable<T> {
    for (let token: string | undefined; ; ) {
      const page = await this.metadata<T>({
        path,
        query: { ...query, ...(token === undefined ? {} : { pageToken: token }) },
      });
      yield page;
      token = page.nextPageToken;
      if (!token) return;
    }
  }

  /** Jobs at a location, billed to the tenant. */
  jobs(location = this.options.location): Jobs {
    const known = this.#jobs.get(location);
    if (known !== undefined) return known;
    const jobs = createJobs({
      api: this.#client(this.options.billed, location),
      clock: this.#clock,
      budget: this.#budget,
      labels: { tenant: this.options.tenant, managed_by: 'tributary' },
      meter: startMeter(this.usdPerTib),
    });
    this.#jobs.set(location, jobs);
    return jobs;
  }

  rows(sql: string, asking: Asking = {}): Promise<readonly Row[]> {
    return this.jobs(asking.location).query(this.#request(sql, asking));
  }

  run(sql: string, asking: Asking = {}): Promise<FinishedJob> {
    return this.jobs(asking.location).run(this.#request(sql, asking));
  }

  /** Runs the statement and tells where its rows lie. */
  async compute(sql: string, asking: Asking): Promise<{ project: string; dataset: string; table: string }> {
    const { destination } = await this.run(sql, asking);
    if (destination === undefined) throw new Error('The query kept no rows.');
    const { projectId, datasetId, tableId } = destination;
    return { project: projectId, dataset: datasetId, table: tableId };
  }

  /** Bytes that the statement would process. */
  dryRun(sql: string, asking: Asking = {}): Promise<number> {
    return this.jobs(asking.location).dryRun(this.#request(sql, asking));
  }

  /** The columns that the statement would give. */
  async schema(sql: string, asking: Asking = {}): Promise<readonly Field[]> {
    return (await this.jobs(asking.location).schema(this.#request(sql, asking))).fields ?? [];
  }

  #request(sql: string, { parameters = {}, signal, maxBytesBilled: own = Number.POSITIVE_INFINITY }: Asking) {
    const cap = Math.min(own, this.options.maxBytesBilled ?? Number.POSITIVE_INFINITY);
    const named = Object.entries(parameters).map(([name, value]): QueryParameter => ({ name, type: 'STRING', value }));
    const query = {
      ...queryConfiguration({ sql, parameters: named }),
      ...(Number.isFinite(cap) ? { maximumBytesBilled: String(cap) } : {}),
    };
    return { purpose: 'read', run: null, configuration: { query }, ...(signal === undefined ? {} : { signal }) };
  }

  facts(object?: ObjectRef): Named {
    const { tenant, connection, project, billed } = this.options;
    return {
      tenant,
      connection,
      project,
      billed,
      object: object?.table ?? (object === undefined ? project : 'the query'),
    };
  }

  /** Whatever BigQuery answered becomes an entry of the catalogue. */
  async told<T>(
    object: ObjectRef | undefined,
    work: () => Promise<T>,
    near?: () => Promise<string | undefined>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const problem = sourceProblem(error, this.facts(object));
      if (!(error instanceof BigqueryFailure) || near === undefined || error.failure.status !== 404) throw problem;
      const found = await near().catch(() => undefined);
      throw found === undefined ? problem : sourceProblem(error, { ...this.facts(object), near: found });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#storage?.close();
    this.#storage = null;
  }
}
