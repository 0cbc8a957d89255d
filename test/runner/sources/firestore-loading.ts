/** Whole runs in this process: Google's emulator, the pipeline, and a warehouse file of their own. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Source } from '../../../runner/core/contracts/source.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { type RunOutcome, type RunRequest, runSource } from '../../../runner/pipeline/run.ts';
import { openFirestore } from '../../../runner/sources/firestore/index.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { openDuckdb } from '../../../runner/warehouses/duckdb/warehouse.ts';
import { type TenantInput, type TenantSpec, tenantSchema } from '../../../tenants/schema/index.ts';
import type { ApiValue, FirestoreServer, PutDocument } from '../../servers/firestore.ts';

type SourceInput = NonNullable<TenantInput['sources']>[string];
type Wishes = Pick<RunRequest, 'yes' | 'replay' | 'maxCostUsd' | 'backfill'>;

export const integer = (value: number | bigint | string): ApiValue => ({ integerValue: String(value) });
export const double = (value: number | string): ApiValue => ({ doubleValue: value });
export const text = (stringValue: string): ApiValue => ({ stringValue });
export const time = (timestampValue: string): ApiValue => ({ timestampValue });
export const map = (fields: Readonly<Record<string, ApiValue>>): ApiValue => ({ mapValue: { fields } });
export const list = (...values: readonly ApiValue[]): ApiValue => ({ arrayValue: { values } });

/** A project of its own at the emulator, a warehouse and a run store. */
export class FirestoreLoading implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'tributary-firestore-'));
  readonly project = `t-${randomBytes(5).toString('hex')}`;
  /** Where sources reach the emulator; a proxy, perhaps. */
  host: string;
  readonly #server: FirestoreServer;
  #runs = 0;

  constructor(server: FirestoreServer) {
    this.#server = server;
    this.host = server.host;
  }

  put(documents: Iterable<PutDocument>): Promise<void> {
    return this.#server.put(this.project, documents);
  }

  clear(): Promise<void> {
    return this.#server.clear(this.project);
  }

  /** A tenant with this one source, `items`. */
  tenant(source: Omit<SourceInput, 'connection' | 'load'> & { load?: SourceInput['load'] }): TenantSpec {
    return tenantSchema.parse({
      tenant: 'acme',
      connections: { app: { kind: 'firestore', project: this.project } },
      sources: { items: { load: { strategy: 'catalog' }, ...source, connection: 'app' } },
    });
  }

  open(tenant: TenantSpec = this.tenant({ collection: 'items' })): Source {
    const connection = tenant.connections.app;
    if (connection?.kind !== 'firestore') throw new Error('the tenant of the test is wrong');
    const source = tenant.sources.items;
    process.env.FIRESTORE_EMULATOR_HOST = this.host;
    const request = { tenant: 'acme', name: 'app', connection, secrets: { get: async () => 'a key' } };
    return openFirestore(source === undefined ? request : { ...request, source });
  }

  async run(source: Parameters<FirestoreLoading['tenant']>[0], wishes: Wishes = {}): Promise<RunOutcome> {
    const tenant = this.tenant(source);
    const spec = tenant.sources.items;
    if (spec === undefined) throw new Error('the tenant of the test is wrong');
    await using opened = this.open(tenant);
    await using store = openSqliteStore(join(this.folder, 'runs.sqlite'));
    this.#runs += 1;
    return await runSource({
      ...{ tenant, sourceName: 'items', spec, source: opened, store, runId: `run_${this.#runs}`, ...wishes },
      secrets: { get: async () => 'a key' },
      signal: new AbortController().signal,
      openWarehouse: () => openDuckdb({ file: join(this.folder, 'warehouse.duckdb') }),
    });
  }

  /** The same, and the run must succeed. */
  async load(...request: Parameters<FirestoreLoading['run']>): Promise<RunOutcome> {
    const outcome = await this.run(...request);
    if (outcome.problem !== null) throw TributaryError.from(outcome.problem);
    return outcome;
  }

  /** Asks the warehouse; its table is `acme_raw.items`. */
  async query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    await using warehouse = await openDuckdb({ file: join(this.folder, 'warehouse.duckdb') });
    return await warehouse.query(sql.replaceAll('acme_', 'warehouse.acme_'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
