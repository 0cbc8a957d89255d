/** Rows that BigQuery reads itself: casts, misfits, lost answers. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StatementOffer } from '../../../../runner/core/contracts/offer.ts';
import type { StagedColumn, Warehouse } from '../../../../runner/core/contracts/warehouse.ts';
import { batchLayout, type VectorKind } from '../../../../runner/core/vectors.ts';
import { stagingStatement } from '../../../../runner/warehouses/bigquery/stage-statement.ts';
import { evidenceDataset } from '../../../../tenants/naming.ts';
import { startAnalyzer } from '../../../cloud/emulators/analyzer.ts';
import { type FaultProxy, startProxy } from '../../../cloud/emulators/proxy.ts';
import { PLAIN } from '../../../contracts/warehouse-bench.ts';
import { type Cloud, startCloud } from '../../../contracts/warehouse-bigquery.ts';
import { describeWith } from '../../../setup/describe-with.ts';

const staged = (name: string, kind: VectorKind, type: string, cast = false): StagedColumn => ({
  vector: { name, kind, ...(kind === 'decimal' ? { precision: 38, scale: 9 } : {}) },
  column: { name, type: { kind: type } as StagedColumn['column']['type'], nullable: true },
  cast,
});

const COLUMNS = [
  staged('id', 'int64', 'INT64'),
  staged('price', 'text', 'FLOAT64', true),
  staged('whole', 'float64', 'INT64', true),
  staged('j', 'json', 'JSON'),
];
const SQL = `SELECT 1 AS id, '1.5' AS price, 2.0 AS whole, JSON '{"a": 1}' AS j
  UNION ALL SELECT 2, 'dear', 2.0, NULL UNION ALL SELECT 3, '3', 2.5, NULL`;
const TARGET = { dataset: 'acme_raw', table: 'prices' };
const forever = new AbortController().signal;

describeWith(['emulators'], 'a statement as the staging of BigQuery', () => {
  let cloud: Cloud;
  let proxy: FaultProxy;

  beforeAll(async () => {
    cloud = await startCloud();
    proxy = await startProxy(cloud.bigquery.host);
  });
  afterAll(async () => {
    await proxy?.stop();
    await cloud?.[Symbol.asyncDispose]();
  });

  const offer = (more: Partial<StatementOffer> = {}): StatementOffer => ({
    ...{ way: 'statement', dialect: 'bigquery', sql: SQL, parameters: {}, location: 'US' },
    ...more,
  });
  async function stage(warehouse: Warehouse, asked: StatementOffer) {
    const run = { tenant: 'acme', source: 'prices', runId: 'r1', fencingToken: 1, startedAt: '2026-01-01T00:00:00Z' };
    await warehouse.prepare(run, TARGET);
    const layout = batchLayout(COLUMNS.map(({ vector }) => vector));
    const spec = { run, target: TARGET, columns: COLUMNS, layout, rowBytes: 50 };
    const moved = await warehouse.stageOffer(spec, asked, { signal: forever, onProgress: () => undefined });
    return { run, moved };
  }
  const commit = (warehouse: Warehouse, run: Awaited<ReturnType<typeof stage>>['run']) =>
    warehouse.commit({
      ...{ run, target: TARGET, columns: COLUMNS, design: PLAIN, change: { kind: 'replace' }, schemaChanges: [] },
      evidence: {
        ...{ strategy: 'catalog/replace', mode: 'cloud_run', modeReason: 'a test', window: null, boundProof: null },
        ...{ extracted: 3, bytesExtracted: 0, nullified: 0, seconds: {} },
      },
      ...{ cursor: null, maxDeleteRatio: 1, allowMassDelete: true, maxBytesBilled: null, command: '' },
    });

  test('casts exactly, and sets rows aside that would not be the same', async () => {
    await using warehouse = await cloud.open();
    const { run, moved } = await stage(warehouse, offer());
    expect(moved).toMatchObject({ summary: { extracted: 3, rejected: 0 }, staged: { rows: 1, uncastable: 2 } });
    await commit(warehouse, run);
    const rows = await warehouse.query('SELECT id, price, whole, TO_JSON_STRING(j) AS j FROM acme_raw.prices');
    expect(rows).toEqual([{ id: '1', price: 1.5, whole: '2', j: '{"a":1}' }]);
    const aside = await warehouse.query(
      `SELECT column_name, reason, TO_JSON_STRING(\`row\`) AS kept FROM ${evidenceDataset('acme')}._quarantine ORDER BY column_name`,
    );
    expect(aside).toMatchObject([
      { column_name: 'price', reason: expect.stringMatching(/^VALUE_NOT_CASTABLE: price is not FLOAT64/) },
      { column_name: 'whole', reason: expect.stringMatching(/^VALUE_NOT_CASTABLE: whole is not INT64/) },
    ]);
    expect(String(aside[0]?.kept)).toContain('"price":"dear"');
  });

  test('leaves alone what has to run elsewhere', async () => {
    await using warehouse = await cloud.open();
    expect((await stage(warehouse, offer({ location: 'EU' }))).moved).toBeNull();
  });

  test('is done once when its answer is lost', async () => {
    await using warehouse = await cloud.open({
      endpoint: proxy.host,
      budget: { attempts: 5, seconds: 10, firstMs: 10, longestMs: 50 },
    });
    proxy.fault({ method: 'POST', job: /_load_rows_1/, fault: { how: 'lose answer' } });
    const { moved } = await stage(warehouse, offer());
    expect(proxy.pending()).toEqual([]);
    expect(moved).toMatchObject({ summary: { extracted: 3 }, staged: { rows: 1 } });
  });

  test('is GoogleSQL', async () => {
    await using analyzer = startAnalyzer();
    expect(await analyzer.analyze(stagingStatement({ columns: COLUMNS }, SQL))).toHaveLength(1);
  });
});
