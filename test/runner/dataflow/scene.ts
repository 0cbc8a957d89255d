/** Whole runs through the executor of Dataflow: its API and BigQuery as emulators, the pipeline and the extractors for real. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Source, SourceRequest } from '../../../runner/core/contracts/source.ts';
import type { Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { openDataflow } from '../../../runner/launchers/dataflow/index.ts';
import { type RunOutcome, runSource } from '../../../runner/pipeline/run.ts';
import { openGcsStaging } from '../../../runner/staging/gcs.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { openBigquery } from '../../../runner/warehouses/bigquery/warehouse.ts';
import { type TenantInput, type TenantSpec, tenantSchema } from '../../../tenants/schema/index.ts';
import { type BeamEnd, type BeamJob, startBeamJob } from '../../servers/beam.ts';
import { type BigqueryServer, startBigquery } from '../../servers/bigquery.ts';
import { type DataflowServer, startDataflow } from '../../servers/dataflow.ts';
import { type StorageOptions, type StorageServer, startStorage } from '../../servers/storage.ts';
import { root } from '../../setup/ways.ts';
import type { Fault } from './faulty-extractor.ts';

export const PASSWORD_VARIABLE = 'TRIBUTARY_SECRET_DB_PASSWORD';
const [TENANT, PROJECT, BUCKET] = ['acme', 'acme-data', 'acme-staging'];
const TEMPLATE = `gs://${BUCKET}/templates/dataflow.json`;
const CLOUD = { project: PROJECT, location: 'EU' };

type SourceInput = NonNullable<TenantInput['sources']>[string];
type ConnectionInput = NonNullable<TenantInput['connections']>[string];

export interface Loaded {
  readonly outcome: RunOutcome;
  readonly job: (BeamEnd & { readonly seconds: number }) | null;
}

export interface LoadOptions {
  readonly fault?: Fault | null;
  /** Put around the warehouse of the run. */
  readonly around?: (warehouse: Warehouse) => Warehouse;
}

