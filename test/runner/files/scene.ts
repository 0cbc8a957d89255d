/** Whole runs over objects of a real store: the pipeline, a warehouse file and a bucket of their own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent } from '../../../runner/core/contracts/run-store.ts';
import type { Source } from '../../../runner/core/contracts/source.ts';
import type { Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { TributaryError } from '../../../runner/core/errors.ts';
import { openFiles } from '../../../runner/files/index.ts';
import { type RunOutcome, runSource } from '../../../runner/pipeline/run.ts';
import { openGcs } from '../../../runner/sources/gcs/index.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { openDuckdb } from '../../../runner/warehouses/duckdb/warehouse.ts';
import { type TenantInput, tenantSchema } from '../../../tenants/schema/index.ts';
import type { ObjectStoreFixture } from '../../contracts/object-store.ts';
import type { StorageServer } from '../../servers/storage.ts';

type SourceInput = NonNullable<TenantInput['sources']>[string];
export type FilesInput = Omit<SourceInput, 'connection' | 'load' | 'files'> & {
  readonly files: NonNullable<SourceInput['files']>;
  readonly load?: SourceInput['load'];
};

export const APPEND = { strategy: 'transactional', mode: 'append' } as const;
export const MASK_KEY = 'a key of the tests';
let buckets = 0;

/** A bucket, a warehouse and a run store. The server of the bucket is that of STORAGE_EMULATOR_HOST. */
export class FilesScene implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'tributary-files-test-'));
  readonly bucket = `landing-${process.pid}-${buckets++}`;
  readonly events: RunEvent[] = [];
  readonly #server: StorageServer;
  readonly #openWarehouse: (() => Promise<Warehouse>) | null;
  /** Has the objects in place of the bucket. */
  readonly #elsewhere: ObjectStoreFixture | null;
  #runs = 0;
  #reading: Warehouse | null = null;

  private constructor(
    server: StorageServer,
    openWarehouse: (() => Promise<Warehouse>) | null,
    elsewhere: ObjectStoreFixture | null,
  ) {
    this.#server = server;
    this.#openWarehouse = openWarehouse;
    this.#elsewhere = elsewhere;
  }

  static async make(
    server: StorageServer,
    openWarehouse: (() => Promise<Warehouse>) | null = null,
    elsewhere: ObjectStoreFixture | null = null,
  ): Promise<FilesScene> {
    const scene = new FilesScene(server, openWarehouse, elsewhere);
    await scene.#call('POST', '/storage/v1/b?project=acme', JSON.stringify({ name: scene.bucket }));
    return scene;
  }

  async put(name: string, bytes: string | Uint8Array): Promise<void> {
    if (this.#elsewhere !== null) return await this.#elsewhere.put(name, Buffer.from(bytes));
    const path = `/upload/storage/v1/b/${this.bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`;
    await this.#call('POST', path, typeof bytes === 'string' ? bytes : Buffer.from(bytes));
  }

  async remove(name: string): Promise<void> {
    await this.#call('DELETE', `/storage/v1/b/${this.bucket}/o/${encodeURIComponent(name)}`);
  }

  async #call(method: string, path: string, body?: string | Buffer<ArrayBuffer>): Promise<void> {
    const answer = await fetch(`${this.#server.host}${path}`, { method, ...(body === undefined ? {} : { body }) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  }

  #tenant(name: string, source: FilesInput) {
    const tenant = tenantSchema.parse({
      tenant: 'acme',
      connections: {
        landing: this.#elsewhere?.connection(this.#elsewhere.host) ?? { kind: 'gcs', bucket: this.bucket },
      },
      sources: {
        [name]: { load: APPEND, quarantine: { maxRows: 1000, maxRatio: 1 }, ...source, connection: 'landing' },
      },
    });
    const spec = tenant.sources[name];
    const connection = tenant.connections.landing;
    if (spec === undefined || connection === undefined) throw new Error('the tenant of the test is wrong');
    return { tenant, spec, connection };
  }

  /** The source as the registry makes it. */
  source(name: string, input: FilesInput, now?: () => number): Source {
    const { spec, connection } = this.#tenant(name, input);
    const secrets = { get: async () => MASK_KEY };
    const store =
      connection.kind === 'gcs'
        ? openGcs({ tenant: 'acme', name: 'landing', connection, source: spec, secrets })
        : (this.#elsewhere as ObjectStoreFixture).open((this.#elsewhere as ObjectStoreFixture).host);
    return openFiles(store, now === undefined ? {} : { now });
  }

  async run(
    name: string,
    input: FilesInput,
    options: { readonly now?: () => number; readonly yes?: boolean } = {},
  ): Promise<RunOutcome> {
    await this.#close();
    const { tenant, spec } = this.#tenant(name, input);
    await using source = this.source(name, input, options.now);
    await using store = openSqliteStore(join(this.folder, 'runs.sqlite'));
    this.#runs += 1;
    return await runSource({
      ...{ tenant, sourceName: name, spec, source, store },
      secrets: { get: async () => MASK_KEY },
      signal: new AbortController().signal,
      runId: `run_${this.#runs}`,
      openWarehouse: () => this.#open(),
      onEvent: (event) => this.events.push(event),
      ...(options.yes === undefined ? {} : { yes: options.yes }),
    });
  }

  /** The same, and the run must succeed. */
  async load(...request: Parameters<FilesScene['run']>): Promise<RunOutcome> {
    const outcome = await this.run(...request);
    if (outcome.problem !== null) throw TributaryError.from(outcome.problem);
    return outcome;
  }

  /** Asks the warehouse file; tables are `acme_raw.<source>`. */
  async query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    this.#reading ??= await this.#open();
    return this.#reading.query(sql.replaceAll('acme_', 'warehouse.acme_'));
  }

  #open(): Promise<Warehouse> {
    return this.#openWarehouse?.() ?? openDuckdb({ file: join(this.folder, 'warehouse.duckdb') });
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
