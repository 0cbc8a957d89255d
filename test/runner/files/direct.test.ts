/** Parquet into BigQuery without being read here; and whatever is not exact that way, as ever. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Staging } from '../../../runner/core/contracts/staging.ts';
import type { Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { openBucket } from '../../../runner/staging/client.ts';
import { openGcsStaging } from '../../../runner/staging/gcs.ts';
import { landingOf } from '../../../runner/warehouses/bigquery/names.ts';
import { openBigquery } from '../../../runner/warehouses/bigquery/warehouse.ts';
import { stagingDataset, stagingPath } from '../../../tenants/naming.ts';
import { type FaultProxy, startProxy } from '../../cloud/emulators/proxy.ts';
import { type BigqueryServer, startBigquery } from '../../servers/bigquery.ts';
import { type StorageServer, startStorage } from '../../servers/storage.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { FilesScene } from './scene.ts';

const FILES = { files: { format: 'parquet', match: '*.parquet' } } as const;
const BUCKET = 'direct-staging';
const ROWS = `SELECT range AS id, 'n' || range AS name, range::DECIMAL(10,2) + 0.25 AS price, DATE '2026-01-02' AS day,
  TIMESTAMPTZ '2026-01-01 10:00:00.123456+00' AS seen, TIMESTAMP '2026-01-01 10:00:00.5' AS local, range % 2 = 0 AS even,
  range / 4 AS share, '\\xFF\\x00'::BLOB AS raw FROM`;

describeWith(['emulators'], 'Parquet into BigQuery', () => {
  let storage: StorageServer;
  let bigquery: BigqueryServer;
  let proxy: FaultProxy;
  let beforeCopy: () => Promise<void>;
  let afterCopy: (name: string) => Promise<void>;
  let ways: string[];
  /** Each scene counts its runs and tokens from one. */
  let project: string;
  let scenes = 0;
  const bucket = () => openBucket({ bucket: BUCKET, endpoint: storage.host });

  beforeAll(async () => {
    storage = await startStorage();
    bigquery = await startBigquery({ storage: storage.host });
    proxy = await startProxy(bigquery.host);
    process.env.STORAGE_EMULATOR_HOST = storage.host;
    const body = JSON.stringify({ name: BUCKET });
    await fetch(`${storage.host}/storage/v1/b?project=acme`, { method: 'POST', body });
  });
  afterAll(async () => {
    delete process.env.STORAGE_EMULATOR_HOST;
    await proxy?.stop();
    await bigquery?.stop();
    await storage?.stop();
  });

  /** Staging that tells which way the objects went. */
  async function watched(): Promise<Staging> {
    const staging = await openGcsStaging({ bucket: BUCKET, tenant: 'acme', endpoint: storage.host });
    return {
      ...staging,
      copy: async (...request) => {
        await beforeCopy();
        ways.push('copied');
        const copied = await staging.copy(...request);
        await afterCopy(copied[0]?.uri.slice(`gs://${BUCKET}/`.length) ?? '');
        return copied;
      },
      writeFiles: (...request) => {
        ways.push('read');
        return staging.writeFiles(...request);
      },
    };
  }

  async function open(): Promise<Warehouse> {
    return openBigquery({
      ...{ project, location: 'EU', tenant: 'acme', labels: {}, staging: await watched() },
      endpoint: proxy.host,
    });
  }

  async function make(): Promise<FilesScene> {
    ways = [];
    project = `acme-direct-${++scenes}`;
    beforeCopy = async () => undefined;
    afterCopy = async () => undefined;
    return await FilesScene.make(storage, open);
  }

  async function put(scene: FilesScene, name: string, select: string): Promise<void> {
    const file = join(scene.folder, name);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      await connection.run("SET TimeZone = 'UTC'");
      await connection.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
    await scene.put(name, readFileSync(file));
  }

  async function ask(sql: string) {
    await using warehouse = await open();
    return await warehouse.query(sql);
  }

  /** Objects and tables that a run would leave. */
  async function left(): Promise<readonly string[]> {
    const [objects] = await bucket().getFiles();
    const answer = await fetch(
      `${bigquery.host}/bigquery/v2/projects/${project}/datasets/${stagingDataset('acme')}/tables`,
    );
    const { tables = [] } = (await answer.json()) as { tables?: { tableReference: { tableId: string } }[] };
    return [...objects.map(({ name }) => name), ...tables.map(({ tableReference }) => tableReference.tableId)];
  }

  test('is copied and loaded, and is what the reader makes of it', { timeout: 60_000 }, async () => {
    await using scene = await make();
    await put(scene, 'a.parquet', `${ROWS} range(3)`);
    await put(scene, 'b.parquet', `${ROWS} range(3, 5)`);
    const { summary } = await scene.load('direct', FILES);
    expect(summary.rows).toMatchObject({ extracted: 5, inserted: 5, quarantined: 0 });
    expect(ways).toEqual(['copied']);
    // A mask needs the reader: the other columns are the same rows by the other way.
    await scene.load('through', { ...FILES, columns: { mask: { name: 'redact' } } });
    expect(ways).toEqual(['copied', 'read']);
    const rows = (table: string) =>
      ask(
        `SELECT id, price, day, seen, local, even, share, raw, _file, _modified_at FROM acme_raw.${table} ORDER BY id`,
      );
    const direct = await rows('direct');
    expect(direct).toEqual(await rows('through'));
    expect(direct.map(({ _file }) => String(_file).slice(-9))).toEqual([
      ...['a.parquet', 'a.parquet', 'a.parquet', 'b.parquet', 'b.parquet'],
    ]);
    expect(await ask('SELECT name FROM acme_raw.direct WHERE id = 4')).toEqual([{ name: 'n4' }]);
    const files = await ask("SELECT uri, `rows` FROM acme_tributary._files WHERE source = 'direct' ORDER BY uri");
    expect(files.map(({ rows }) => Number(rows))).toEqual([3, 2]);
    expect(await left()).toEqual([]);
  });

  test('of two schemas, with columns that nobody wants or that are cast, is read', { timeout: 60_000 }, async () => {
    await using scene = await make();
    await put(scene, 'a.parquet', 'SELECT 1::BIGINT AS id');
    await put(scene, 'b.parquet', "SELECT 2::BIGINT AS id, 'x' AS more");
    expect((await scene.load('two', FILES)).summary.rows).toMatchObject({ extracted: 2, inserted: 2 });
    expect(await ask('SELECT more FROM acme_raw.two ORDER BY id')).toEqual([{ more: null }, { more: 'x' }]);
    await scene.remove('a.parquet');
    await scene.load('fewer', { ...FILES, columns: { exclude: ['more'] } });
    await scene.load('other', { ...FILES, columns: { types: { id: 'STRING' } } });
    expect(ways).toEqual(['read', 'read', 'read']);
    expect(await left()).toEqual([]);
  });

  test('that is none fails as ever, with nothing copied', { timeout: 60_000 }, async () => {
    await using scene = await make();
    await put(scene, 'a.parquet', 'SELECT 1::BIGINT AS id');
    await scene.load('none', FILES);
    await scene.put('b.parquet', 'PAR1 and no more PAR1');
    ways = [];
    expect((await scene.run('none', FILES)).problem?.code).toBe('FILE_UNREADABLE');
    expect(ways).not.toContain('copied');
    expect(await ask('SELECT COUNT(*) AS n FROM acme_raw.none')).toEqual([{ n: '1' }]);
  });

  test('that the load refuses is read', { timeout: 60_000 }, async () => {
    await using scene = await make();
    await put(scene, 'a.parquet', `${ROWS} range(3)`);
    afterCopy = (name) => bucket().file(name).save('PAR1 and no more PAR1', { resumable: false });
    expect((await scene.load('refused', FILES)).summary.rows).toMatchObject({ extracted: 3, inserted: 3 });
    expect(ways).toEqual(['copied', 'read']);
    expect(await left()).toEqual([]);
  });

  test('of which an object changes before it is copied fails the run', { timeout: 60_000 }, async () => {
    await using scene = await make();
    await put(scene, 'a.parquet', `${ROWS} range(3)`);
    beforeCopy = () => put(scene, 'a.parquet', `${ROWS} range(4)`);
    expect((await scene.run('changed', FILES)).problem?.code).toBe('FILE_CHANGED');
    expect(await left()).toEqual([]);
    beforeCopy = async () => undefined;
    expect((await scene.load('changed', FILES)).summary.rows).toMatchObject({ extracted: 4, inserted: 4 });
  });

  test('an answer of the load that is lost loads nothing twice', { timeout: 60_000 }, async () => {
    await using scene = await make();
    await put(scene, 'a.parquet', `${ROWS} range(3)`);
    proxy.fault({ job: /_load_files_1_/, method: 'POST', fault: { how: 'lose answer' } });
    expect((await scene.load('lost', FILES)).summary.rows).toMatchObject({ extracted: 3, inserted: 3 });
    expect(proxy.pending()).toEqual([]);
    expect(ways).toEqual(['copied']);
  });

  test('a run that was killed between copy and load leaves nothing past the next', { timeout: 60_000 }, async () => {
    await using scene = await make();
    await put(scene, 'a.parquet', `${ROWS} range(3)`);
    await scene.load('killed', FILES);
    await put(scene, 'b.parquet', `${ROWS} range(3, 5)`);
    const dead = { tenant: 'acme', source: 'killed', runId: 'run_dead', fencingToken: 1 };
    const name = `${stagingPath(dead.tenant, dead.source, dead.runId, dead.fencingToken)}files/_tributary_file=0/b.parquet`;
    await bucket().file(name).save('half', { resumable: false });
    const landing = landingOf(dead);
    await ask(`CREATE TABLE ${landing.dataset}.${landing.table} (id INT64)`);
    expect(await left()).toEqual([name, landing.table]);
    expect((await scene.load('killed', FILES)).summary.rows).toMatchObject({ extracted: 2, inserted: 2 });
    expect(await left()).toEqual([]);
  });
});
