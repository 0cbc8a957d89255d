import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Warehouse } from '../../../runner/core/contracts/warehouse.ts';
import { openGcsStaging } from '../../../runner/staging/gcs.ts';
import { openBigquery } from '../../../runner/warehouses/bigquery/warehouse.ts';
import { type BigqueryServer, startBigquery } from '../../servers/bigquery.ts';
import { type StorageServer, startStorage } from '../../servers/storage.ts';
import { describeWith } from '../../setup/describe-with.ts';
import { FilesScene } from './scene.ts';

describeWith(['emulators'], 'files into BigQuery', () => {
  let storage: StorageServer;
  let bigquery: BigqueryServer;
  beforeAll(async () => {
    storage = await startStorage();
    bigquery = await startBigquery({ storage: storage.host });
    process.env.STORAGE_EMULATOR_HOST = storage.host;
    const body = JSON.stringify({ name: 'staging' });
    await fetch(`${storage.host}/storage/v1/b?project=acme`, { method: 'POST', body });
  });
  afterAll(async () => {
    delete process.env.STORAGE_EMULATOR_HOST;
    await bigquery?.stop();
    await storage?.stop();
  });

  async function open(): Promise<Warehouse> {
    const staging = await openGcsStaging({ bucket: 'staging', tenant: 'acme', endpoint: storage.host });
    return openBigquery({
      ...{ project: 'acme-data', location: 'EU', tenant: 'acme', labels: {}, staging },
      endpoint: bigquery.host,
    });
  }

  test('each version once; malformed rows and misfits in quarantine', { timeout: 120_000 }, async () => {
    await using scene = await FilesScene.make(storage, open);
    await scene.put('a.csv', 'id,name,paid\n1,Ann,1.5\n2,short\n3,"B, x",soon\n');
    const input = { files: { format: 'csv', match: '*.csv' }, columns: { types: { paid: 'FLOAT64' } } } as const;
    const first = await scene.load('sales', input);
    expect(first.summary.rows).toMatchObject({ extracted: 3, inserted: 1, quarantined: 2 });
    await scene.put('b.csv', 'paid,id,name\n2,4,Dan\n');
    expect((await scene.load('sales', input)).summary.rows).toMatchObject({ extracted: 1, inserted: 1 });
    expect((await scene.load('sales', input)).summary.rows).toMatchObject({ extracted: 0, inserted: 0 });
    await using warehouse = await open();
    expect(await warehouse.query('SELECT id, name, paid, _file FROM acme_raw.sales ORDER BY id')).toMatchObject([
      { name: 'Ann', paid: 1.5, _file: `gs://${scene.bucket}/a.csv` },
      { name: 'Dan', paid: 2, _file: `gs://${scene.bucket}/b.csv` },
    ]);
    const files = await warehouse.query('SELECT uri, `rows` FROM acme_tributary._files ORDER BY uri');
    expect(files.map(({ uri, rows }) => [String(uri).slice(-5), Number(rows)])).toEqual([
      ['a.csv', 3],
      ['b.csv', 1],
    ]);
    const reasons = await warehouse.query('SELECT reason FROM acme_tributary._quarantine ORDER BY reason');
    expect(reasons).toMatchObject([
      { reason: expect.stringContaining('a.csv, line 3') },
      { reason: expect.stringContaining('VALUE_NOT_CASTABLE') },
    ]);
  });
});
