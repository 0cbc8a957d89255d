/** Whole runs into BigQuery and Cloud Storage of this machine, alone or with others that carry out splits. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Source, SourceRequest } from '../../../runner/core/contracts/source.ts';
import type { SplitExecutor } from '../../../runner/core/contracts/splits.ts';
import type { Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { type RunOutcome, type RunRequest, runSource } from '../../../runner/pipeline/run.ts';
import { openFirestore } from '../../../runner/sources/firestore/index.ts';
import { openMysql } from '../../../runner/sources/mysql/index.ts';
import { openPostgres } from '../../../runner/sources/postgres/index.ts';
import { openSqliteStore } from '../../../runner/stores/sqlite.ts';
import { secretVariable } from '../../../tenants/naming.ts';
import { type TenantInput, tenantSchema } from '../../../tenants/schema/index.ts';
import { type Cloud, startCloud } from '../../contracts/warehouse-bigquery.ts';
import { type StorageProxy, startProxy } from '../staging/proxy.ts';
import type { Environment } from './child.ts';

/** Of a split. */
const SPLIT_ROWS = 500;

export const MASK_KEY = 'a key of the tests, which is in no log';

type Connection = NonNullable<TenantInput['connections']>[string];
export type SourceInput = Omit<NonNullable<TenantInput['sources']>[string], 'connection'>;

export interface SplitsScene extends AsyncDisposable {
  readonly cloud: Cloud;
  /** Between the extractors and Cloud Storage. */
  readonly proxy: StorageProxy;
  readonly project: string;
  /** Of an extractor. */
  environment(password: string): Environment;
  /** Runs the source of the tenant `acme`; with an executor beyond this process. */
  run(name: string, source: SourceInput, from: From, more?: More): Promise<RunOutcome>;
  warehouse(): Promise<Warehouse>;
  /** All rows of the table that a source landed in, without what each run writes anew. */
  rows(name: string, order: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface From {
  readonly connection: Connection;
  readonly password: string;
}

export type More = Partial<Pick<RunRequest, 'runId' | 'signal' | 'onEvent'>> & {
  readonly executor?: SplitExecutor;
  /** The process is gone when its executor fails: nothing is cleared away and nobody is told. */
  readonly dies?: true;
};

/** A source whose splits are small, so that few rows are several. */
function openSource(request: SourceRequest): Source {
  const { connection } = request;
  if (connection.kind === 'postgres') return openPostgres({ ...request, connection }, { pieceRows: SPLIT_ROWS });
  if (connection.kind === 'mysql') return openMysql({ ...request, connection }, { pieceRows: SPLIT_ROWS });
  if (connection.kind === 'firestore') return openFirestore({ ...request, connection }, { splitDocuments: SPLIT_ROWS });
  throw new Error(`${connection.kind} is no source of this scene`);
}

function withoutDiscard(warehouse: Warehouse): Warehouse {
  return new Proxy(warehouse, {
    get(target, name) {
      if (name === 'discard') return async () => undefined;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

export async function startSplitsScene(project: string): Promise<SplitsScene> {
  const cloud = await startCloud();
  const proxy = await startProxy(cloud.storage.host);
  const folder = mkdtempSync(join(tmpdir(), 'tributary-splits-'));
  let runs = 0;
  const warehouse = () => cloud.open({ project });
  return {
    ...{ cloud, proxy, project, warehouse },
    environment: (password) => ({
      STORAGE_EMULATOR_HOST: proxy.host,
      TRIBUTARY_SECRETS: 'laptop',
      [secretVariable('main')]: password,
      [secretVariable('mask-key')]: MASK_KEY,
      TRIBUTARY_RETRY_SECONDS: '10',
    }),
    async run(name, source, { connection, password }, { executor, dies, ...more } = {}) {
      const tenant = tenantSchema.parse({
        tenant: 'acme',
        connections: { main: connection },
        sources: { [name]: { ...source, connection: 'main' } },
      });
      const spec = tenant.sources[name];
      const opened = tenant.connections.main;
      if (spec === undefined || opened === undefined) throw new Error('the tenant of the test is wrong');
      const secrets = { get: async (secret: string) => (secret === 'mask-key' ? MASK_KEY : password) };
      await using reading = openSource({ tenant: 'acme', name: 'main', connection: opened, source: spec, secrets });
      await using kept = openSqliteStore(join(folder, 'runs.sqlite'));
      const store = dies ? { ...kept, finish: async () => false } : kept;
      runs += 1;
      return await runSource({
        ...{ tenant, sourceName: name, spec, source: reading, store, secrets, runId: `run_${runs}` },
        signal: new AbortController().signal,
        openWarehouse: async () => (dies ? withoutDiscard(await warehouse()) : await warehouse()),
        ...(executor === undefined
          ? {}
          : {
              beyond: {
                ...{ executors: ['tasks'], cloud: null, traceparent: null },
                openExecutor: async () => executor,
              },
            }),
        ...more,
      });
    },
    async rows(name, order) {
      await using asked = await warehouse();
      const columns = '* EXCEPT (_run_id, _extracted_at)';
      return await asked.query(`SELECT ${columns} FROM acme_raw.${name} ORDER BY ${order}`);
    },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
      await proxy[Symbol.asyncDispose]();
      await cloud[Symbol.asyncDispose]();
    },
  };
}
