/** Parquet into BigQuery as it is: from every store, past a bucket that denies, and when the process is killed on the way. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { openBucket } from '../../../runner/staging/client.ts';
import { openGcsStaging } from '../../../runner/staging/gcs.ts';
import { openBigquery } from '../../../runner/warehouses/bigquery/warehouse.ts';
import { stagingBucket, stagingDataset } from '../../../tenants/naming.ts';
import { type Emulators, emulatorClients, startEmulators } from '../../chaos/emulators.ts';
import { type FaultProxy, startProxy } from '../../cloud/emulators/proxy.ts';
import type { ObjectStoreFixture } from '../../contracts/object-store.ts';
import { startCommand } from '../../faults/command.ts';
import type { StorageServer } from '../../servers/storage.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { startAzureBlobStore } from '../sources/azure-blob-store.ts';
import { startS3Store } from '../sources/s3-store.ts';
import { APPEND, FilesScene } from './scene.ts';

const FILES = { format: 'parquet', match: '*.parquet' } as const;
const ROWS = 50;
const COUNT = 12;

describeWith(['emulators'], 'Parquet into BigQuery, on a bad day', () => {
  let emulators: Emulators & AsyncDisposable;
  let storage: FaultProxy;
  let bigquery: FaultProxy;
  let project: string;
  let scenes = 0;

  beforeAll(async () => {
    emulators = await startEmulators();
    storage = await startProxy(emulators.storage.host);
    bigquery = await startProxy(emulators.bigquery.host);
    process.env.STORAGE_EMULATOR_HOST = emulators.storage.host;
  });
  afterAll(async () => {
    delete process.env.STORAGE_EMULATOR_HOST;
    await storage?.stop();
    await bigquery?.stop();
    await emulators?.[Symbol.asyncDispose]();
  });

  const clients = () => emulatorClients(emulators, project);
  const bucket = () => openBucket({ bucket: stagingBucket(project, 'acme'), endpoint: emulators.storage.host });

  async function open(): Promise<Warehouse> {
    const staging = await openGcsStaging({ bucket: bucket().name, tenant: 'acme', endpoint: storage.host });
    return openBigquery({ project, location: 'EU', tenant: 'acme', labels: {}, staging, endpoint: bigquery.host });
  }

  /** A scene with objects of rows that no other object has. */
  async function make(elsewhere: ObjectStoreFixture | null = null): Promise<FilesScene> {
    project = `acme-faults-${++scenes}`;
    storage.reset();
    bigquery.reset();
    const body = JSON.stringify({ name: bucket().name });
    await fetch(`${emulators.storage.host}/storage/v1/b?project=${project}`, { method: 'POST', body });
    const scene = await FilesScene.make(emulators.storage as StorageServer, open, elsewhere);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    for (let i = 0; i < COUNT; i++) {
      const file = join(scene.folder, `${i}.parquet`);
      const range = `range(${i * ROWS}, ${(i + 1) * ROWS})`;
      await connection.run(
        `COPY (SELECT range AS id, 'n' || range AS name FROM ${range}) TO '${file}' (FORMAT parquet)`,
      );
      await scene.put(`${i}.parquet`, readFileSync(file));
    }
    connection.closeSync();
    instance.closeSync();
    return scene;
  }

  async function expectOnce(source: string): Promise<void> {
    const sql = `SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids, COUNT(DISTINCT _file) AS files FROM acme_raw.${source}`;
    const [[row]] = await clients().bigquery.query(sql);
    expect(row).toEqual({ n: COUNT * ROWS, ids: COUNT * ROWS, files: COUNT });
    const [objects] = await bucket().getFiles();
    const [tables] = await clients().bigquery.dataset(stagingDataset('acme')).getTables();
    expect([...objects.map(({ name }) => name), ...tables.map(({ id }) => id)]).toEqual([]);
  }

  const loads = () => bigquery.calls.filter(({ jobId }) => jobId?.includes('_load_files_'));
  const parts = () => storage.calls.filter(({ url }) => decodeURIComponent(url).includes('/rows/part-'));

  test.for([
    ['S3', startS3Store],
    ['Azure', startAzureBlobStore],
  ] as const)('comes from %s by a stream', { timeout: 120_000 }, async ([, start]) => {
    await using fixture = await start();
    await using scene = await make(fixture);
    const { summary } = await scene.load('streamed', { files: FILES });
    expect(summary.rows).toMatchObject({ extracted: COUNT * ROWS, inserted: COUNT * ROWS });
    expect(loads().length).toBeGreaterThan(0);
    expect(parts()).toEqual([]);
    await expectOnce('streamed');
  });

  test('goes by a stream where the bucket does not let the warehouse account copy', { timeout: 120_000 }, async () => {
    await using scene = await make();
    storage.fault({ path: /\/(?:rewriteTo|copyTo)\//, times: COUNT, fault: { how: 'answer', error: 'forbidden' } });
    await scene.load('denied', { files: FILES });
    expect(storage.pending()).toEqual([]);
    expect(loads().length).toBeGreaterThan(0);
    expect(parts()).toEqual([]);
    await expectOnce('denied');
  });

  const kills = [
    ['between two copies', () => storage, { path: /\/(?:rewriteTo|copyTo)\//, nth: 5 }],
    ['as the load job begins', () => bigquery, { job: /_load_files_/, method: 'POST' }],
    ['as the load job has run', () => bigquery, { job: /_load_files_/, method: 'POST', done: true }],
  ] as const;

  test.for(kills)(
    'killed %s, every row is there once after the next run',
    { timeout: 180_000 },
    async ([, where, strike]) => {
      await using scene = await make();
      const tenant = {
        tenant: 'acme',
        connections: { landing: { kind: 'gcs', bucket: scene.bucket } },
        sources: { killed: { connection: 'landing', files: FILES, load: APPEND } },
      };
      mkdirSync(join(scene.folder, 'tenants'));
      writeFileSync(join(scene.folder, 'tenants', 'acme.yaml'), JSON.stringify(tenant));
      const run = () =>
        startCommand({
          folder: scene.folder,
          words: ['run', 'acme', 'killed', '--tenants', 'tenants', '--warehouse', `bigquery:${project}`, '--json'],
          environment: { STORAGE_EMULATOR_HOST: storage.host, BIGQUERY_EMULATOR_HOST: bigquery.host },
          seconds: 80,
        });
      const { done = false, ...call } = strike as { done?: boolean; path?: RegExp; job?: RegExp };
      const first = run();
      const kill = () => void first.child.kill('SIGKILL');
      const fault = { how: done ? 'lose answer' : 'lose request' } as const;
      where().fault({ ...call, fault, ...(done ? { onAnswer: kill } : { onArrive: kill }) });
      expect((await first.ended).code).toBeNull();
      expect(where().pending()).toEqual([]);
      const [left] = await bucket().getFiles();
      expect(left.length).toBeGreaterThan(0);
      const second = await run().ended;
      expect(second.json, second.stderr).toMatchObject({ status: 'succeeded', rows: { inserted: COUNT * ROWS } });
      await expectOnce('killed');
    },
  );
});