export class DataflowScene implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'tributary-dataflow-'));
  readonly #stack = new AsyncDisposableStack();
  readonly #storage: StorageServer;
  readonly #bigquery: BigqueryServer;
  /** Beside those of the scene, for the extractors. */
  environment: Readonly<Record<string, string>> = {};
  extractor: readonly [string, ...string[]] = [process.execPath, join(import.meta.dirname, 'faulty-extractor.ts')];
  dataflow!: DataflowServer;
  #job: BeamJob | null = null;
  #ended: Loaded['job'] = null;
  #runs = 0;

  private constructor(storage: StorageServer, bigquery: BigqueryServer) {
    this.#storage = storage;
    this.#bigquery = bigquery;
    this.#stack.defer(() => rmSync(this.folder, { recursive: true, force: true }));
    this.#stack.use(storage);
    this.#stack.use(bigquery);
  }

  static async make(options: StorageOptions = {}): Promise<DataflowScene> {
    const storage = await startStorage(options);
    const scene = new DataflowScene(storage, await startBigquery({ storage: storage.host }));
    await scene.#call('/storage/v1/b?project=acme', JSON.stringify({ name: BUCKET }));
    const metadata = JSON.parse(readFileSync(join(root, 'runner/dataflow/metadata.json'), 'utf8'));
    const specification = { image: 'none', sdkInfo: { language: 'PYTHON' }, metadata };
    const upload = `/upload/storage/v1/b/${BUCKET}/o?uploadType=media&name=templates/dataflow.json`;
    await scene.#call(upload, JSON.stringify(specification));
    scene.dataflow = scene.#stack.use(
      await startDataflow({
        storage: storage.host,
        execute: ({ parameters }, signal) => scene.#execute(parameters, signal),
      }),
    );
    return scene;
  }

  /** Runs the source `name` of the tenant; `open` makes its source. */
  async load(
    name: string,
    connection: ConnectionInput,
    source: Omit<SourceInput, 'connection'>,
    open: (request: SourceRequest) => Source,
    { fault = null, around = (warehouse) => warehouse }: LoadOptions = {},
  ): Promise<Loaded> {
    const tenant: TenantSpec = tenantSchema.parse({
      ...{ tenant: TENANT, project: PROJECT, location: 'EU' },
      connections: { app: connection },
      sources: { [name]: { ...source, connection: 'app' } },
    });
    const spec = tenant.sources[name];
    const parsed = tenant.connections.app;
    if (spec === undefined || parsed === undefined) throw new Error('the tenant of the test is wrong');
    const secrets = { get: async () => this.environment[PASSWORD_VARIABLE] ?? '' };
    writeFileSync(join(this.folder, 'fault.json'), JSON.stringify(fault));
    rmSync(join(this.folder, 'attempts'), { recursive: true, force: true });
    mkdirSync(join(this.folder, 'attempts'));
    this.#job = null;
    this.#ended = null;
    await using opened = open({ tenant: TENANT, name: 'app', connection: parsed, source: spec, secrets });
    await using store = openSqliteStore(join(this.folder, 'runs.sqlite'));
    const outcome = await runSource({
      ...{ tenant, sourceName: name, spec, source: opened, store, secrets, runId: `run_${++this.#runs}`, yes: true },
      signal: new AbortController().signal,
      openWarehouse: async () => around(await this.warehouse()),
      beyond: { executors: ['dataflow'], openExecutor: async () => this.#executor(), cloud: CLOUD, traceparent: null },
    });
    await this.dataflow.idle();
    return { outcome, job: this.#ended };
  }

  async warehouse(): Promise<Warehouse> {
    const { host: endpoint } = this.#storage;
    const staging = await openGcsStaging({ bucket: BUCKET, tenant: TENANT, endpoint });
    const labels = { tenant: TENANT, env: 'test', cost_center: 'tests', managed_by: 'tributary' };
    return openBigquery({ ...CLOUD, tenant: TENANT, labels, staging, endpoint: this.#bigquery.host });
  }

  /** Splits in the order in which extractors began them. */
  begun(): readonly { readonly split: string; readonly attempt: number; readonly worker: number }[] {
    return readdirSync(join(this.folder, 'attempts')).map((file) => {
      const [split = '', attempt] = file.split('.');
      return { split, attempt: Number(attempt), worker: Number(readFileSync(join(this.folder, 'attempts', file))) };
    });
  }

  /** Where the objects lie on disk, with `onDisk`. */
  get objects(): string {
    return join(this.#storage.folder, 'objects');
  }

  workers(): readonly number[] {
    return this.#job?.workers() ?? [];
  }

  log(): string {
    return this.#job?.log() ?? '';
  }

  #executor() {
    return openDataflow({
      ...{ kind: 'dataflow', project: PROJECT, region: 'europe-west1', template: TEMPLATE, bucket: BUCKET },
      ...{ account: 'workers@acme-data.iam.gserviceaccount.com', labels: {}, pollMs: [50, 200] },
      ...{ endpoint: this.dataflow.host, storage: this.#storage.host },
    });
  }

  async #execute({ work = '', workers }: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    await using job = startBeamJob({
      ...{ work, workers: Number(workers) },
      extractor: this.extractor,
      environment: {
        TRIBUTARY_SECRETS: 'laptop',
        TRIBUTARY_SPLIT_PAUSE_SECONDS: '0.1',
        STORAGE_EMULATOR_HOST: this.#storage.host,
        FAULTS: this.folder,
        NODE_COMPILE_CACHE: join(this.folder, 'compiled'),
        ...this.environment,
      },
    });
    this.#job = job;
    signal.addEventListener('abort', () => void job.kill());
    const end = await job.wait();
    this.#ended = { ...end, seconds: (performance.now() - began) / 1000 };
    const { state, problem } = end;
    if (state !== 'done') throw new Error(problem === null ? job.log().slice(-2000) : JSON.stringify(problem));
  }

  async #call(path: string, body: string): Promise<void> {
    const answer = await fetch(`${this.#storage.host}${path}`, { method: 'POST', body });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
