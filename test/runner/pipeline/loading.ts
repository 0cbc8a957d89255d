/** Whole runs in this process: a real PostgreSQL or MariaDB, the pipeline, and a warehouse file of their own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { type RunOutcome, runSource } from '../../../runner/pipeline/run.ts';
import { openSource } from '../../../runner/sources/registry.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { openDuckdb } from '../../../runner/warehouses/duckdb/warehouse.ts';
import { type TenantInput, tenantSchema } from '../../../tenants/schema/index.ts';
import type { MysqlServer } from '../../servers/mysql.ts';
import type { PostgresServer } from '../../servers/postgres.ts';

type SourceInput = NonNullable<TenantInput['sources']>[string];

export const MASK_KEY = 'a key of the tests';
const TENANT = 'acme';

export interface LoadingOptions {
  readonly vectorPath?: 'fast' | 'safe';
  /** Around the warehouse of each run. */
  readonly wrap?: (warehouse: Warehouse) => Warehouse;
}

/** A warehouse and a run store in a temporary folder. */
export class Loading implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'tributary-load-'));
  readonly #server: PostgresServer | MysqlServer;
  readonly #vectorPath: LoadingOptions['vectorPath'];
  readonly #wrap: NonNullable<LoadingOptions['wrap']>;
  #runs = 0;
  #reading: Warehouse | null = null;

  constructor(server: PostgresServer | MysqlServer, options: LoadingOptions = {}) {
    this.#server = server;
    this.#vectorPath = options.vectorPath;
    this.#wrap = options.wrap ?? ((warehouse) => warehouse);
  }

  /** Runs one source of the tenant `acme`; absent keys have the tenant file's defaults. */
  async run(
    name: string,
    source: Omit<SourceInput, 'connection' | 'load'> & { load?: SourceInput['load'] },
    options: {
      readonly yes?: boolean;
      readonly replay?: boolean;
      readonly backfill?: { readonly from: string; readonly to: string };
      readonly maxCostUsd?: number;
      readonly user?: string;
      readonly password?: string;
    } = {},
  ): Promise<RunOutcome> {
    await this.#close();
    const { kind, host, port, database } = this.#server;
    const user = options.user ?? this.#server.user;
    const tenant = tenantSchema.parse({
      tenant: TENANT,
      connections: { main: { kind, host, port, database, user, tls: 'disable', secret: 'main' } },
      sources: { [name]: { load: { strategy: 'catalog' }, ...source, connection: 'main' } },
    });
    const spec = tenant.sources[name];
    const connection = tenant.connections.main;
    if (spec === undefined || connection === undefined) throw new Error('the tenant of the test is wrong');
    const password = options.password ?? this.#server.password;
    const secrets = { get: async (secret: string) => (secret === 'mask-key' ? MASK_KEY : password) };
    await using opened = await openSource({ tenant: TENANT, name: 'main', connection, source: spec, secrets });
    await using store = openSqliteStore(join(this.folder, 'runs.sqlite'));
    this.#runs += 1;
    return await runSource({
      tenant,
      sourceName: name,
      spec,
      source: opened,
      store,
      secrets,
      signal: new AbortController().signal,
      runId: `run_${this.#runs}`,
      openWarehouse: async () => this.#wrap(await this.#open()),
      ...(options.maxCostUsd === undefined ? {} : { maxCostUsd: options.maxCostUsd }),
      ...(options.yes === undefined ? {} : { yes: options.yes }),
      ...(options.backfill === undefined ? {} : { backfill: options.backfill }),
      ...(options.replay === undefined ? {} : { replay: options.replay }),
    });
  }

  /** The same, and the run must succeed. */
  async load(...request: Parameters<Loading['run']>): Promise<RunOutcome> {
    const outcome = await this.run(...request);
    if (outcome.problem !== null) throw TributaryError.from(outcome.problem);
    return outcome;
  }

  /** Asks the warehouse; its tables are `acme_raw.<source>`. */
  async query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    this.#reading ??= await this.#open({ memory: '1GB' });
    return this.#reading.query(sql.replaceAll('acme_', 'warehouse.acme_'));
  }

  /** @param options of who only looks: a test may ask for more than a run may keep. */
  #open(options: { readonly memory?: string } = {}): Promise<Warehouse> {
    const file = join(this.folder, 'warehouse.duckdb');
    return openDuckdb({
      file,
      ...options,
      ...(this.#vectorPath === undefined ? {} : { vectorPath: this.#vectorPath }),
    });
  }

  async #close(): Promise<void> {
    await this.#reading?.[Symbol.asyncDispose]();
    this.#reading = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
